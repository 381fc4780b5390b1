"""The values that a request for a correction is about: what is on record, what may stand in its place, in words."""

import datetime as dt
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from citybrain.core import clock, documents
from citybrain.core.models import Person
from healthcode.models import Correction

Field = Correction.Field
LONGEST_NAME = 60


def on_record(person: Person, field: str, new: Sequence[str] = ()) -> list[str]:
    """Return the present value of a field: of a document type and number, [] where there is none.

    Of several documents, it is the newest of the type of the new one, else the newest.
    """
    if field == Field.DOCUMENT:
        held = person.documents.order_by("-pk")
        found = (held.filter(type=new[0]).first() if new else None) or held.first()
        return [found.type, found.reveal()] if found else []
    if field == Field.PHONE:
        phone = person.phones.order_by("-pk").first()
        return [phone.reveal()] if phone else []
    if field == Field.BORN_ON:
        return [person.born_on.isoformat()] if person.born_on else []
    return [person.name if field == Field.NAME else person.sex]


def check(field: str, new: Sequence[str]) -> list[str]:
    """Return a new value in its normal form; raise ValidationError saying what to do."""
    if field == Field.DOCUMENT:
        return [new[0], documents.check(new[0], new[1])]
    if field == Field.PHONE:
        return [documents.check_phone(new[0])]
    if field == Field.NAME:
        return [_name(new[0])]
    return [_day(new[0]) if field == Field.BORN_ON else str(Person.Sex(new[0]))]


def in_words(field: str, value: Sequence[str]) -> str:
    """Return a value as people read it; "" where there is none."""
    if not value:
        return ""
    if field == Field.DOCUMENT:
        return f"{documents.Type(value[0]).label} {value[1]}"
    return str(Person.Sex(value[0]).label) if field == Field.SEX else value[0]


def _name(text: str) -> str:
    plain = " ".join(text.split())
    if not 1 <= len(plain) <= LONGEST_NAME:
        raise ValidationError(_("Write the name as it stands in the document, 60 characters at most."))
    return plain


def _day(text: str) -> str:
    day = dt.date.fromisoformat(text)
    if not dt.date(documents.OLDEST_BIRTH_YEAR, 1, 1) <= day <= clock.today():
        raise ValidationError(_("Nobody can be born on this day. Compare it with the document."))
    return day.isoformat()
