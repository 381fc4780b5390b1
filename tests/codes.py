"""Helpers of the health code's tests: rules in force, evidence put into the database, rule files' own examples."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from citybrain.core import clock
from citybrain.core.models import Person
from healthcode import rules
from healthcode.actions.evidence import record_evidence
from healthcode.actions.risk_list import write_list
from healthcode.actions.rules import activate, store_rules
from healthcode.models import Evidence, RuleActivation
from tests import oracle
from tests.oracle import Fact

BODY = rules.load(rules.SHIPPED)
AREAS: list[dict[str, Any]] = BODY["example_risk_areas"]
BEFORE = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
WELL: dict[str, Any] = {"symptoms": [], "explained": [], "pledged": True}


def adopt(body: Mapping[str, Any] = BODY, areas: Sequence[Mapping[str, Any]] = AREAS) -> RuleActivation:
    """Put rules in force before everything that the tests do; as often as they like, unlike any door of the product."""
    return put_in_force(body, areas, BEFORE)


def put_in_force(body: Mapping[str, Any], areas: Sequence[Mapping[str, Any]], at: dt.datetime) -> RuleActivation:
    """Put rules in force from an instant on, by nobody's hand."""
    rules.check(body)
    with clock.at(at):
        risk_list = write_list("test", areas, made_by=None).version
        return activate(rule_set=store_rules(body), risk_list=risk_list, valid_from=at, by=[])


def noon(month: int, day: int, hour: int = 12) -> dt.datetime:
    """Return an hour of a day of 2020 in Shanghai."""
    return dt.datetime(2020, month, day, hour, tzinfo=clock.SHANGHAI)


def tell(person: Person, kind: str, facts: Mapping[str, Any], at: dt.datetime, **more: Any) -> Evidence:
    """Record evidence at an instant, true then unless said otherwise."""
    with clock.at(at):
        return record_evidence(person=person, kind=kind, facts=facts, source="self", by=None, **more)


def check_in(person: Person, month: int, days: Iterable[int]) -> None:
    """Record normal check-ins at nine on days of a month."""
    for day in days:
        tell(person, "check_in", {"symptoms": []}, noon(month, day, 9))


def history(items: Iterable[Mapping[str, Any]]) -> list[Fact]:
    """Return a rule file's example as facts; `repeat_days` says how many days in a row."""
    facts: list[Fact] = []
    for item in items:
        true_at = dt.datetime.fromisoformat(item["true_at"])
        for number in range(item.get("repeat_days", 1)):
            then = true_at + number * oracle.DAY
            known = dt.datetime.fromisoformat(item.get("known_at", then.isoformat()))
            facts.append(Fact(len(facts) + 1, item["kind"], then, known, item["facts"]))
    return facts


def store(person: Person, facts: Iterable[Fact]) -> list[Fact]:
    """Write facts as evidence in one go; return them with the ids that they got."""
    ids: dict[int, int] = {}
    plain = [fact for fact in facts if fact.withdraws is None]
    later = [fact for fact in facts if fact.withdraws is not None]
    for batch in (plain, later):
        rows = [
            Evidence(
                person=person,
                kind=fact.kind,
                true_at=fact.true_at,
                known_at=fact.known_at,
                source="self",
                facts=dict(fact.facts),
                withdraws_id=ids.get(fact.withdraws or 0),
            )
            for fact in batch
        ]
        Evidence.objects.bulk_create(rows)
        ids |= {fact.id: row.pk for fact, row in zip(batch, rows, strict=True)}
    return [
        Fact(ids[one.id], one.kind, one.true_at, one.known_at, one.facts, ids.get(one.withdraws or 0))
        for one in [*plain, *later]
    ]


def examples() -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Return every example of every shipped rule file: its name (file, rule, what it says), its rule set, itself."""
    for path in sorted(rules.FOLDER.glob("*.json")):
        body = rules.load(path)
        for rule in body["rules"]:
            for example in rule["tests"]:
                yield f"{path.stem}: {rule['rule']}: {example['name']}", body, example
