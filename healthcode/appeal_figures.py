"""Public figures of appeals: how many, how old, how long they took, how they ended. They name nobody."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Q
from django.db.models.functions import TruncMonth

from citybrain.core import clock, workdays
from healthcode import explanation
from healthcode.models import Appeal
from healthcode.models.appeal import AppealQuerySet

MONTHS = 12
# Of how many decisions, the newest, the time is measured.
MEASURED = 5000
# Fewer than these could be told apart.
FEW = 5


@dataclass(frozen=True)
class Month:
    """What happened to the appeals made in a month (its first day)."""

    first: dt.date
    made: int
    granted: int
    in_part: int
    rejected: int
    taken_back: int
    open: int


@dataclass(frozen=True)
class Ages:
    """Open cases by the working time since they were made."""

    within_a_day: int
    longer: int
    overdue: int

    @property
    def open(self) -> int:
        """All of them."""
        return self.within_a_day + self.longer + self.overdue


@dataclass(frozen=True)
class Taken:
    """How long decisions took, in working hours; None while there is none."""

    decided: int
    median: float | None
    ninetieth: float | None
    in_time: int

    @property
    def share_in_time(self) -> int | None:
        """Percent that were decided by their deadline."""
        return self.in_time * 100 // self.decided if self.decided else None


@dataclass(frozen=True)
class OfRule:
    """How many appeals a rule had; None for fewer than FEW."""

    name: str
    made: int | None


@dataclass(frozen=True)
class Figures:
    """All that the public page shows."""

    months: list[Month]
    ages: Ages
    taken: Taken
    rules: list[OfRule]
    since: dt.date
    few: int


def working_days() -> int:
    """Return within how many working days an appeal is decided."""
    days: int = settings.APPEAL_WORKING_DAYS
    return days


def figures() -> Figures:
    """Return the figures of this month and the eleven before it."""
    today = clock.today()
    months = today.year * 12 + today.month - MONTHS
    since = dt.date(months // 12, months % 12 + 1, 1)
    start = dt.datetime.combine(since, dt.time(), tzinfo=clock.SHANGHAI)
    real: AppealQuerySet = Appeal.objects.filter(area__is_smoke=False)
    rows: AppealQuerySet = real.filter(made_at__gte=start)
    return Figures(_months(rows), _ages(real), _taken(rows), _rules(rows), since, FEW)


def _months(rows: AppealQuerySet) -> list[Month]:
    state, outcome = Appeal.State, Appeal.Outcome
    counted = (
        rows.annotate(month=TruncMonth("made_at", tzinfo=clock.SHANGHAI))
        .order_by("-month")
        .values("month")
        .annotate(
            made=Count("id"),
            granted=Count("id", filter=Q(outcome=outcome.GRANTED)),
            in_part=Count("id", filter=Q(outcome=outcome.GRANTED_IN_PART)),
            rejected=Count("id", filter=Q(outcome=outcome.REJECTED)),
            taken_back=Count("id", filter=Q(state=state.TAKEN_BACK)),
            open=Count("id", filter=~Q(state__in=[state.DECIDED, state.TAKEN_BACK])),
        )
    )
    return [Month(first=row.pop("month").date(), **row) for row in counted]


def _ages(rows: AppealQuerySet) -> Ages:
    now, hours = clock.now(), workdays.Hours(*settings.WORKING_HOURS)
    is_open = rows.exclude(state__in=[Appeal.State.DECIDED, Appeal.State.TAKEN_BACK])
    in_time = list(is_open.filter(due_at__gte=now).values_list("made_at", flat=True))
    fresh = sum(workdays.worked(made_at, now, hours) <= hours.length for made_at in in_time)
    return Ages(fresh, len(in_time) - fresh, is_open.filter(due_at__lt=now).count())


def _taken(rows: AppealQuerySet) -> Taken:
    hours = workdays.Hours(*settings.WORKING_HOURS)
    decided = rows.filter(state=Appeal.State.DECIDED).order_by("-decided_at")
    spans = list(decided.values_list("made_at", "decided_at", "due_at")[:MEASURED])
    taken = sorted(workdays.worked(made, end, hours).total_seconds() / 3600 for made, end, _due in spans if end)
    in_time = sum(end is not None and end <= due for _made, end, due in spans)
    return Taken(len(spans), _quantile(taken, 0.5), _quantile(taken, 0.9), in_time)


def _quantile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest of sorted values that so large a share does not exceed, None for no values."""
    return values[math.ceil(share * len(values)) - 1] if values else None


def _rules(rows: AppealQuerySet) -> list[OfRule]:
    made = Counter(dict(rows.order_by().values_list("rule").annotate(made=Count("id"))))
    words = explanation.rule_words(made)
    named = ((words[rule].name if rule in words else rule, count) for rule, count in made.most_common())
    return [OfRule(name, count if count >= FEW else None) for name, count in named]
