"""Reads of daily check-ins: who owes one, who has given it, and how far each reason has come by them."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet
from django.utils.translation import get_language

from citybrain.core import clock
from citybrain.core.models import Person
from citybrain.core.models.person import PersonQuerySet
from healthcode import engine, replay
from healthcode.kinds import Kind
from healthcode.models import Evidence, HeldItem, Isolation, Reason, RuleSet

DAY = dt.timedelta(days=1)
# What was said so many days ago may still be confirmed by one tap.
NO_CHANGE_DAYS = 2
# Of those that `watched` gives: who still has to check in today.
DUE = Q(owes_today=True, has_today=False)
# Of the days behind, so many are drawn.
MOST_DAYS_BACK = 21


class WayOutCounts(Func):
    """Whether some way out of a reason counts check-ins."""

    template = "jsonb_path_exists(%(expressions)s, '$.**.check_ins')"
    output_field = BooleanField()


def midnight(day: dt.date) -> dt.datetime:
    """Return the instant at which a day begins."""
    return dt.datetime.combine(day, dt.time(), clock.SHANGHAI)


def counting_reasons() -> QuerySet[Reason]:
    """Return the open reasons that end with daily check-ins."""
    return Reason.objects.filter(WayOutCounts(F("closes_when")), closed_at=None)


def check_ins_of(day: dt.date) -> QuerySet[Evidence]:
    """Return the check-ins of a day that nobody has taken back."""
    taken_back = Exists(Evidence.objects.filter(withdraws=OuterRef("pk")))
    span = (midnight(day), midnight(day + DAY) - dt.timedelta(microseconds=1))
    return Evidence.objects.filter(~taken_back, kind=Kind.CHECK_IN, true_at__range=span)


def watched(people: PersonQuerySet) -> PersonQuerySet:
    """Keep whoever is in isolation or has a reason that counts check-ins; say of each what is owed and given.

    Adds `is_isolated`, `owes_today`, `has_today`, `owed_yesterday` and `had_yesterday`.
    """
    today = clock.today()
    known_by = dt.datetime.combine(today - DAY, settings.CHECK_IN_TIMES["missed"], clock.SHANGHAI)
    reasons = counting_reasons().filter(person=OuterRef("pk"))
    isolated = Isolation.objects.going_on().filter(person=OuterRef("pk"))
    # The day on which a reason begins does not count. Whoever did not know of it until the evening missed nothing.
    late = Q(since__lt=midnight(today - DAY), opened_at__lt=known_by)
    late_isolated = Q(first_day__lt=today, order__known_at__lt=known_by)
    # A union, so that the many who are well are never looked at.
    looked_after = counting_reasons().values("person").union(Isolation.objects.going_on().values("person"))
    return people.filter(pk__in=looked_after).annotate(
        is_isolated=Exists(isolated),
        owes_today=Q(Exists(reasons.filter(since__lt=midnight(today))) | Exists(isolated.filter(first_day__lte=today))),
        has_today=Exists(check_ins_of(today).filter(person=OuterRef("pk"))),
        owed_yesterday=Q(Exists(reasons.filter(late)) | Exists(isolated.filter(late_isolated))),
        had_yesterday=Exists(check_ins_of(today - DAY).filter(person=OuterRef("pk"))),
    )


def owes_now(person: Person) -> bool:
    """Return whether somebody owes today's check-in and has not given it."""
    return watched(Person.objects.filter(pk=person.pk)).filter(DUE).exists()


def is_looked_after(person: Person) -> bool:
    """Return whether somebody is in isolation or has a reason that counts check-ins."""
    return watched(Person.objects.filter(pk=person.pk)).exists()


@dataclass(frozen=True)
class Norm:
    """By what a check-in is judged: the rules in force, and what the person's last declaration explains."""

    below: float
    explained: frozenset[str] = frozenset()

    def passes(self, facts: Mapping[str, Any]) -> bool:
        """Whether what somebody said of their health is normal for them."""
        hot = facts.get("celsius", 0) >= self.below and "fever" not in self.explained
        return not hot and set(facts["symptoms"]) <= self.explained


def norm_of(person: Person) -> Norm:
    """Return by what a person's check-ins are judged now; raise NoRulesError when no rules are in force."""
    below = _body(_in_force())["check_ins"]["normal_below"]
    last = live(person).filter(kind=Kind.DECLARATION).order_by("-true_at", "-id").first()
    return Norm(float(below), frozenset(last.facts["explained"] if last else ()))


def live(person: Person) -> QuerySet[Evidence]:
    """Return what is known of a person and was not withdrawn."""
    return Evidence.objects.filter(~Exists(Evidence.objects.filter(withdraws=OuterRef("pk"))), person=person)


def let_in(hold: int) -> list[int]:
    """Return the ids of the evidence that a hold (id) became; none while it waits, or when it was refused."""
    found = HeldItem.objects.filter(hold=hold, evidence__isnull=False)
    return [one for one in found.values_list("evidence_id", flat=True) if one is not None]


def last_normal(person: Person, norm: Norm) -> Evidence | None:
    """Return what “no change” would confirm: the last thing said of health, if it is normal and recent; else None."""
    since = midnight(clock.today() - NO_CHANGE_DAYS * DAY)
    said = live(person).filter(
        Q(kind__in=(Kind.CHECK_IN, Kind.DECLARATION)) | Q(kind=Kind.TEMPERATURE, facts__confirmed=True),
        true_at__gte=since,
    )
    for evidence in said.order_by("-true_at", "-id"):
        if evidence.kind != Kind.TEMPERATURE:
            return evidence if norm.passes(evidence.facts) else None
        if not norm.passes({"symptoms": [], **evidence.facts}):
            return None
    return None


@dataclass(frozen=True)
class Day:
    """A day on the way out and what became of it.

    counts: checked in, and it counts; lost: checked in, before the count began anew; worse: checked in with symptoms;
    missed; today: owed and not given yet; to_come.
    """

    on: dt.date
    state: str


@dataclass(frozen=True)
class Count:
    """How far a reason that counts check-ins has come."""

    reason: Reason
    # The rule's name in the reader's language.
    name: str
    done: int
    of: int
    restarts: bool
    days: list[Day] = field(default_factory=list)
    is_cut: bool = False

    @property
    def left(self) -> int:
        """How many check-ins are still to come."""
        return max(0, self.of - self.done)

    @property
    def number_of_next(self) -> int:
        """Which check-in the next one is."""
        return min(self.done + 1, self.of)


# What the engine takes for the days of check-ins and for the openings: read from its own tables, so that it is
# defined once.
_COUNTED = """
WITH {chain}
SELECT p.id,
       (SELECT jsonb_object_agg(c.day, c.normal) FROM checked AS c WHERE c.person_id = p.id),
       (SELECT jsonb_agg(jsonb_build_array(r.rule, o.evidence, o.day))
          FROM opened AS o JOIN rule AS r USING (number) WHERE o.person_id = p.id)
  FROM unnest(%(persons)s::bigint[]) AS p (id)
"""


@dataclass(frozen=True)
class Story:
    """What the engine knows of one person's check-ins."""

    # Day → whether all check-ins of it were normal.
    days: dict[dt.date, bool]
    # (rule, evidence) → the day after which check-ins count.
    openings: dict[tuple[str, int], dt.date]


def stories(persons: Iterable[int], by: replay.Activation | None = None) -> dict[int, Story]:
    """Return the stories of persons (ids) in one statement; raise NoRulesError when no rules are in force.

    `by` are the rules in force, if they have been looked up.
    """
    ids, now, activation = list(persons), clock.now(), by or _in_force()
    chain = replay.statement(activation).chain
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED.format(chain=chain), replay.parameters(activation, ids, at=now, known=now))
        return {
            person: _story(_json(days) or {}, _json(openings) or []) for person, days, openings in cursor.fetchall()
        }


def _story(days: Mapping[str, bool], openings: Iterable[tuple[str, int, str]]) -> Story:
    day = dt.date.fromisoformat
    return Story(
        {day(one): normal for one, normal in days.items()},
        {(rule, evidence): day(on) for rule, evidence, on in openings},
    )


def _json(value: Any) -> Any:
    # Django leaves jsonb of raw statements as text.
    return json.loads(value) if isinstance(value, str) else value


def counts(persons: Iterable[int], told: Mapping[int, Story] | None = None) -> dict[int, list[Count]]:
    """Return, for each person (id), how far each reason has come that counts check-ins, the slowest first.

    `told` are their stories, if they have been read. Raises NoRulesError when no rules are in force.
    """
    ids = list(persons)
    found: dict[int, list[Count]] = {person: [] for person in ids}
    reasons = list(counting_reasons().filter(person__in=ids).order_by("colour", "since", "rule"))
    if not reasons:
        return found
    activation = _in_force()
    told = told if told is not None else stories({reason.person_id for reason in reasons}, activation)
    body = _body(activation)
    for reason in reasons:
        found[reason.person_id].append(_count(reason, told[reason.person_id], body))
    return {person: sorted(rows, key=lambda row: -row.left) for person, rows in found.items()}


def are_rules_in_force() -> bool:
    """Return whether anybody can be judged now."""
    try:
        _in_force()
    except replay.NoRulesError:
        return False
    return True


def _in_force() -> replay.Activation:
    now = clock.now()
    return replay.activations(now).in_force(now)


def _body(activation: replay.Activation) -> dict[str, Any]:
    return _kept_body(activation.rule_set_id, activation.digest)


@lru_cache(maxsize=32)
def _kept_body(rule_set_id: int, _digest: str) -> dict[str, Any]:
    # A rule set never changes, so it is read once per process.
    body: dict[str, Any] = RuleSet.objects.get(pk=rule_set_id).body
    return body


def _count(reason: Reason, story: Story, body: Mapping[str, Any]) -> Count:
    asked, restarts = _asked(reason, body)
    after = max(
        (story.openings[reason.rule, one] for one in reason.evidence if (reason.rule, one) in story.openings),
        default=reason.since.astimezone(clock.SHANGHAI).date(),
    )
    behind, best = _days_behind(reason, story, after, restarts=restarts)
    # Once there were enough, a later gap takes nothing away: then something else is waited for.
    done = asked if best >= asked else reason.progress.get("check_ins", _counting(behind))
    ahead = _days_ahead(story, after, asked - done)
    return Count(
        reason=reason,
        name=_name(reason.rule, body),
        done=done,
        of=asked,
        restarts=restarts,
        days=[*behind[-MOST_DAYS_BACK:], *ahead],
        is_cut=len(behind) > MOST_DAYS_BACK,
    )


def rule_names(rules: Iterable[str]) -> dict[str, str]:
    """Return the names of rules in the reader's language, as the rules in force have them."""
    body = _body(_in_force())
    return {rule: _name(rule, body) for rule in rules}


def _name(rule: str, body: Mapping[str, Any]) -> str:
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    return next((str(one["name"][language]) for one in body["rules"] if one["rule"] == rule), rule)


def _asked(reason: Reason, body: Mapping[str, Any]) -> tuple[int, bool]:
    """Return how many check-ins the reason asks for, and whether a missed day makes it begin anew.

    Of several ways out, the one whose length the engine counts by.
    """
    closers = [one for way in engine.ways_out({"closes_when": reason.closes_when}) for one in way if "check_ins" in one]
    of = reason.progress.get("of")
    closer = next((one for one in closers if one["check_ins"] == of), closers[0])
    return closer["check_ins"], closer.get("missed_day", body["check_ins"]["missed_day"]) == "restart"


def _counting(days: Iterable[Day]) -> int:
    return sum(day.state == "counts" for day in days)


def _days_behind(reason: Reason, story: Story, after: dt.date, *, restarts: bool) -> tuple[list[Day], int]:
    """Return the days that can count up to today (today only with a check-in), and the best count there was."""
    today = clock.today()
    # Before it was known that there was a reason nobody could miss a day.
    known_on = reason.opened_at.astimezone(clock.SHANGHAI).date()
    days: list[Day] = []
    best, day = 0, after + DAY
    while day <= today:
        normal = story.days.get(day)
        is_break = normal is False or (normal is None and day < today and restarts)
        if is_break:
            days = [Day(one.on, "lost" if one.state == "counts" else one.state) for one in days]
        if normal is not None:
            days.append(Day(day, "counts" if normal else "worse"))
        elif day < today and (days or day >= known_on):
            days.append(Day(day, "missed"))
        best = max(best, _counting(days))
        day += DAY
    return days, best


def _days_ahead(story: Story, after: dt.date, left: int) -> list[Day]:
    today = clock.today()
    first = max(after + DAY, today if today not in story.days else today + DAY)
    days = (first + number * DAY for number in range(max(0, left)))
    return [Day(day, "today" if day == today else "to_come") for day in days]


def earliest_end(reasons: Iterable[Reason]) -> dt.date | None:
    """Return the first day on which all of these open reasons can have ended; None when that hangs on others."""
    ends = [reason.until for reason in reasons]
    if not ends or None in ends:
        return None
    return max(end for end in ends if end is not None).astimezone(clock.SHANGHAI).date()
