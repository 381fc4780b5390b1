"""Entering versions of the list of risk areas; none has an effect until it is put in force."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max

from citybrain.core import audit, clock, turns
from citybrain.core.models import Area, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode.models import RiskArea, RiskList, RuleActivation
from healthcode.models.risk_area import prefix_of

TURN = b"healthcode.risk_list"


def enter_list(*, title: str, areas: Iterable[Mapping[str, Any]], by: User) -> RiskList:
    """Keep a new version of the list; each area is {code, name, level, valid_from, listed_on, valid_to?}.

    Raises ValidationError when an area cannot be.
    """
    with transaction.atomic():
        entered = write_list(title, areas, made_by=by.pk)
        detail = {"places": entered.places}
        target = f"risk_list:{entered.version}"
        audit.record(Deed.PROPOSE_RULES, by=by, under=Act.PROPOSE_RULES, target=target, detail=detail)
    return entered


def write_list(title: str, areas: Iterable[Mapping[str, Any]], *, made_by: int | None) -> RiskList:
    """Write a new version of the list; for the actions of this app, which put it on record."""
    with transaction.atomic():
        turns.take(TURN)
        newest = [model.objects.aggregate(one=Max("version"))["one"] or 0 for model in (RiskArea, RiskList)]
        version = max(newest) + 1
        rows = [_row(version, area) for area in areas]
        codes = {prefix_of(code): pk for pk, code in Area.objects.values_list("pk", "code")}
        for row in rows:
            row.area_id = codes.get(row.prefix)
            row.clean_fields(exclude=["area"])
        RiskArea.objects.bulk_create(rows)
        return RiskList.objects.create(
            version=version, title=title, places=len(rows), made_by=made_by, made_at=clock.now()
        )


def list_in_force(at: dt.datetime) -> int:
    """Return the version of the list in force at an instant; 0, the empty list, when there is none."""
    last = RuleActivation.objects.filter(valid_from__lte=at).order_by("-valid_from", "-id").first()
    return last.risk_list if last else 0


def _row(version: int, area: Mapping[str, Any]) -> RiskArea:
    facts = {name: value for name, value in area.items() if name != "code"}
    return RiskArea(version=version, prefix=prefix_of(area["code"]), **facts)
