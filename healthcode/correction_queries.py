"""Reads of corrections: one's own data with what can be done about each; requests for the pages."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from citybrain.core.models import Person, User
from citybrain.core.roles import Act
from healthcode import correction_values
from healthcode.models import Correction, Declaration

Field, State = Correction.Field, Correction.State


@dataclass(frozen=True)
class Datum:
    """One thing that is on record: its name, what stands there, and where it is put right."""

    name: str
    # "" where nothing is on record.
    value: str
    # Whether it is shown only when asked for: numbers.
    is_secret: bool
    link: str
    # The open request about it.
    waiting: Correction | None = None


@dataclass(frozen=True)
class Compared:
    """A request with both values in words."""

    correction: Correction
    old: str
    new: str


def own_data(person: Person) -> list[Datum]:
    """Return what can be put right of a person's data."""
    waiting = {one.field: one for one in Correction.objects.filter(person=person, state=State.OPEN)}
    data = [
        Datum(
            str(field.label),
            correction_values.in_words(field, correction_values.on_record(person, field)),
            field in {Field.DOCUMENT, Field.PHONE},
            reverse("healthcode:correction_new", args=[field.value]),
            waiting.get(field),
        )
        for field in Field
    ]
    last = Declaration.objects.filter(person=person).order_by("-declared_at", "-id").first()
    declare = reverse("healthcode:declare")
    return [
        *data,
        Datum(_("Address"), person.address, False, declare),
        Datum(_("Work or school"), last.work if last else "", False, declare),
    ]


def requests_of(person: Person) -> QuerySet[Correction]:
    """Return a person's requests; pages run along ("-made_at", "-id")."""
    return Correction.objects.filter(person=person)


def to_decide(user: User) -> QuerySet[Correction]:
    """Return what waits where the user may correct data; pages run along ("made_at", "id")."""
    rows = Correction.objects.visible_to(user, Act.CORRECT_DATA).filter(state=State.OPEN)
    return rows.select_related("person__area")


def compared(correction: Correction) -> Compared:
    """Return a request with both values in words."""
    field = correction.field
    old, new = (correction_values.in_words(field, value) for value in (correction.old(), correction.new()))
    return Compared(correction, old, new)


def is_stale(correction: Correction) -> bool:
    """Whether what is on record has changed since it was asked for."""
    on_record = correction_values.on_record(correction.person, correction.field, correction.new())
    return correction.state == State.OPEN and on_record != correction.old()
