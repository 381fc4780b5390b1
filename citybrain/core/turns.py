"""Turns: transactions about the same thing, one after the other."""

from django.db import connection


def take(digest: bytes) -> None:
    """Wait until no other transaction holds this digest (8 bytes or more); held to the end of the caller's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)])
