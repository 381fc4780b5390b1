"""What is written about a person."""

from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, crypto, documents, turns
from citybrain.core.models import Area, Document, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act


class DocumentTakenError(Exception):
    """The number is on record for somebody else; the text does not say for whom."""


def add_document(*, person: Person, kind: str, number: str, by: User | None) -> Document:
    """Put an identity document on record for a person and return it; one that the person holds is returned as it is.

    Raises ValidationError when the number is none and DocumentTakenError when somebody else holds it. The unique index
    alone does not see a number written under an older blind index key, so every key is looked under, one at a time.
    """
    plain = documents.check(kind, number)
    tags = crypto.blind_indexes(kind, plain)
    with transaction.atomic():
        # By the tag of the oldest key, which processes before and after a rotation have in common.
        turns.take(tags[-1][1:])
        held = Document.objects.filter(number_index__in=tags).first()
        if held is not None and held.person_id != person.pk:
            message = _(
                "This number is already on record and was not added. Compare it with the document; if it is right,"
                " ask at your community's office."
            )
            raise DocumentTakenError(message)
        if held is None:
            held = Document.of(person, kind, plain)
            held.save()
            target, detail = f"document:{held.pk}", {"type": kind}
            audit.record(Deed.ADD_DOCUMENT, by=by, subjects=[person.pk], target=target, detail=detail)
    return held


def change_address(*, person: Person, area: Area, address: str, by: User | None, under: Act) -> None:
    """Bring a person's present address up to date; one that is the same stays without a trace."""
    if (person.area_id, person.address) == (area.pk, address):
        return
    with transaction.atomic():
        areas = {"from": person.area_id, "to": area.pk}
        where = ("area", areas.values())
        audit.record(Deed.CHANGE_ADDRESS, by=by, under=under, where=where, subjects=[person.pk], detail=areas)
        person.area, person.address = area, address
        person.save(update_fields=["area", "address"])
