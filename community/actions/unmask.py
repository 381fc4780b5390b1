"""Unmasking: reading what is hidden of a resident, once and on record."""

from dataclasses import dataclass

from django.db import transaction

from citybrain.core import audit
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act


@dataclass(frozen=True)
class Unmasked:
    """A person's name and numbers in the clear, for one answer."""

    name: str
    documents: list[tuple[str, str]]
    phones: list[str]


def unmask(*, person: Person, purpose: str, by: User) -> Unmasked:
    """Decrypt a person's documents and phones; the record is written before anything is read."""
    with transaction.atomic():
        audit.record(
            Deed.UNMASK,
            by=by,
            under=Act.UNMASK_PERSON,
            where=("area", [person.area_id]),
            purpose=purpose,
            subjects=[person.pk],
        )
        return Unmasked(
            name=person.name,
            documents=[(held.get_type_display(), held.reveal()) for held in person.documents.order_by("type")],
            phones=[phone.reveal() for phone in person.phones.order_by("id")],
        )
