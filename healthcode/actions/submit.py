"""Recording what staff and feeds know of others: the one door for evidence that does not come from its person."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from citybrain.core import audit, clock, photos, scope, turns
from citybrain.core.access import RefusedLookError
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import effects, limits, replay
from healthcode.actions.evaluate import Change
from healthcode.actions.evidence import Said, record_all
from healthcode.models import Evidence, HeldItem, Hold, Impact
from healthcode.permissions import fits, may_record_of

# Whoever counts towards the limits does so one after the other, so that two cannot each find room.
_TURN = hashlib.sha256(b"limits of what is recorded of others").digest()
# The same words of the same author within this time are a second click.
SECOND_CLICK = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Submitted:
    """What became of it: recorded, with whose code changed; or held, and then it is no evidence yet."""

    evidence: list[Evidence] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    hold: Hold | None = None


@dataclass(frozen=True)
class Recorded:
    """Evidence that was written, whose code changed, and what counts towards the limits."""

    evidence: list[Evidence]
    changes: list[Change]
    impacts: list[Impact]


@dataclass(frozen=True)
class Foreseen:
    """What recording would do: states before and after by person, the rules that would open and close, what holds."""

    changes: list[Change]
    opened: dict[int, set[str]]
    closed: dict[int, set[str]]
    worse: int
    better: int
    because: list[Hold.Because]


class _UndoneError(Exception):
    """Whatever was written since the savepoint is undone."""


def submit_evidence(
    *, said: Sequence[Said], source: str, by: User | None, under: Act, feed: str | None = None
) -> Submitted:
    """Record what staff say of others, all or none, or hold it when it changes more codes than the limits allow.

    `under` is the permission that it is done by; `feed` names the key of a signed feed ("key:3"), whose scopes the
    caller has checked. Call it once in a transaction, and without locks that others wait for: it takes turns.
    Raises RefusedLookError when `by` may not record this of that person, ValidationError when the facts cannot be,
    NoRulesError when no rule set is in force.
    """
    unit = _check(said, by, under, feed)
    with transaction.atomic():
        try:
            with transaction.atomic():
                done = record_and_compare(said=said, source=source, by=by, unit=unit)
                counting = _counting(done.impacts, unit)
                because = _because(counting)
                _undo_if(because)
                Impact.objects.bulk_create(counting)
        except _UndoneError:
            return Submitted(hold=_hold(said, source, by, under, unit, counting, because))
    return Submitted(done.evidence, done.changes)


def submit_once(*, said: Sequence[Said], source: str, by: User, under: Act, jpeg: bytes | None = None) -> Submitted:
    """Do as `submit_evidence`, but take a second click for what it is: it gets the answer of the first.

    Every `true_at` must be given, or the second would say something else. `jpeg` is a picture of the paper that all of
    it was taken from.
    """
    with transaction.atomic():
        turns.take(hashlib.sha256(f"recording:{by.pk}".encode()).digest())
        if twin := _twin(said, by):
            return twin
        if jpeg is not None:
            paper = photos.keep(jpeg=jpeg, area=said[0].person.area, by=by)
            said = [replace(one, document=paper) for one in said]
        return submit_evidence(said=said, source=source, by=by, under=under)


def foresee(*, said: Sequence[Said], source: str, by: User, under: Act) -> Foreseen:
    """Return what recording this would do, and leave nothing behind. Raises what `submit_evidence` does."""
    unit = _check(said, by, under, None)
    persons = {one.person.pk for one in said}
    try:
        with transaction.atomic():
            replay.lock(sorted(persons), clock.now())
            before = effects.grounds(persons)
            done = record_and_compare(said=said, source=source, by=by, unit=unit)
            after = effects.grounds(persons)
            because = limits.beyond(done.impacts, limits.recent(clock.now()), clock.now())
            _undo_if(True)
    except _UndoneError:
        pass
    return Foreseen(
        changes=done.changes,
        opened={person: {rule for rule, _colour, _one in after[person] - before[person]} for person in persons},
        closed={person: _rules(before[person]) - _rules(after[person]) for person in persons},
        worse=effects.people(done.impacts, Impact.Effect.WORSE),
        better=effects.people(done.impacts, Impact.Effect.BETTER),
        because=because,
    )


def unit_of(user: User, under: Act, areas: Sequence[int]) -> str:
    """Return the unit for which somebody acts: the role and holding ("health_officer@area:1") that permit the act."""
    role, holding = scope.of(user).under(under, "area", areas)[0]
    return f"{role}@{holding}"


def record_and_compare(
    *, said: Sequence[Said], source: str, by: User | None, unit: str, is_approved: bool = False
) -> Recorded:
    """Record evidence and find out whose code it made worse or better; for the door and for whoever opens it."""
    persons = sorted({one.person.pk for one in said})
    # The lock of the evaluator, taken before: what stands against them must not change in between.
    replay.lock(persons, clock.now())
    before = effects.grounds(persons)
    evidence, changes = record_all(said=said, source=source, by=by, unit=unit)
    sender = effects.Sender(by.pk if by else None, unit, clock.now(), is_approved)
    return Recorded(evidence, changes, effects.impacts(evidence, changes, before, sender))


def _check(said: Sequence[Said], by: User | None, under: Act, feed: str | None) -> str:
    """Return the unit that acts, or refuse."""
    for one in said:
        one.check()
        is_permitted = fits(one.kind, under, one.withdraws, by)
        if is_permitted and feed is None:
            is_permitted = by is not None and may_record_of(by, under, one.person)
        if not is_permitted:
            target = f"kind:{one.kind}"
            raise RefusedLookError(Deed.RECORD_EVIDENCE, under, status=403, target=target, person_ref=one.person.ref)
    if feed is not None:
        return feed
    if by is None:
        raise ValueError("evidence of others has an author or comes by a feed")
    return unit_of(by, under, [one.person.area_id for one in said])


def _undo_if(is_undone: object) -> None:
    if is_undone:
        raise _UndoneError


def _counting(impacts: list[Impact], unit: str) -> list[Impact]:
    """Leave out what a signed feed makes better: that is free."""
    return [row for row in impacts if not (limits.is_feed(unit) and row.effect == Impact.Effect.BETTER)]


def _because(new: list[Impact]) -> list[Hold.Because]:
    """Return the limits that these would go beyond.

    Nobody locks a person after the turn is taken, and most evidence changes no code and takes none.
    """
    if not new:
        return []
    turns.take(_TURN)
    return limits.beyond(new, limits.recent(clock.now()), clock.now())


def _hold(
    said: Sequence[Said],
    source: str,
    by: User | None,
    under: Act,
    unit: str,
    counting: list[Impact],
    because: list[Hold.Because],
) -> Hold:
    now = clock.now()
    hold = Hold.objects.create(
        because=because,
        made_by=by.pk if by else None,
        made_under=unit,
        made_at=now,
        worse=effects.people(counting, Impact.Effect.WORSE),
        better=effects.people(counting, Impact.Effect.BETTER),
    )
    HeldItem.objects.bulk_create(
        HeldItem(
            hold=hold,
            person=one.person,
            kind=one.kind,
            facts=dict(one.facts),
            true_at=one.true_at or now,
            source=source,
            document=one.document,
            withdraws=one.withdraws,
        )
        for one in said
    )
    audit.record(
        Deed.HOLD_EVIDENCE,
        by=by,
        under=under,
        where=("area", {one.person.area_id for one in said}),
        subjects=[one.person.pk for one in said],
        target=f"hold:{hold.pk}",
        detail={"because": [str(one) for one in because], "worse": hold.worse, "better": hold.better},
    )
    return hold


# What makes two recordings the same: person, kind, when it was true, and the facts.
_Words = tuple[int, str, dt.datetime, str]


def _twin(said: Sequence[Said], by: User) -> Submitted | None:
    """Return what became of exactly this when the author sent it a moment ago."""
    wanted = {_words(one.person.pk, one.kind, one.true_at, one.facts) for one in said}
    since, persons = clock.now() - SECOND_CLICK, {one.person.pk for one in said}
    told = Evidence.objects.filter(author=by.pk, known_at__gt=since, person__in=persons).order_by("id")
    evidence = [row for row in told if _words(row.person_id, row.kind, row.true_at, row.facts) in wanted]
    if {_words(row.person_id, row.kind, row.true_at, row.facts) for row in evidence} == wanted:
        return Submitted(evidence)
    holds = Hold.objects.filter(made_by=by.pk, made_at__gt=since).prefetch_related("items").order_by("-id")
    for hold in holds:
        if {_words(row.person_id, row.kind, row.true_at, row.facts) for row in hold.items.all()} == wanted:
            return Submitted(hold=hold)
    return None


def _words(person: int, kind: str, true_at: dt.datetime | None, facts: Mapping[str, Any]) -> _Words:
    if true_at is None:
        raise ValueError("say when it was true: a second click must say the same")
    return person, kind, true_at, json.dumps(facts, sort_keys=True)


def _rules(grounds: effects.Grounds) -> set[str]:
    return {rule for rule, _colour, _evidence in grounds}
