"""Helpers for tests about a change of rules: stricter and looser sets, tried out, proposed, approved."""

import datetime as dt
from typing import Any

from citybrain.core import clock
from citybrain.core.roles import DistrictCommander, HealthOfficer
from healthcode import rules
from healthcode.actions import proposals
from healthcode.actions import trial as trials
from healthcode.actions.risk_list import list_in_force, write_list
from healthcode.actions.rules import enter_rules
from healthcode.models import RuleActivation, RuleProposal, RuleSet, Trial
from tests.people import District

STRICT: dict[str, Any] = rules.load(rules.FOLDER / "strict-1.json")
LOOSE: dict[str, Any] = rules.load(rules.FOLDER / "loose-1.json")
WORDS = {"announcement_zh": "自明日起执行新规则。", "announcement_en": "New rules from tomorrow."}
HANGZHOU = {
    "code": "330100000000",
    "name": "杭州市",
    "level": "high",
    "valid_from": dt.date(2020, 2, 1),
    "listed_on": dt.date(2020, 2, 10),
}


def tried(people: District, body: dict[str, Any] | RuleSet = STRICT, risk_list: int | None = None) -> Trial:
    """Return a finished trial of a rule set that a health officer asked for."""
    officer = people.user(HealthOfficer)
    rule_set = body if isinstance(body, RuleSet) else enter_rules(body=body, by=officer)
    chosen = list_in_force(clock.now()) if risk_list is None else risk_list
    trial = trials.try_out(rule_set=rule_set, risk_list=chosen, by=officer)
    trials.work()
    trial.refresh_from_db()
    return trial


def proposed(people: District, trial: Trial, starts_at: dt.datetime | None = None) -> RuleProposal:
    """Return the proposal of a trial by a health officer."""
    return proposals.propose(trial=trial, starts_at=starts_at, by=people.user(HealthOfficer), **WORDS)


def approved(people: District, proposal: RuleProposal) -> RuleActivation:
    """Return what the commander's approval puts in force."""
    return proposals.approve(proposal=proposal, note="", by=people.user(DistrictCommander))


def with_places(*areas: dict[str, Any]) -> int:
    """Return a new version of the list of risk areas."""
    return write_list("test", areas, made_by=None).version
