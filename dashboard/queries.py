"""The cockpit's picture: every figure of a viewer's areas, read from one snapshot of the database."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from django.utils.http import urlencode

from accesslog.models import ADMITTING, PassCount
from citybrain.core import beats, clock, scope
from citybrain.core.models import Area, Person, User
from citybrain.core.roles import Act
from community.models import Alert, WorkOrder
from dashboard.as_of import AsOf, iso
from healthcode.models import CodeChange, State

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
CURVE_MINUTES = 60
FIRST_ORDERS = 8
CONSUMER = "consumer"
OPEN_STATES = [state for state in WorkOrder.State if state != WorkOrder.State.CLOSED]

# Those that residents are compared by with the day before: who is new had none of them.
COLOURS = (State.GREEN, State.YELLOW, State.RED, State.EXPIRED)

# None where nothing is known to count.
Figures = dict[str, int | None]
Span = tuple[dt.datetime, dt.datetime]


def areas_of(user: User) -> tuple[int, ...]:
    """Return the ids of the areas whose figures a user may see: who has the same areas is sent the same picture."""
    return tuple(scope.of(user).ids("area", Act.SEE_COCKPIT))


def picture(areas: Sequence[int]) -> dict[str, Any]:
    """Return all figures of some areas (ids) as JSON types, with what their links need to find the same rows."""
    with one_snapshot():
        as_of = AsOf.now()
        spans = spans_at(as_of.at)
        alerts, orders = _open_alerts(areas), _open_orders(areas, as_of.at)
        passes = _passes(areas, spans)
        figures = _people(areas) | _open(alerts, orders)
        return {
            "at": iso(as_of.at),
            # Passes are what the consumer has counted: where it has never run, nothing is known of them.
            "figures": figures
            | _codes_more(areas, as_of.at - DAY)
            | _open_more(areas, figures, as_of.at - DAY)
            | (passes if as_of.counted else dict.fromkeys(passes)),
            "curve": _curve(areas, spans["hour"]) if as_of.counted else None,
            "curve_from": iso(spans["hour"][0]),
            "grids": _by_area(alerts, orders),
            "first": _first_orders(areas),
            "consumer": beats.ages().get(CONSUMER),
            "links": {"as_of": as_of.query, **{name: span_query(span) for name, span in spans.items()}},
        }


def cases_within(picture: dict[str, Any], area: Area | None) -> list[dict[str, Any]]:
    """Return the rows of a picture's areas in which anything is open that lie within an area."""
    rows: list[dict[str, Any]] = picture["grids"]
    return [row for row in rows if area is None or f"/{area.pk}/" in row["path"]]


def count_cases(rows: list[dict[str, Any]]) -> int:
    """Count open cases: an alert and the order opened for it are one, and either may still be without the other."""
    return sum(max(row["alerts"], row["orders"]) for row in rows)


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Read all that is read inside from one snapshot; in a transaction already begun, by the rules of that one."""
    begins_here = not connection.in_atomic_block
    with transaction.atomic():
        if begins_here:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def spans_at(at: dt.datetime) -> dict[str, Span]:
    """Return the spans of whole minutes, begin and end, in which passes are counted at an instant."""
    minute = at.replace(second=0, microsecond=0)
    midnight = dt.datetime.combine(at.astimezone(clock.SHANGHAI), dt.time(), clock.SHANGHAI).astimezone(dt.UTC)
    end = minute + MINUTE
    return {
        "minute": (minute, end),
        "hour": (end - CURVE_MINUTES * MINUTE, end),
        "today": (midnight, end),
        # By this time of day, to the last whole minute.
        "yesterday": (midnight - DAY, minute - DAY),
    }


def span_query(span: Span) -> str:
    """Return a span as parameters of a link."""
    begin, end = span
    return urlencode({"from": iso(begin), "until": iso(end)})


def _people(areas: Sequence[int]) -> Figures:
    """Count persons by what their code says; nobody is known where no person is."""
    rows = Person.objects.filter(area_id__any=areas).order_by().values_list("code_state__state").annotate(Count("pk"))
    counts: Counter[str] = Counter()
    for state, count in rows:
        counts[state or State.NOT_KNOWN] += count
    known = counts.total()
    return {"people": known or None, **{state.value: counts[state] if known else None for state in State}}


def _codes_more(areas: Sequence[int], then: dt.datetime) -> Figures:
    """Return by how many more residents a code says each colour than then; who moved counts where they live now."""
    changes = CodeChange.objects.filter(at__gt=then, person__area_id__any=areas).order_by()
    more: Counter[str] = Counter()
    for before, after, count in changes.values_list("before", "after").annotate(Count("pk")):
        more[after] += count
        more[before] -= count
    is_comparable = CodeChange.objects.filter(pk__in=CodeChange.objects.order_by("pk").values("pk")[:1], at__lte=then)
    is_known = is_comparable.exists()
    return {f"{state}_more": more[state] if is_known else None for state in COLOURS}


def _open_more(areas: Sequence[int], figures: Figures, then: dt.datetime) -> Figures:
    """Return by how many more alerts and orders are open, and orders overdue, than then; None where none was yet."""
    # What was closed before then is left alone by an index: it grows without end.
    was_open = Q(closed_at=None) | Q(closed_at__gt=then)
    alerts, orders = (
        rows.filter(area_id__any=areas, opened_at__lte=then) for rows in (Alert.objects, WorkOrder.objects)
    )
    late = Count("pk", filter=Q(due_at__lt=then))
    counted = orders.filter(was_open).aggregate(orders=Count("pk"), overdue=late)
    counted["alerts"] = alerts.filter(was_open).count()
    is_known = {"alerts": alerts.exists(), "orders": (known := orders.exists()), "overdue": known}
    return {f"{name}_more": (figures[name] or 0) - count if is_known[name] else None for name, count in counted.items()}


def _passes(areas: Sequence[int], spans: dict[str, Span]) -> Figures:
    """Sum what the consumer has counted; yesterday is told where it was counted from its midnight on."""
    counts = PassCount.objects.filter(area_id__any=areas)
    sums = {
        name: counts.filter(minute__gte=begin, minute__lt=end).aggregate(
            passes=Sum("count", default=0), refused=Sum("count", filter=~Q(result__in=ADMITTING), default=0)
        )
        for name, (begin, end) in spans.items()
    }
    first = PassCount.objects.order_by("minute").values_list("minute", flat=True).first()
    is_comparable = first is not None and first < spans["yesterday"][0]
    figures: Figures = {"passes_minute": sums["minute"]["passes"], "passes_hour": sums["hour"]["passes"]}
    for kind in ("passes", "refused"):
        today, yesterday = sums["today"][kind], sums["yesterday"][kind]
        figures[f"{kind}_today"] = today
        figures[f"{kind}_yesterday"] = yesterday if is_comparable else None
        # To the last whole minute on both days.
        figures[f"{kind}_more"] = today - sums["minute"][kind] - yesterday if is_comparable else None
    return figures


def _curve(areas: Sequence[int], span: Span) -> list[int]:
    """Return the passes of each minute of a span, the present one last."""
    begin, end = span
    rows = PassCount.objects.filter(area_id__any=areas, minute__gte=begin, minute__lt=end).order_by()
    counts = dict(rows.values_list("minute").annotate(Sum("count")))
    return [counts.get(begin + number * MINUTE, 0) for number in range(CURVE_MINUTES)]


def _open_alerts(areas: Sequence[int]) -> list[tuple[int, str, int]]:
    """Return (area, kind, how many are open)."""
    rows = Alert.objects.still_open().filter(area_id__any=areas).order_by()
    return list(rows.values_list("area", "kind").annotate(Count("pk")))


def _open_orders(areas: Sequence[int], at: dt.datetime) -> list[tuple[int, str, int, int]]:
    """Return (area, state, how many are open, how many of them are overdue)."""
    rows = WorkOrder.objects.still_open().filter(area_id__any=areas).order_by()
    return list(rows.values_list("area", "state").annotate(n=Count("pk"), late=Count("pk", filter=Q(due_at__lt=at))))


def _open(alerts: list[tuple[int, str, int]], orders: list[tuple[int, str, int, int]]) -> Figures:
    figures: Counter[str] = Counter()
    for _area, kind, count in alerts:
        figures["alerts"] += count
        figures[f"alerts_{kind}"] += count
    for _area, state, count, overdue in orders:
        figures["orders"] += count
        figures[f"orders_{state}"] += count
        figures["overdue"] += overdue
    names = ["alerts", "orders", "overdue"]
    names += [f"alerts_{kind}" for kind in Alert.Kind] + [f"orders_{state}" for state in OPEN_STATES]
    return {name: figures[name] for name in names}


def _by_area(alerts: list[tuple[int, str, int]], orders: list[tuple[int, str, int, int]]) -> list[dict[str, Any]]:
    """Return the areas in which anything is open, the most pressing first."""
    found: dict[int, Counter[str]] = {}
    for area, _kind, count in alerts:
        found.setdefault(area, Counter())["alerts"] += count
    for area, _state, count, overdue in orders:
        found.setdefault(area, Counter()).update({"orders": count, "overdue": overdue})
    known = {pk: (name, path) for pk, name, path in Area.objects.filter(pk__in=found).values_list("pk", "name", "path")}
    rows = [
        {
            "area": area,
            "name": known[area][0],
            # The ids of the areas that it lies in, and its own.
            "path": known[area][1],
            **{key: counts[key] for key in ("alerts", "orders", "overdue")},
        }
        for area, counts in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["overdue"], -max(row["alerts"], row["orders"]), row["area"]))


def _first_orders(areas: Sequence[int]) -> list[dict[str, Any]]:
    """Return the open orders that are due first, the overdue ones before all others."""
    rows = WorkOrder.objects.still_open().filter(area_id__any=areas).order_by("due_at", "pk")[:FIRST_ORDERS]
    return [
        {
            "ref": str(ref),
            "short": str(ref)[:8],
            "area": area,
            "name": name,
            "kind": kind,
            "state": state,
            "due_at": iso(due_at),
        }
        for ref, area, name, kind, state, due_at in rows.values_list(
            "ref", "area", "area__name", "alert__kind", "state", "due_at"
        )
    ]
