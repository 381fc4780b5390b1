"""Raising alerts: what happens again while an alert is open is counted in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from citybrain.core import clock, outbox
from citybrain.core.models import Area, Person
from community.models import Alert
from community.queries import duty_grid
from healthcode.actions.family import on_record, send_to
from healthcode.models import Declaration, Guardianship

PLACE_LENGTH = Alert._meta.get_field("place").max_length

# A row that is new has never been locked or updated: its xmax is 0.
_RAISE = """
INSERT INTO community_alert AS held
       (ref, kind, subject, person_id, area_id, place, cause, count, first_at, last_at, opened_at)
SELECT gen_random_uuid(), told.*, %(now)s
  FROM unnest(%(kind)s::text[], %(subject)s::text[], %(person)s::bigint[], %(area)s::bigint[], %(place)s::text[],
              %(cause)s::text[], %(count)s::int[], %(first_at)s::timestamptz[], %(last_at)s::timestamptz[]) AS told
ON CONFLICT (subject, kind) WHERE closed_at IS NULL DO UPDATE SET
       count = held.count + excluded.count,
       first_at = least(held.first_at, excluded.first_at),
       last_at = greatest(held.last_at, excluded.last_at),
       -- A declared address is for the grid that it lies in, not for the one that was told before a move.
       place = CASE WHEN excluded.last_at >= held.last_at
                     AND (excluded.area_id = held.area_id OR excluded.kind <> 'address_not_found')
                    THEN excluded.place ELSE held.place END,
       cause = CASE WHEN excluded.last_at >= held.last_at THEN excluded.cause ELSE held.cause END
RETURNING id, xmax = 0
"""


@dataclass(frozen=True)
class Raised:
    """Something that happened once: its kind, whom or what it is about ("person:17"), and whose area is told."""

    kind: str
    subject: str
    person: int | None
    area: int
    place: str
    cause: str
    at: datetime


def raise_alert(
    *, kind: str, subject: str, person: int | None, area: int, place: str, cause: str, at: datetime
) -> None:
    """Open an alert or count in the open one, in the caller's transaction."""
    raise_alerts([Raised(kind, subject, person, area, place, cause, at)])


def raise_alerts(raised: Sequence[Raised]) -> None:
    """Raise many in two statements, in the caller's transaction; each that is new becomes an event `alert.opened`."""
    columns = _folded(raised)
    if not columns["kind"]:
        return
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, {**columns, "now": clock.now()})
        opened = [alert for alert, is_new in cursor.fetchall() if is_new]
    outbox.publish_each("alert.opened", [{"alert": alert} for alert in opened])


def _folded(raised: Iterable[Raised]) -> dict[str, list[Any]]:
    """Return columns with one row per subject and kind, as a statement cannot touch a row twice.

    The rows are in a fixed order, so that two transactions wait for one another and never in a circle.
    """
    groups: dict[tuple[str, str], list[Raised]] = {}
    for one in raised:
        groups.setdefault((one.subject, one.kind), []).append(one)
    columns: dict[str, list[Any]] = {
        name: [] for name in ("kind", "subject", "person", "area", "place", "cause", "count", "first_at", "last_at")
    }
    for (subject, kind), group in sorted(groups.items()):
        times = [one.at for one in group]
        latest = max(group, key=lambda one: one.at)
        row = (kind, subject, latest.person, latest.area, latest.place[:PLACE_LENGTH], latest.cause, len(group))
        for column, value in zip(columns.values(), (*row, min(times), max(times)), strict=True):
            column.append(value)
    return columns


def tell_address_not_found(payload: Mapping[str, Any]) -> None:
    """Handle a declared address that the register does not have: the duty grid of the community is told."""
    declaration = Declaration.objects.select_related("area").get(pk=payload["declaration"])
    raise_alert(
        kind=Alert.Kind.ADDRESS_NOT_FOUND,
        subject=f"person:{declaration.person_id}",
        person=declaration.person_id,
        area=_grid_told(declaration.area),
        place=declaration.address,
        cause="",
        at=declaration.declared_at,
    )


def tell_document_taken(payload: Mapping[str, Any]) -> None:
    """Handle a declared document number that is already on record: the grid of the person who has it is told."""
    person = Person.objects.select_related("area").get(pk=payload["person"])
    raise_alert(
        kind=Alert.Kind.DOCUMENT_TAKEN,
        subject=f"person:{person.pk}",
        person=person.pk,
        area=_grid_told(person.area),
        place="",
        cause="",
        at=clock.now(),
    )


def tell_family_to_check(payload: Mapping[str, Any]) -> None:
    """Handle that somebody asks to act for another: the grid of that person's address is to check it.

    Where the district knows the person, that is where they are on record, whatever whoever asks said: here, out of the
    sight of whoever asked, the number is looked up for the first time.
    """
    asked = Guardianship.objects.select_related("guardian__person", "person__area", "area").get(
        pk=payload["guardianship"]
    )
    if asked.state != Guardianship.State.WAITING:
        return
    known = on_record(asked)
    grid = duty_grid(known.area if known else asked.area)
    send_to(guardianship=asked, area=grid)
    raise_alert(
        kind=Alert.Kind.FAMILY_TO_CHECK,
        subject=f"guardianship:{asked.pk}",
        person=asked.guardian.person_id,
        area=grid.pk,
        place="",
        cause="",
        at=asked.asked_at,
    )


def _grid_told(area: Area) -> int:
    return duty_grid(area).pk
