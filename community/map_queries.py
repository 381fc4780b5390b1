"""Reads for the map: what the parts of an area count, by the figures that the viewer may see."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise

from citybrain.core import scope
from citybrain.core.ground import Ground
from citybrain.core.models import Area, Person, User
from citybrain.core.roles import Act
from community.models import Alert, WorkOrder
from healthcode.models import State

# The borders of the steps above "none" and below the last, times 1, 2, 5, 10, 20 and so on.
BORDERS = (2, 5, 10)
MOST = 20
STEP_WORDS = (
    pgettext_lazy("how many", "none"),
    pgettext_lazy("how many", "few"),
    pgettext_lazy("how many", "some"),
    pgettext_lazy("how many", "many"),
    pgettext_lazy("how many", "very many"),
)


@dataclass(frozen=True)
class MapFigure:
    """What the map can show: its label, what it counts, the acts of which one is needed, and the rows it counts."""

    name: str
    label: StrOrPromise
    counts: StrOrPromise
    acts: tuple[Act, ...]
    rows: "Callable[[Sequence[int]], QuerySet[Any]]"


def _residents(areas: Sequence[int]) -> "QuerySet[Any]":
    return Person.objects.filter(area_id__any=areas)


def _not_green(areas: Sequence[int]) -> "QuerySet[Any]":
    return _residents(areas).filter(~Q(code_state__state=State.GREEN))


def _alerts(areas: Sequence[int]) -> "QuerySet[Any]":
    return Alert.objects.still_open().filter(area_id__any=areas)


def _orders(areas: Sequence[int]) -> "QuerySet[Any]":
    return WorkOrder.objects.still_open().filter(area_id__any=areas)


FIGURES = (
    MapFigure(
        "residents",
        _("Residents"),
        _("Everyone registered with a present address there."),
        (Act.SEE_PEOPLE,),
        _residents,
    ),
    MapFigure(
        "not_green",
        pgettext_lazy("health code", "Not green"),
        _("Residents whose code is yellow, red or expired, or who have never declared, as it was last evaluated."),
        (Act.SEE_COCKPIT,),
        _not_green,
    ),
    MapFigure(
        "alerts",
        _("Open alerts"),
        _("Alerts that are not closed: one per person or point and kind, however often it happened."),
        (Act.HANDLE_ORDERS, Act.SEE_COCKPIT),
        _alerts,
    ),
    MapFigure(
        "orders", _("Open orders"), _("Orders that nobody has verified and closed."), (Act.SEE_COCKPIT,), _orders
    ),
)


def figures_of(user: User) -> list[MapFigure]:
    """Return the figures that a user may see somewhere."""
    held = scope.of(user)
    return [figure for figure in FIGURES if any(held.may(act) for act in figure.acts)]


@dataclass(frozen=True)
class Step:
    """One step of the legend: its number, what it is called, and the figures from `low` to `high` (None: no end)."""

    number: int
    word: StrOrPromise
    low: int
    high: int | None


def steps(most: int) -> list[Step]:
    """Return the steps for figures up to `most`, in round numbers: none, few, some, many, very many."""
    factors = (unit * 10**power for power in itertools.count() for unit in (1, 2, 5))
    factor = next(factor for factor in factors if most <= MOST * factor)
    highs = (0, *(border * factor for border in BORDERS), None)
    lows = (0, 1, *(border * factor + 1 for border in BORDERS))
    return [Step(number, word, lows[number], highs[number]) for number, word in enumerate(STEP_WORDS)]


def step_of(count: int, scale: Sequence[Step]) -> Step:
    """Return the step on which a figure stands."""
    return next(step for step in scale if step.high is None or count <= step.high)


@dataclass(frozen=True)
class Part:
    """An area of the map with its figure.

    `is_rest` is what is known only as far as the area that is divided; `has_samples` says that of some area in it only
    a sample of the residents is on the register.
    """

    area: Area
    count: int
    step: Step
    is_rest: bool = False
    has_samples: bool = False


@dataclass(frozen=True)
class MapOf:
    """What the map shows of an area: the figure of each of its parts, which add up to the total."""

    total: int
    parts: list[Part] = field(default_factory=list)
    scale: list[Step] = field(default_factory=list)


def map_of(figure: MapFigure, on: Ground, area: Area | None) -> MapOf:
    """Count a figure in every part of an area."""
    rows = figure.rows(on.below(area)).order_by()
    counts: dict[int, int] = dict(rows.values_list("area").annotate(n=Count("pk")))
    summed = [(part, sum(counts.get(pk, 0) for pk in on.below(part))) for part in on.parts(area)]
    rest = counts.get(area.pk, 0) if area and summed else 0
    scale = steps(max([rest, *(count for _part, count in summed)]))
    parts = [Part(part, count, step_of(count, scale), has_samples=on.has_samples(part)) for part, count in summed]
    if area and rest:
        parts.append(Part(area, rest, step_of(rest, scale), is_rest=True))
    return MapOf(sum(counts.values()), parts, scale)


def total_of(figure: MapFigure, areas: Sequence[int]) -> int:
    """Count a figure in some areas together."""
    return figure.rows(areas).count()


def borders(areas: Sequence[Area]) -> dict[int, dict[str, Any]]:
    """Return the uploaded or schematic borders of areas by their ids."""
    drawn = Area.objects.filter(id__any=[area.pk for area in areas]).values_list("pk", "boundary")
    return {pk: boundary for pk, boundary in drawn if boundary is not None}
