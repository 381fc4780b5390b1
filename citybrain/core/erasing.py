"""Erasing persons who asked for it, by the role `retention`: the ground's part, after those of the apps above."""

from django.db import connections, transaction

from citybrain.core import clock, retention

# The health data are gone; what still names the person goes now.
CLEARED = "SELECT person_id FROM core_erasurerequest WHERE cleared_at IS NOT NULL AND erased_at IS NULL"
_TABLES = ("core_phone", "core_document", "core_membership")
# Who signs in by that phone later is somebody new.
_ACCOUNT = """
UPDATE core_user SET person_id = NULL, phone_cipher = NULL, phone_index = NULL, is_active = false WHERE person_id = %s
"""
# Passes and orders of the last weeks point here until they go themselves: to nobody.
_PERSON = """
UPDATE core_person SET name = '—', name_sort = '—', sex = '0', born_on = NULL, address = '' WHERE id = %s
"""
_REQUEST = "UPDATE core_erasurerequest SET erased_at = %s, person_id = NULL WHERE person_id = %s"


def erase_on_request(erasure: retention.Erasure) -> None:
    """Take name, birth date, address, documents, phones and account from whoever asked and has been cleared."""
    for person in retention.ids(CLEARED, {}):
        with transaction.atomic(using=retention.ALIAS), connections[retention.ALIAS].cursor() as cursor:
            for table in _TABLES:
                cursor.execute(f"DELETE FROM {table} WHERE person_id = %s", [person])  # noqa: S608 (names stand here)
            cursor.execute(_ACCOUNT, [person])
            cursor.execute(_PERSON, [person])
            cursor.execute(_REQUEST, [clock.now(), person])
        erasure.gone["core_person"] += 1
