"""Places with a gate, and their scanning points."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from accesslog.models import Place, Point
from citybrain.core import audit
from citybrain.core.models import Area, Organisation, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act


def make_place(
    *, kind: str, name: str, area: Area, organisation: Organisation | None, admits: Iterable[str], by: User | None
) -> Place:
    """Make a place in a grid; it admits green, and yellow where `admits` names it."""
    with transaction.atomic():
        place = Place.objects.create(kind=kind, name=name, area=area, organisation=organisation, admits=list(admits))
        _record(place, by, {"made": f"place:{place.pk}", "admits": place.admits})
    return place


def change_place(
    *,
    place: Place,
    kind: str,
    name: str,
    area: Area,
    organisation: Organisation | None,
    admits: Iterable[str],
    by: User | None,
) -> Place:
    """Give a place its new particulars; passes keep the grid that it had."""
    with transaction.atomic():
        place.kind, place.name, place.area, place.organisation = kind, name, area, organisation
        place.admits = list(admits)
        place.save()
        _record(place, by, {"changed": f"place:{place.pk}", "admits": place.admits})
    return place


def add_point(*, place: Place, name: str, direction: str, by: User | None) -> Point:
    """Add a scanning point to a place."""
    with transaction.atomic():
        point = Point.objects.create(place=place, name=name, direction=direction)
        _record(place, by, {"made": f"point:{point.pk}"})
    return point


def _record(place: Place, by: User | None, detail: dict[str, Any]) -> None:
    where = ("area", [place.area_id])
    audit.record(
        Deed.SET_UP_GATE, by=by, under=Act.SET_UP_GATES, where=where, target=f"place:{place.pk}", detail=detail
    )
