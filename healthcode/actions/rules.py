"""Entering rule sets, with their own tests, and putting rules in force."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from citybrain.core import audit, clock, turns
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import given, rules
from healthcode.actions.risk_list import list_in_force, write_list
from healthcode.models import RuleActivation, RuleSet

# Those who put rules in force do it one after the other.
TURN = b"healthcode.rules"
LONGEST = {"name": 60, "version": 30}


class FailedTestsError(ValueError):
    """A rule set does not do what its own tests say; the text says which, what was expected and what came."""

    def __init__(self, failures: list[given.Failure]) -> None:
        super().__init__("; ".join(str(failure) for failure in failures))
        self.failures = failures


class AlreadyInForceError(ValueError):
    """Rules are in force, so one person alone cannot put others there."""


def enter_rules(*, body: Any, by: User | None) -> RuleSet:
    """Keep a rule set that passes its own tests; it stays without effect until it is put in force.

    Raises RulesError when it is no rule set, FailedTestsError, and ValueError when its version is on record with other
    words. One that is on record as it is, is returned.
    """
    rules.check(body)
    for number, rule in enumerate(body["rules"]):
        if not rule.get("tests"):
            raise rules.RulesError(f"rules[{number}].tests: write at least one test of “{rule['rule']}”")
    if failures := list(given.failures(body)):
        raise FailedTestsError(failures)
    with transaction.atomic():
        rule_set = store_rules(body)
        audit.record(Deed.PROPOSE_RULES, by=by, under=Act.PROPOSE_RULES, target=f"rule_set:{rule_set.pk}")
    return rule_set


def adopt_rules(
    *, body: Mapping[str, Any], risk_areas: Iterable[Mapping[str, Any]] | None, by: User | None
) -> RuleActivation:
    """Put the first rules of an installation in force from now on; every later change takes two people.

    Each risk area is {code, name, level, valid_from, listed_on, valid_to?}; None is the empty list. `by` None is the
    command line. Raises what `enter_rules` does, and AlreadyInForceError.
    """
    with transaction.atomic():
        turns.take(TURN)
        if RuleActivation.objects.exists():
            raise AlreadyInForceError(
                "rules are in force already: enter the others on the page /rules/changes/, try them out and propose "
                "them; a second person of another unit approves"
            )
        rule_set = enter_rules(body=body, by=by)
        risk_list = 0
        if risk_areas is not None:
            risk_list = write_list(f"{rule_set}", risk_areas, made_by=by.pk if by is not None else None).version
        return activate(rule_set=rule_set, risk_list=risk_list, valid_from=clock.now(), by=[by] if by else [])


def store_rules(body: Mapping[str, Any]) -> RuleSet:
    """Keep a checked rule set, or return the one that is on record with the same words; for the actions of this app.

    Raises ValueError when its version is on record with other words.
    """
    for name, longest in LONGEST.items():
        if len(body[name]) > longest:
            raise ValueError(f"{name}: is longer than {longest} characters")
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    rule_set, _made = RuleSet.objects.get_or_create(
        name=body["name"],
        version=body["version"],
        defaults={"body": dict(body), "digest": digest, "created_at": clock.now()},
    )
    if rule_set.digest != digest:
        raise ValueError(f"{rule_set} is on record with other words: give the change a version of its own")
    return rule_set


def activate(
    *, rule_set: RuleSet, risk_list: int | None, valid_from: dt.datetime, by: Iterable[User | int]
) -> RuleActivation:
    """Put rules and a list of risk areas in force; for the actions of this app, which see to it who may.

    None is the list in force. The last of `by` is who did it; the others had proposed it.
    """
    people = [one.pk if isinstance(one, User) else one for one in by]
    actor = next((one for one in by if isinstance(one, User)), None)
    activation = RuleActivation.objects.create(
        rule_set=rule_set,
        risk_list=list_in_force(valid_from) if risk_list is None else risk_list,
        valid_from=valid_from,
        activated_by=people,
    )
    detail = {"rule_set": rule_set.pk, "risk_list": activation.risk_list}
    target = f"activation:{activation.pk}"
    audit.record(Deed.ADOPT_RULES, by=actor, under=Act.APPROVE_RULES, target=target, detail=detail)
    return activation
