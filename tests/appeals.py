"""Appeals for tests."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from citybrain.core import clock
from citybrain.core.models import Person, User
from citybrain.core.roles import Act
from healthcode.actions import appeal as making
from healthcode.actions import appeal_case
from healthcode.actions.evidence import Said
from healthcode.actions.submit import submit_evidence
from healthcode.models import Appeal, Evidence
from tests.codes import WELL, tell

ANSWER = "我们核对了名单，那天您不在现场，这条记录录错了人。"
# A Wednesday morning: three working days are over on Monday.
NOW = dt.datetime(2026, 3, 11, 10, 30, tzinfo=clock.SHANGHAI)


def record(person: Person, kind: str, facts: Mapping[str, Any], by: User, under: Act) -> Evidence:
    """Record what a member of staff says of somebody."""
    said = [Said(person, kind, facts)]
    return submit_evidence(said=said, source="disease_control", by=by, under=under).evidence[0]


def close_contact(person: Person, by: User) -> Evidence:
    """Make somebody who has declared red, by an officer's word."""
    tell(person, "declaration", WELL, clock.now())
    return record(person, "exposure", {"grade": "close"}, by, Act.RECORD_EXPOSURE)


def appeal_of(person: Person, by: User, rule: str = "close_contact", **more: Any) -> Appeal:
    """Let somebody appeal."""
    given = {"about": "reason", "text": "那天我在公司上班，单位可以证明。", **more}
    return making.make_appeal(person=person, rule=rule, by=by, **given)


def decide(appeal: Appeal, first: User, second: User | None = None, outcome: str = "granted") -> Appeal:
    """Let one person take and decide a case, and a second one agree."""
    appeal_case.take(appeal=appeal, by=first)
    contested = [] if outcome == "rejected" else appeal.contested
    now = appeal_case.propose(appeal=appeal, outcome=outcome, withdraws=contested, answer=ANSWER, by=first)
    return appeal_case.confirm(appeal=now, by=second) if second else now
