"""Checking in: what is said of a person's health today, by themselves, by family, or taken down by staff."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, outbox, turns
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.purposes import Purpose
from citybrain.core.roles import Act
from healthcode import check_in_queries as queries
from healthcode.actions.evidence import Said, record_evidence
from healthcode.actions.isolation import end_isolations
from healthcode.actions.submit import submit_evidence
from healthcode.kinds import Kind
from healthcode.models import Evidence

# What was entered by mistake is noticed at once.
REPLACE_WITHIN = dt.timedelta(minutes=10)


class CheckInError(Exception):
    """A check-in that is not possible as things stand; its text says why, to whoever tried."""


@dataclass(frozen=True)
class Given:
    """What was answered: one tap for no change, or symptoms and perhaps a temperature."""

    is_no_change: bool = False
    symptoms: Sequence[str] = ()
    celsius: float | None = None
    # The newest check-in of the person when the form was drawn: sent twice, it is kept once.
    seen: int = 0
    # The one entered by mistake that this replaces.
    replaces: int | None = None


@dataclass(frozen=True)
class Taken:
    """What became of it: evidence, perhaps what had arrived before; none while it waits for a second person."""

    evidence: Evidence | None
    is_repeat: bool = False


def newest_id(person: Person) -> int:
    """Return the id of a person's newest check-in, for a form to carry; 0 when there is none."""
    found = Evidence.objects.filter(person=person, kind=Kind.CHECK_IN).order_by("-pk").values_list("pk", flat=True)
    return found.first() or 0


def replaceable(person: Person, by: User) -> Evidence | None:
    """Return the last check-in of a person if this user gave it a moment ago and may still replace it."""
    last = queries.live(person).filter(kind=Kind.CHECK_IN).order_by("-known_at", "-id").first()
    if last is None or last.author != by.pk or last.known_at < clock.now() - REPLACE_WITHIN:
        return None
    return last


def check_in(*, person: Person, given: Given, by: User) -> Taken:
    """Check in for oneself or for whom one acts; return the evidence, the one that is there if it came twice.

    Raises CheckInError when it is not possible as things stand, NoRulesError without rules in force.
    """
    is_own = by.person_id == person.pk
    source = Evidence.Source.SELF if is_own else Evidence.Source.GUARDIAN
    with transaction.atomic():
        if (repeat := _repeat(person, given, by)) is not None:
            return Taken(repeat, is_repeat=True)
        facts, old = _facts(person, given), _replaced(person, given, by)
        evidence = record_evidence(
            person=person,
            kind=Kind.CHECK_IN,
            facts=facts,
            source=source,
            by=by,
            true_at=old.true_at if old else None,
            withdraws=old,
        )
        _follow(evidence, by, Act.CHECK_IN)
    return Taken(evidence)


def check_in_for(*, person: Person, given: Given, by: User) -> Taken:
    """Take down the check-in of somebody in the area of a member of staff, as `check_in` does."""
    with transaction.atomic():
        if (repeat := _repeat(person, given, by)) is not None:
            return Taken(repeat, is_repeat=True)
        old = _replaced(person, given, by)
        said = Said(person, Kind.CHECK_IN, _facts(person, given), old.true_at if old else None, withdraws=old)
        submitted = submit_evidence(said=[said], source=Evidence.Source.GRID_WORKER, by=by, under=Act.RECORD_CHECK_IN)
        if not submitted.evidence:
            return Taken(None)
        _follow(submitted.evidence[0], by, Act.RECORD_CHECK_IN)
    return Taken(submitted.evidence[0])


def follow_hold(payload: Mapping[str, Any]) -> None:
    """Handle `hold.decided`: a check-in that was let in is followed as any other."""
    let_in = Evidence.objects.filter(pk__in=queries.let_in(payload["hold"]), kind=Kind.CHECK_IN).select_related(
        "person"
    )
    for evidence in let_in:
        _publish_if_worse(evidence)


def _repeat(person: Person, given: Given, by: User) -> Evidence | None:
    """Return what has arrived already of this form; others who check in for the person wait for their turn."""
    turns.take(hashlib.sha256(f"check-in:{person.pk}".encode()).digest())
    today = queries.midnight(clock.today())
    newer = Evidence.objects.filter(
        person=person, kind=Kind.CHECK_IN, author=by.pk, pk__gt=given.seen, known_at__gte=today
    )
    for one in newer.order_by("-pk"):
        if _says_the_same(one.facts, given):
            return one
    return None


def _says_the_same(facts: Mapping[str, Any], given: Given) -> bool:
    if given.is_no_change or facts.get("no_change"):
        return bool(given.is_no_change and facts.get("no_change"))
    return facts["symptoms"] == list(given.symptoms) and facts.get("celsius") == given.celsius


def _facts(person: Person, given: Given) -> dict[str, Any]:
    if not given.is_no_change:
        measured = {"celsius": given.celsius} if given.celsius is not None else {}
        return {"symptoms": list(given.symptoms), **measured}
    last = queries.last_normal(person, queries.norm_of(person))
    if last is None:
        raise CheckInError(_("“No change” is not possible today. Please answer the two questions."))
    # A cough that a declared illness explains goes on: that too is no change.
    return {"symptoms": last.facts["symptoms"], "no_change": True}


def _replaced(person: Person, given: Given, by: User) -> Evidence | None:
    if given.replaces is None:
        return None
    old = replaceable(person, by)
    if old is None or old.pk != given.replaces:
        raise CheckInError(
            _("A check-in can be replaced within 10 minutes only. If something has changed, check in again.")
        )
    return old


def _follow(evidence: Evidence, by: User, under: Act) -> None:
    audit.record(
        Deed.CHECK_IN,
        by=by,
        under=under,
        where=("area", [evidence.person.area_id]),
        purpose=Purpose.ISOLATION_CARE if under == Act.RECORD_CHECK_IN else "",
        subjects=[evidence.person_id],
        target=f"evidence:{evidence.pk}",
    )
    end_isolations(persons=[evidence.person_id])
    _publish_if_worse(evidence)


def _publish_if_worse(evidence: Evidence) -> None:
    if not queries.norm_of(evidence.person).passes(evidence.facts):
        outbox.publish("check_in.worse", evidence=evidence.pk)
