"""Reads of the health code for pages and for the apps above."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import QuerySet

from citybrain.core import clock
from citybrain.core.models import Person
from healthcode import replay
from healthcode.models import CodeState, Reason, State


@dataclass(frozen=True)
class Code:
    """What a person's code says now."""

    state: State
    # None while nothing is known.
    since: dt.datetime | None
    valid_until: dt.datetime | None


def state_of(person: Person) -> Code:
    """Return what the code says now: expired by itself past its time, not known where there is no row."""
    stored = CodeState.objects.filter(person=person).first()
    if stored is None:
        return Code(State.NOT_KNOWN, None, None)
    state = stored.at(clock.now())
    return Code(state, stored.since if state == stored.state else stored.valid_until, stored.valid_until)


def reasons_of(person: Person) -> QuerySet[Reason]:
    """Return the open reasons as they were last evaluated, red before yellow, then by their beginning."""
    return Reason.objects.filter(person=person, closed_at=None).order_by("colour", "since", "rule")


def why_at(person: Person, at: dt.datetime) -> replay.Verdict:
    """Return state and reasons at an instant, from the evidence known and the rules in force at that instant.

    Raises NoRulesError when no rules were in force then. Holds within the time that evidence is retained.
    """
    return replay.judge([person.pk], at=at)[person.pk]
