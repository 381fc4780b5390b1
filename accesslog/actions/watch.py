"""The watch: what follows from passes. Runs in the consumer's transaction, so each pass has its effects once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from accesslog.models import Pass, Place, Result
from accesslog.models.passage import PassBase
from citybrain.core.models import Area, Person
from community.actions.alerts import Raised, raise_alerts
from community.models import Alert
from healthcode.models import State

_COUNT = """
INSERT INTO accesslog_passcount (minute, area_id, result, count)
SELECT * FROM unnest(%s::timestamptz[], %s::bigint[], %s::text[], %s::int[])
ON CONFLICT (minute, area_id, result) DO UPDATE SET count = accesslog_passcount.count + excluded.count
"""


def react(passes: Sequence[Pass]) -> None:
    """Count passes and raise the alerts that they call for."""
    _count(passes)
    raise_for(passes)


def raise_for(passes: Sequence[PassBase]) -> None:
    """Raise the alerts that passes call for, in the caller's transaction."""
    calls = [(one, kind) for one in passes if (kind := alert_kind(one))]
    if calls:
        raise_alerts(_alerts(calls))


def alert_kind(one: PassBase) -> str | None:
    """Return the kind of alert that a pass calls for, if any."""
    # Whoever comes from elsewhere is led to the lane for certificates: what is refused there is told.
    if one.result == Result.WRONG_ISSUER:
        return None
    if not one.is_admitted:
        return Alert.Kind.REFUSED_AT_GATE
    # Yellow and red are what open reasons make; green has none.
    return Alert.Kind.OPEN_REASON_PASSED if one.state in {State.YELLOW, State.RED} else None


def _count(passes: Sequence[Pass]) -> None:
    counts: Counter[tuple[datetime, int, str]] = Counter(
        (one.received_at.replace(second=0, microsecond=0), one.area_id, one.result) for one in passes
    )
    # In a fixed order, so that nobody waits for each other.
    rows = sorted((minute, area, result, count) for (minute, area, result), count in counts.items())
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [list(column) for column in zip(*rows, strict=True)])


@dataclass(frozen=True)
class _Home:
    """Where a person lives."""

    area_id: int
    level: str


def _alerts(calls: Sequence[tuple[PassBase, str]]) -> list[Raised]:
    """Return an alert per call, told to the grid of the present address, else to that of the place."""
    persons = {one.person_id for one, _kind in calls if one.person_id is not None}
    homes = {
        person: _Home(area, level)
        for person, area, level in Person.objects.filter(pk__in=persons).values_list("pk", "area_id", "area__level")
    }
    places = dict(Place.objects.filter(pk__in={one.place_id for one, _kind in calls}).values_list("pk", "name"))
    return [
        Raised(
            kind=kind,
            subject=_subject(one, homes),
            # Retention may have erased whoever passed before this was read.
            person=one.person_id if one.person_id in homes else None,
            area=_told(one, homes),
            place=places.get(one.place_id, ""),
            cause=one.result,
            at=one.received_at,
        )
        for one, kind in calls
    ]


def _subject(one: PassBase, homes: dict[int, _Home]) -> str:
    """Return whom an alert is about; of those whom nobody recognised, the point and the cause are counted together."""
    return f"person:{one.person_id}" if one.person_id in homes else f"point:{one.point_id}:{one.result}"


def _told(one: PassBase, homes: dict[int, _Home]) -> int:
    home = homes.get(one.person_id or 0)
    return home.area_id if home and home.level == Area.Level.GRID else one.area_id
