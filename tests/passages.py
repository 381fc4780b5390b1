"""Places with a device, and passes written as a gate writes them, for tests of what follows from passes."""

import uuid
from typing import Any

from accesslog.actions.passes import make_partition
from accesslog.models import ADMITTING, Device, Lane, Pass, Place, Point, QuarantinedPass, Result
from citybrain.core import clock
from citybrain.core.models import Area, Person


def make_device(area: Area, name: str = "东新路农贸市场", point: str = "1号门", **place: Any) -> Device:
    """Return a device at a point of a place in this grid; the place is made at first use."""
    at, _made = Place.objects.get_or_create(area=area, name=name, defaults={"kind": Place.Kind.MARKET, **place})
    lane, _made = Point.objects.get_or_create(place=at, name=point)
    return Device.objects.create(point=lane, name=f"平板{Device.objects.count() + 1}")


def write_pass(device: Device, person: Person | None = None, result: str = Result.GREEN, **fields: Any) -> Pass:
    """Write one pass, now if no time is given."""
    scanned_at = fields.get("scanned_at") or clock.now()
    make_partition(day=scanned_at.astimezone(clock.SHANGHAI).date())
    return Pass.objects.create(**_values(device, person, result) | fields)


def write_quarantined(
    device: Device, person: Person | None = None, result: str = Result.GREEN, **fields: Any
) -> QuarantinedPass:
    """Write one pass of a device whose clock is absurd."""
    return QuarantinedPass.objects.create(**_values(device, person, result) | fields)


def _values(device: Device, person: Person | None, result: str) -> dict[str, Any]:
    return {
        "device": device,
        "nonce": uuid.uuid4(),
        "scanned_at": clock.now(),
        "skew_ms": 0,
        "point": device.point,
        "place": device.point.place,
        "area_id": device.point.place.area_id,
        "person": person,
        "lane": Lane.TOKEN,
        "result": result,
        "is_admitted": result in ADMITTING,
        "state": _state(result),
        "operator": 1,
    }


def _state(result: str) -> str:
    if result == Result.YELLOW_ADMITTED:
        return "yellow"
    return result if result in {"green", "yellow", "red", "not_known", "expired"} else ""
