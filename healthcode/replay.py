"""Judging persons at any instant, by the rules and the evidence of that instant; writes nothing."""

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from healthcode.engine import Statement, compile_rules
from healthcode.models import RuleSet

_ACTIVATIONS = """
SELECT a.rule_set_id, s.digest, a.risk_list, a.valid_from, a.id
  FROM healthcode_ruleactivation AS a JOIN healthcode_ruleset AS s ON s.id = a.rule_set_id
 WHERE a.valid_from <= %(at)s + interval '1 hour'
 ORDER BY a.valid_from DESC, a.id DESC LIMIT 20
"""
# One evaluation at a time per person: two at once would each miss the other's evidence. Gates are not held up, as a
# reference to the person takes a weaker lock. Counting what is locked makes sure that it is locked at all.
_LOCK = f"""
WITH locked AS (
  SELECT id FROM core_person WHERE id = ANY(%(persons)s::bigint[]) ORDER BY id FOR NO KEY UPDATE
), counted AS (SELECT count(*) AS persons FROM locked), around AS ({_ACTIVATIONS})
SELECT around.* FROM around CROSS JOIN counted ORDER BY valid_from DESC, id DESC
"""  # noqa: S608 (both parts stand here)


class NoRulesError(LookupError):
    """No rule set is in force; the text says what to do."""


@dataclass(frozen=True)
class Verdict:
    """What the rules say of a person, and why."""

    person_id: int
    state: str
    # {rule, colour, since, until, closes_when, evidence}, the worst first; instants are ISO texts.
    reasons: list[dict[str, Any]]
    valid_until: dt.datetime | None


@dataclass(frozen=True)
class Activation:
    """Rules and a list of risk areas, and from when they hold."""

    rule_set_id: int
    digest: str
    risk_list: int
    valid_from: dt.datetime


@dataclass(frozen=True)
class Activations:
    """Those around an instant, the newest first."""

    newest_first: list[Activation]

    def in_force(self, at: dt.datetime) -> Activation:
        """Return the one in force at an instant; raise NoRulesError when there is none."""
        for activation in self.newest_first:
            if activation.valid_from <= at:
                return activation
        raise NoRulesError(f"no rule set was in force at {at.isoformat()}: run `manage.py adopt_rules`")


def activations(at: dt.datetime) -> Activations:
    """Return those that could be in force at an instant or shortly after."""
    return _activations(_ACTIVATIONS, {"at": at})


def lock(persons: list[int], at: dt.datetime) -> Activations:
    """Let nobody else judge these persons (ids) until the transaction ends; return what could be in force by then."""
    return _activations(_LOCK, {"at": at, "persons": persons})


def _activations(sql: str, values: dict[str, Any]) -> Activations:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return Activations([Activation(*row[:4]) for row in cursor.fetchall()])


def judge(
    persons: Iterable[int], *, at: dt.datetime, known: dt.datetime | None = None, by: Activation | None = None
) -> dict[int, Verdict]:
    """Judge persons (ids) at an instant in one statement, by what was known at `known` (the same instant if not given).

    The rules are those in force at `at` unless an activation is given. Raises NoRulesError when there are none.
    """
    activation = by or activations(at).in_force(at)
    with connection.cursor() as cursor:
        cursor.execute(statement(activation).reading, parameters(activation, list(persons), at=at, known=known or at))
        return {row[0]: Verdict(row[0], row[1], _json(row[2]), row[3]) for row in cursor.fetchall()}


def statement(activation: Activation) -> Statement:
    """Return the compiled rules of an activation."""
    return _compiled(activation.rule_set_id, activation.digest)


def parameters(activation: Activation, persons: list[int], *, at: dt.datetime, known: dt.datetime) -> dict[str, Any]:
    """Return the values for the statement's parameters."""
    return {
        **statement(activation).params,
        "persons": persons,
        "at": at,
        "known": known,
        "risk_list": activation.risk_list,
    }


@lru_cache(maxsize=32)
def _compiled(rule_set_id: int, _digest: str) -> Statement:
    # A rule set never changes, so it is read and compiled once per process.
    return compile_rules(RuleSet.objects.get(pk=rule_set_id).body)


def _json(value: Any) -> Any:
    # Django leaves jsonb of raw statements as text.
    return json.loads(value) if isinstance(value, str) else value
