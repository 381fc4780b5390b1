"""Care for people in isolation: what they ask for, and what the grid must know of their check-ins the same day."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from citybrain.core import audit, clock, turns
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community.actions.alerts import raise_alert
from community.models import Alert, CareRequest
from community.queries import duty_grid
from healthcode import check_in_queries
from healthcode.models import Evidence


class CareError(Exception):
    """Nothing can be asked for: the person is neither in isolation nor owes check-ins."""


def newest_id(person: Person) -> int:
    """Return the id of a person's newest request, for a form to carry; 0 when there is none."""
    newest = CareRequest.objects.filter(person=person).order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


def ask_for_care(*, person: Person, wants: Sequence[str], words: str, seen: int, by: User) -> CareRequest:
    """Ask the grid for something; `seen` is the newest request when the form was drawn: sent twice, it is kept once.

    Raises CareError for whoever is not looked after.
    """
    with transaction.atomic():
        turns.take(hashlib.sha256(f"care:{person.pk}".encode()).digest())
        asked = CareRequest.objects.filter(person=person, asked_by=by.pk, pk__gt=seen)
        twin = asked.filter(wants=list(wants), words=words).first()
        if twin is not None:
            return twin
        if not check_in_queries.is_looked_after(person):
            raise CareError
        now = clock.now()
        alert = _raise(Alert.Kind.CARE_NEEDED, person, now)
        request = CareRequest.objects.create(
            person=person, alert=alert, wants=list(wants), words=words, asked_at=now, asked_by=by.pk
        )
        audit.record(Deed.ASK_FOR_CARE, by=by, under=Act.CHECK_IN, subjects=[person.pk], target=f"care:{request.pk}")
    return request


def tell_missed(payload: Mapping[str, Any]) -> None:
    """Handle `check_in.missed`: the grid is told the same day, unless the check-in has come meanwhile."""
    person = Person.objects.select_related("area").get(pk=payload["person"])
    day = dt.date.fromisoformat(payload["day"])
    if not check_in_queries.check_ins_of(day).filter(person=person).exists():
        _raise(Alert.Kind.CHECK_IN_MISSED, person, clock.now())


def tell_worse(payload: Mapping[str, Any]) -> None:
    """Handle `check_in.worse`: the grid is told; also when it was put right since, as somebody has to ask."""
    evidence = Evidence.objects.select_related("person__area").get(pk=payload["evidence"])
    _raise(Alert.Kind.HEALTH_WORSE, evidence.person, evidence.known_at)


def _raise(kind: str, person: Person, at: dt.datetime) -> Alert:
    subject = f"person:{person.pk}"
    area = duty_grid(person.area).pk
    raise_alert(kind=kind, subject=subject, person=person.pk, area=area, place="", cause="", at=at)
    return Alert.objects.get(subject=subject, kind=kind, closed_at=None)
