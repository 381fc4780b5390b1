"""What each figure of the cockpit is called, what it counts, and which rows it opens."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from community import queries as community
from community.models import Alert
from dashboard.as_of import moment
from dashboard.queries import COLOURS, OPEN_STATES
from dashboard.rows import REFUSED
from healthcode.models import State

NO_DATA = "–"
PERSONS, PASSES = "dashboard:cockpit_persons", "dashboard:cockpit_passes"
ALERTS, ORDERS = "dashboard:cockpit_alerts", "dashboard:cockpit_orders"


@dataclass(frozen=True)
class Figure:
    """A figure by its name in the picture: its label, what it counts, the list behind it and how that is narrowed."""

    name: str
    label: StrOrPromise
    counts: StrOrPromise
    list: str
    narrowed: dict[str, str] = field(default_factory=dict)
    # The picture's span of minutes that it counts in.
    span: str = ""
    # The picture's figure that says by how many there are more than yesterday at this time.
    more: str = ""


@dataclass(frozen=True)
class Shown:
    """A figure as a page shows it: its text, and the link to its rows."""

    figure: Figure
    text: str
    # The link without its moment and span, which a script puts in place of the old ones.
    base: str
    # Empty where nothing is known.
    href: str
    is_zero: bool
    more: str


def show(figures: tuple[Figure, ...], picture: dict[str, Any]) -> list[Shown]:
    """Return figures with what a picture says of them."""
    return [_shown(figure, picture) for figure in figures]


def _shown(figure: Figure, picture: dict[str, Any]) -> Shown:
    base = link_base(figure.list, **figure.narrowed)
    span = f"{picture['links'][figure.span]}&" if figure.span else ""
    count = picture["figures"][figure.name]
    href = "" if count is None else f"{base}{span}{picture['links']['as_of']}"
    more = difference(picture["figures"][figure.more]) if figure.more else ""
    return Shown(figure, in_figures(count), base, href, count == 0, more)


def link_base(name: str, **narrowed: Any) -> str:
    """Return the link to a list, ready for the parameters that follow."""
    query = urlencode(narrowed)
    return f"{reverse(name)}?{query}&" if query else f"{reverse(name)}?"


def in_figures(number: int | None) -> str:
    """Return a number as people read it; a dash where nothing is known."""
    return NO_DATA if number is None else f"{number:,}"


def difference(number: int | None) -> str:
    """Return by how much there is more, with its sign; nothing where nothing is known."""
    return "" if number is None else f"{number:+,}".replace("-", "−") if number else "±0"


_AS_EVALUATED = _(
    "Residents whose code says so, as it was last evaluated. One that runs out is written as expired within a minute."
)


def _state(state: State, counts: StrOrPromise = _AS_EVALUATED) -> Figure:
    more = f"{state}_more" if state in COLOURS else ""
    return Figure(state.value, state.label, counts, PERSONS, {"state": state.value}, more=more)


# In the order in which they stand on the page; each group is shown together.
GROUPS: dict[str, tuple[Figure, ...]] = {
    "people": (
        Figure("people", _("residents known"), _("Everyone registered with a present address in your areas."), PERSONS),
    ),
    # The worst first.
    "states": (
        _state(State.RED),
        _state(State.YELLOW),
        _state(State.NOT_KNOWN, _("Residents who have never declared.")),
        _state(State.EXPIRED),
        _state(State.GREEN),
    ),
    "today": (
        Figure(
            "passes_today",
            pgettext_lazy("passes", "passes today"),
            _("Passes received since midnight and counted, admitted or refused."),
            PASSES,
            span="today",
            more="passes_more",
        ),
        Figure(
            "refused_today",
            pgettext_lazy("passes", "refused today"),
            _("Those of them who were not let through, for whatever reason."),
            PASSES,
            {"result": REFUSED},
            "today",
            "refused_more",
        ),
    ),
    "yesterday": (
        Figure(
            "passes_yesterday",
            pgettext_lazy("passes", "passes yesterday by this time"),
            _("Passes received yesterday from midnight to this minute of the day. Known when counting began earlier."),
            PASSES,
            span="yesterday",
        ),
        Figure(
            "refused_yesterday",
            pgettext_lazy("passes", "refused yesterday by this time"),
            _("Those of them who were not let through. The difference beside it compares whole minutes only."),
            PASSES,
            {"result": REFUSED},
            "yesterday",
        ),
    ),
    "lately": (
        Figure(
            "passes_minute",
            pgettext_lazy("passes", "this minute"),
            _("Passes received in the present minute and counted so far."),
            PASSES,
            span="minute",
        ),
        Figure(
            "passes_hour",
            pgettext_lazy("passes", "last 60 minutes"),
            _("Passes received in the present minute and the 59 before it: the curve, added up."),
            PASSES,
            span="hour",
        ),
    ),
    "orders": (
        Figure(
            "overdue",
            pgettext_lazy("orders", "overdue"),
            _("Open orders whose due time has passed."),
            ORDERS,
            {"overdue": "1"},
            more="overdue_more",
        ),
        Figure(
            "orders",
            _("open orders"),
            _("Orders that nobody has verified and closed."),
            ORDERS,
            more="orders_more",
        ),
    ),
    "stands": tuple(
        Figure(f"orders_{state}", state.label, _("Open orders that stand there."), ORDERS, {"state": state.value})
        for state in OPEN_STATES
    ),
    "alerts": (
        Figure(
            "alerts",
            _("open alerts"),
            _("Alerts that are not closed: one per person or point and kind, however often it happened."),
            ALERTS,
            more="alerts_more",
        ),
    ),
    "kinds": tuple(
        Figure(f"alerts_{kind}", kind.label, _("Open alerts of this kind."), ALERTS, {"kind": kind.value})
        for kind in Alert.Kind
    ),
}


def words() -> dict[str, Any]:
    """Return the words and patterns that the page and its script both use."""
    return {
        "kinds": {kind.value: str(kind.label) for kind in Alert.Kind},
        "silent": gettext("Passes are not being counted: the consumer has been silent for {n} s"),
        **community.span_patterns(),
        "late": gettext("{time} late"),
        "left": gettext("{time} left"),
        "alerts": gettext("alerts: {n}"),
        "orders": gettext("orders: {n}"),
        "overdue": gettext("overdue: {n}"),
    }


def due_in_words(due_at: str, at: str, patterns: dict[str, Any]) -> str:
    """Return how late something is, or how long there is left."""
    left = moment(due_at) - moment(at)
    told: str = patterns["late" if left < dt.timedelta() else "left"].format(
        time=community.span_in_words(left, patterns)
    )
    return told


@dataclass(frozen=True)
class Bar:
    """One minute of the curve, in a drawing 100 high."""

    x: int
    y: int
    height: int


def bars(curve: list[int]) -> list[Bar]:
    """Draw the curve: its highest minute reaches the top."""
    most = max([1, *curve])
    heights = [-(-count * 100 // most) for count in curve]
    return [Bar(number * 10 + 1, 100 - height, height) for number, height in enumerate(heights)]
