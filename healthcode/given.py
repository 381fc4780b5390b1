"""Judging persons by evidence and risk areas that are given, by the engine's own statement: nothing is read or stored.

For trying rules out: the examples beside each rule, and `manage.py evaluate_code`.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from healthcode.engine import GIVEN, Statement, compile_rules
from healthcode.models.risk_area import prefix_of
from healthcode.replay import Verdict

# The one version of the list of risk areas that is given.
LIST = 1


@dataclass(frozen=True)
class Piece:
    """A piece of evidence: its id and that of its person are the caller's own."""

    id: int
    person: int
    kind: str
    true_at: dt.datetime
    known_at: dt.datetime
    facts: Mapping[str, Any]
    withdraws: int | None = None

    def row(self) -> dict[str, Any]:
        """Return it as the engine reads it."""
        return {
            "id": self.id,
            "person_id": self.person,
            "kind": self.kind,
            "true_at": self.true_at.isoformat(),
            "known_at": self.known_at.isoformat(),
            "facts": self.facts,
            "withdraws_id": self.withdraws,
        }


@dataclass(frozen=True)
class Failure:
    """An example of a rule set that does not come out as it says."""

    rule: str
    example: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.rule}: “{self.example}”: expected {self.expected}, got {self.got}"


class GivenRules:
    """A rule set that `rules.check` has passed, compiled, with a list of risk areas as rule files write it."""

    def __init__(self, body: Mapping[str, Any], risk_areas: Iterable[Mapping[str, Any]]) -> None:
        self._statement: Statement = compile_rules(body, GIVEN)
        rows = [{**area, "version": LIST, "prefix": prefix_of(area["code"])} for area in risk_areas]
        self._risk_areas = json.dumps(rows)

    def judge(self, evidence: Sequence[Piece], *, at: dt.datetime) -> dict[int, Verdict]:
        """Return the verdict on each person of the evidence at an instant, by what was known then."""
        values = {
            **self._statement.params,
            "persons": sorted({piece.person for piece in evidence}),
            "at": at,
            "known": at,
            "risk_list": LIST,
            "given_evidence": json.dumps([piece.row() for piece in evidence]),
            "given_risk_areas": self._risk_areas,
        }
        with connection.cursor() as cursor:
            cursor.execute(self._statement.reading, values)
            rows = cursor.fetchall()
        return {person: Verdict(person, state, json.loads(reasons), until) for person, state, reasons, until in rows}


def failures(body: Mapping[str, Any]) -> Iterator[Failure]:
    """Run the examples beside each rule of a set that `rules.check` has passed; yield those that fail."""
    given = GivenRules(body, body.get("example_risk_areas", ()))
    for rule in body["rules"]:
        for example in rule.get("tests", ()):
            verdict = given.judge(list(_pieces(example["evidence"])), at=_instant(example["at"])).get(0)
            got = (verdict.state, [reason["rule"] for reason in verdict.reasons]) if verdict else ("not_known", [])
            expected = (example["state"], example["reasons"])
            if got != expected:
                yield Failure(rule["rule"], example["name"], _words(*expected), _words(*got))


def _pieces(items: Iterable[Mapping[str, Any]]) -> Iterator[Piece]:
    """Return an example's evidence; `repeat_days` says how many days in a row."""
    number = 0
    for item in items:
        for day in range(item.get("repeat_days", 1)):
            later = dt.timedelta(days=day)
            true_at = _instant(item["true_at"]) + later
            known_at = _instant(item.get("known_at", item["true_at"])) + later
            number += 1
            yield Piece(number, 0, item["kind"], true_at, known_at, item["facts"])


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _words(state: str, rules: Iterable[str]) -> str:
    return ", ".join([state, *rules])
