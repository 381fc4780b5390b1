"""Putting rules in force."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max

from citybrain.core import audit, clock
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from healthcode import rules
from healthcode.models import RiskArea, RuleActivation, RuleSet
from healthcode.models.risk_area import prefix_of


def adopt_rules(
    *, body: Mapping[str, Any], risk_areas: Iterable[Mapping[str, Any]] | None, by: User | None
) -> RuleActivation:
    """Put a rule set in force from now on, with a new version of the list of risk areas.

    Each risk area is {code, name, level, valid_from, listed_on, valid_to?}; None keeps the list in force. Whose code
    changes is seen at their next evaluation. Raises RulesError when the body is no rule set, ValueError when its
    version is on record with other words. `by` None is the command line.
    """
    rules.check(body)
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    with transaction.atomic():
        rule_set, _made = RuleSet.objects.get_or_create(
            name=body["name"],
            version=body["version"],
            defaults={"body": dict(body), "digest": digest, "created_at": clock.now()},
        )
        if rule_set.digest != digest:
            raise ValueError(f"{rule_set} is on record with other words: give the change a version of its own")
        now = clock.now()
        activation = RuleActivation.objects.create(
            rule_set=rule_set,
            risk_list=_risk_list(risk_areas, now),
            valid_from=now,
            activated_by=[] if by is None else [by.pk],
        )
        detail = {"rule_set": rule_set.pk, "risk_list": activation.risk_list}
        audit.record(Deed.ADOPT_RULES, by=by, target=f"activation:{activation.pk}", detail=detail)
    return activation


def _risk_list(risk_areas: Iterable[Mapping[str, Any]] | None, now: dt.datetime) -> int:
    """Write a new version of the list and return its number; without areas return that of the list in force."""
    if risk_areas is None:
        last = RuleActivation.objects.filter(valid_from__lte=now).order_by("-valid_from", "-id").first()
        return last.risk_list if last else 0
    version: int = (RiskArea.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1
    rows = [
        RiskArea(version=version, prefix=prefix_of(area["code"]), **{k: v for k, v in area.items() if k != "code"})
        for area in risk_areas
    ]
    for row in rows:
        row.clean_fields(exclude=["area"])
    RiskArea.objects.bulk_create(rows)
    return version
