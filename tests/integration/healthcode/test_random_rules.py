"""Rule sets that nobody has written: the compiled SQL says what a plain evaluator says, and the schema lets them in."""

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from healthcode import given as given_rules
from healthcode import kinds, rules
from healthcode.given import GivenRules, Piece
from tests import oracle
from tests.codes import AREAS, BODY, examples
from tests.oracle import Fact
from tests.repo import tree

SCHEMAS = tree.ROOT / "docs" / "schemas"
RULES = Draft202012Validator(json.loads((SCHEMAS / "rules.schema.json").read_text()))
EVIDENCE = Draft202012Validator(json.loads((SCHEMAS / "evidence.schema.json").read_text()))
START = dt.datetime(2020, 2, 1, tzinfo=dt.UTC)
EDGE = "2020-02-08"
NEGATIVE, POSITIVE = {"result": {"is": "negative"}}, {"result": {"is": "positive"}}

hours = st.integers(0, 16 * 24).map(lambda hour: START + dt.timedelta(hours=hour))
openers = st.sampled_from(
    [
        {"kind": "exposure", "where": {"grade": {"is": "close"}}, "within_days": 5},
        {"kind": "exposure"},
        {"kind": "test_result", "where": POSITIVE},
        {"kind": "isolation_order"},
        {"kind": "fever_clinic_visit", "where": {"finding": {"in": ["suspected", "to_observe"]}}},
        {"kind": "check_in", "where": {"symptoms": {"unexplained": True}}},
        {"kind": "temperature", "where": {"celsius": {"at_least": 37.3}}, "unless_explained": "fever"},
        {"kind": "risk_area_stay", "risk_level": "high"},
    ]
)
some = st.builds(
    lambda count, apart, more: {
        "evidence": "test_result", "where": NEGATIVE, "count": count, "apart_hours": apart, **more
    },
    st.integers(2, 4),
    st.sampled_from((6, 24, 36.5)),
    st.sampled_from(({}, {"within_days": 3}, {"broken_by": POSITIVE}, {"within_days": 5, "broken_by": POSITIVE})),
)  # fmt: skip
one = st.sampled_from(
    [
        {"evidence": "county_confirmation"},
        {"evidence": "isolation_release"},
        {"evidence": "test_result", "where": NEGATIVE},
        {"evidence": "fever_clinic_visit", "where": {"finding": {"is": "ruled_out"}}},
    ]
)
check_ins = st.builds(
    lambda number, more: {"check_ins": number, **more},
    st.integers(1, 6),
    st.sampled_from(({}, {"missed_day": "restart"}, {"missed_day": "go_on"})),
)
days = st.builds(lambda number: {"days": number}, st.integers(1, 6))
ways = st.tuples(st.none() | check_ins, st.none() | days, st.lists(some | one, max_size=2)).map(
    lambda parts: [part for part in (*parts[:2], *parts[2]) if part is not None] or [{"days": 2}]
)
closes_when = ways | st.lists(ways, min_size=1, max_size=3).map(lambda several: {"any_of": several})


@st.composite
def rule_sets(draw: st.DrawFn) -> dict[str, Any]:
    """Draw one to three rules."""
    written = []
    for number in range(draw(st.integers(1, 3))):
        rule: dict[str, Any] = {
            "rule": f"rule_{number}",
            "colour": draw(st.sampled_from(("yellow", "red"))),
            "name": {"zh": "规则", "en": "rule"},
            "way_out": {"zh": "出路", "en": "way out"},
            "opened_by": draw(st.lists(openers, min_size=1, max_size=2)),
            "closes_when": draw(closes_when),
        }
        rule |= draw(
            st.sampled_from(({}, {}, {"priority": 5}, {"valid_from": "2020-02-08"}, {"valid_to": "2020-02-08"}))
        )
        written.append(rule)
    missed_day = draw(st.sampled_from(("restart", "go_on")))
    return {
        **{name: BODY[name] for name in ("name", "version", "title")},
        "declaration": {"fresh_days": draw(st.integers(1, 10))},
        "check_ins": {"normal_below": 37.3, "missed_day": missed_day},
        "rules": written,
    }


def _tests(draw: st.DrawFn) -> list[tuple[str, dt.datetime, dict[str, Any]]]:
    """Draw a series of tests, often negative, hours apart."""
    at, drawn = draw(hours), []
    for _number in range(draw(st.integers(0, 6))):
        result = draw(st.sampled_from(("negative", "negative", "negative", "positive", "invalid")))
        drawn.append(("test_result", at, {"result": result, "method": "antigen"}))
        at += dt.timedelta(hours=draw(st.sampled_from((0, 6, 23, 24, 30, 48, 100))))
    return drawn


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Draw one person's history: what opens, a series of tests, a series of check-ins with gaps, a withdrawal."""
    drawn: list[tuple[str, dt.datetime, dict[str, Any]]] = _tests(draw)
    events: list[tuple[str, dict[str, Any]]] = draw(
        st.lists(
            st.sampled_from(
                [
                    ("declaration", {"symptoms": [], "explained": ["fever"], "pledged": True}),
                    ("exposure", {"grade": "close"}),
                    ("exposure", {"grade": "secondary"}),
                    ("isolation_order", {"place": "home", "from": "2020-02-01", "to": "2020-02-15"}),
                    ("isolation_release", {}),
                    ("county_confirmation", {}),
                    ("fever_clinic_visit", {"finding": "suspected"}),
                    ("fever_clinic_visit", {"finding": "ruled_out"}),
                    ("temperature", {"celsius": 38, "confirmed": True}),
                    ("risk_area_stay", {"code": "420106001000", "from": "2020-01-20", "to": "2020-02-04"}),
                ]
            ),
            max_size=5,
        )
    )
    drawn += [(kind, draw(hours), values) for kind, values in events]
    first, missed = draw(hours), draw(st.sets(st.integers(0, 9), max_size=2))
    for number in range(draw(st.integers(0, 10))):
        if number not in missed:
            symptoms = ["cough"] if draw(st.integers(0, 9)) == 0 else []
            drawn.append(("check_in", first + dt.timedelta(days=number), {"symptoms": symptoms}))
    late = [dt.timedelta(hours=draw(st.sampled_from((0, 0, 0, 30, 170)))) for _one in drawn]
    facts = [
        Fact(number, kind, at, at + late[number - 1], values)
        for number, (kind, at, values) in enumerate(drawn, start=1)
    ]
    withdrawn: bool = draw(st.booleans())
    if facts and withdrawn:
        old: Fact = draw(st.sampled_from(facts))
        because = {"because": "entered_in_error"}
        facts.append(Fact(len(facts) + 1, "withdrawal", old.known_at, old.known_at, because, old.id))
    return facts


def _piece(fact: Fact, person: int, offset: int) -> Piece:
    withdraws = None if fact.withdraws is None else fact.withdraws + offset
    return Piece(fact.id + offset, person, fact.kind, fact.true_at, fact.known_at, fact.facts, withdraws)


def _instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


@pytest.mark.steady
@pytest.mark.django_db
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=rule_sets(), batch=st.lists(histories(), min_size=6, max_size=10), at=hours)
def test_whatever_rules_are_written_the_sql_says_what_the_plain_evaluator_says(
    body: dict[str, Any], batch: list[list[Fact]], at: dt.datetime
) -> None:
    rules.check(body)
    assert RULES.is_valid(body)
    pieces = [_piece(fact, person, 1000 * person) for person, facts in enumerate(batch) for fact in facts]
    verdicts = GivenRules(body, AREAS).judge(pieces, at=at)
    for person, facts in enumerate(batch):
        want = oracle.judge(body, facts, AREAS, at)
        if person not in verdicts:
            assert not facts
            continue
        got = verdicts[person]
        reasons = [
            (
                reason["rule"],
                reason["colour"],
                _instant(reason["since"]),
                _instant(reason["until"]),
                [number - 1000 * person for number in reason["evidence"]],
            )
            for reason in got.reasons
        ]
        assert (got.state, reasons, got.valid_until) == (want.state, want.reasons, want.valid_until), (facts, at)


@pytest.mark.django_db
def test_the_examples_beside_the_shipped_rules_hold_and_one_that_does_not_is_named() -> None:
    bodies = {body["name"]: body for _name, body, _example in examples()}
    assert len(bodies) == 3
    for body in bodies.values():
        assert list(given_rules.failures(body)) == []
    wrong = json.loads(json.dumps(bodies["loose"]))
    wrong["rules"][0]["tests"][0]["state"] = "green"
    (failure,) = given_rules.failures(wrong)
    assert "expected green, case, got red, case" in str(failure)


@pytest.mark.django_db
def test_evidence_that_the_examples_hold_is_let_in_by_the_published_schema() -> None:
    for _name, body, example in examples():
        assert RULES.is_valid(body)
        for item in example["evidence"]:
            assert EVIDENCE.is_valid({"person": "a", **item})


def test_the_published_schema_knows_every_kind_of_evidence_and_each_of_its_facts() -> None:
    schema: Any = EVIDENCE.schema
    assert set(schema["properties"]["kind"]["enum"]) == set(kinds.Kind.values) == schema["$defs"].keys()
    for kind, fields in kinds.FIELDS.items():
        told = schema["$defs"][kind]
        assert set(told["properties"]) == kinds.fields_of(kind)
        assert set(told["required"]) == {name for name in fields if not name.endswith("?")}
    written: Any = RULES.schema
    hanging = set(written["$defs"]["opener"]["properties"]["kind"]["enum"])
    assert hanging == set(kinds.Kind.values) - kinds.RECORDED_ONLY
