"""Areas and their codes over time."""

import datetime as dt
from collections.abc import Iterable

from django.db import transaction

from citybrain.core import audit
from citybrain.core.models import Area, AreaCode, User
from citybrain.core.models.audit import Deed


def create_area(
    *,
    level: Area.Level,
    code: str,
    name: str,
    parent: Area | None,
    valid_from: dt.date,
    predecessors: Iterable[AreaCode] = (),
    by: User | None,
) -> Area:
    """Make an area with its first code."""
    with transaction.atomic():
        area = Area(level=level, code=code, name=name, parent=parent)
        area.full_clean(exclude=["path"])
        # The path holds the row's own id, which only the insert tells.
        area.path = f"new {code}"
        area.save()
        area.path = f"{parent.path if parent else '/'}{area.pk}/"
        area.save(update_fields=["path"])
        opened = AreaCode.objects.create(area=area, code=code, name=name, parent=parent, valid_from=valid_from)
        opened.predecessors.set(predecessors)
        audit.record(Deed.RECODE_AREA, by=by, target=f"area:{area.pk}", detail={"code": code})
    return area


def recode_area(
    *, area: Area, code: str, on: dt.date, name: str = "", parent: Area | None = None, by: User | None
) -> AreaCode:
    """Give an area a new code from the day `on`, and with it a new name or parent if they are given.

    The open code ends on that day and becomes the predecessor. Everything below moves along.
    """
    with transaction.atomic():
        area = Area.objects.select_for_update().get(pk=area.pk)
        before = area.codes.get(valid_to=None)
        before.valid_to = on
        before.save(update_fields=["valid_to"])
        old_path = area.path
        area.code, area.name, area.parent = code, name or area.name, parent or area.parent
        area.path = f"{area.parent.path if area.parent else '/'}{area.pk}/"
        area.save(update_fields=["code", "name", "parent", "path"])
        _move_below(area, old_path)
        opened = AreaCode.objects.create(area=area, code=code, name=area.name, parent=area.parent, valid_from=on)
        opened.predecessors.add(before)
        audit.record(Deed.RECODE_AREA, by=by, target=f"area:{area.pk}", detail={"code": code, "was": before.code})
    return opened


def _move_below(area: Area, old_path: str) -> None:
    if old_path == area.path:
        return
    below = list(Area.objects.filter(path__startswith=old_path).exclude(pk=area.pk))
    for child in below:
        child.path = area.path + child.path.removeprefix(old_path)
    Area.objects.bulk_update(below, ["path"])
