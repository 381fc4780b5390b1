"""Rule files: what they say is checked, and their examples hold by a plain reading."""

import copy
import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from healthcode import engine, kinds, rules
from healthcode.models import Reason
from healthcode.models.risk_area import prefix_of
from tests import oracle
from tests.codes import AREAS, BODY, examples, history

EXAMPLES = {name: (body, example) for name, body, example in examples()}
SETS = {path.stem: rules.load(path) for path in sorted(rules.FOLDER.glob("*.json"))}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_of_a_rule_holds_by_the_plain_evaluator(name: str) -> None:
    body, example = EXAMPLES[name]
    judged = oracle.judge(body, history(example["evidence"]), AREAS, dt.datetime.fromisoformat(example["at"]))
    assert (judged.state, [reason[0] for reason in judged.reasons]) == (example["state"], example["reasons"])


def test_every_shipped_rule_has_examples_with_evidence_of_the_right_form() -> None:
    assert SETS.keys() == {"hangzhou-2020-02-11", "strict-1", "loose-1"}
    for body in SETS.values():
        assert all(rule["tests"] for rule in body["rules"])
    for _body, example in EXAMPLES.values():
        for item in example["evidence"]:
            kinds.check(item["kind"], item["facts"])


def _with(change: Mapping[str, Any], rule: int = 0) -> dict[str, Any]:
    body = copy.deepcopy(BODY)
    body["rules"][rule] |= change
    return body


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "green"}, r"rules\[0\].colour"),
        ({"opened_by": []}, "something in it"),
        ({"closes_when": []}, "something in it"),
        ({"opened_by": [{"kind": "other"}]}, "no kind of evidence"),
        ({"opened_by": [{"kind": "case", "where": {"colour": {"is": "red"}}}]}, "knows no"),
        ({"opened_by": [{"kind": "case", "where": {"status": {"like": "%"}}}]}, "is one of"),
        ({"opened_by": [{"kind": "risk_area_stay"}]}, "risk_level"),
        ({"closes_when": [{"check_ins": 0}]}, "number of days"),
        ({"closes_when": [{"check_ins": 7}, {"check_ins": 14}]}, "once"),
        ({"closes_when": [{"evidence": "test_result", "count": 2}]}, "apart_hours"),
        ({"closes_when": [{"evidence": "test_result", "count": 8, "apart_hours": 24}]}, "from 1 to 7"),
        ({"closes_when": [{"evidence": "test_result", "within_days": 3}]}, "count above 1"),
        ({"closes_when": [{"evidence": "test_result", "count": 2, "apart_hours": 1, "broken_by": {}}]}, "breaks"),
        ({"closes_when": {"any_of": []}}, "list of lists"),
        ({"closes_when": {"any_of": [[{"days": 1}], []]}}, r"any_of\[1\]"),
        ({"closes_when": [{"check_ins": 7, "missed_day": "forgive"}]}, "missed_day"),
        ({"closes_when": [{"evidence": "vaccination"}]}, "recorded only"),
        ({"opened_by": [{"kind": "appeal_decision"}]}, "recorded only"),
        ({"priority": 1.5}, "whole number"),
        ({"valid_from": "2020-2-1"}, "a day"),
        ({"valid_from": "2020-02-02", "valid_to": "2020-02-02"}, "after valid_from"),
        ({"name": {"zh": "只有中文"}}, "lacks"),
        ({"sql": "true"}, "knows no"),
    ],
)
def test_a_rule_that_cannot_be_compiled_is_refused_with_its_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(rules.RulesError, match=message):
        rules.check(_with(change))


def test_no_text_of_a_rule_file_becomes_sql() -> None:
    hostile = "x'); DROP TABLE core_person; --"
    body = _with({"rule": hostile[:40], "opened_by": [{"kind": "case", "where": {"status": {"is": hostile}}}]})
    rules.check(body)
    statement = engine.compile_rules(body)
    assert "DROP" not in statement.reading
    assert any(hostile in str(value) for value in statement.params.values())


def test_a_code_is_matched_by_the_digits_of_its_level() -> None:
    assert prefix_of("420000000000") == "42"
    assert prefix_of("330300000000") == "3303"
    assert prefix_of("330103000000") == "330103"
    assert prefix_of("330103008000") == "330103008"
    assert prefix_of("330103008008") == "330103008008"
    assert prefix_of("330103008008001") == "330103008008001"


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("other", {}),
        ("exposure", {}),
        ("exposure", {"grade": "close", "colour": "red"}),
        ("exposure", {"grade": ["close"]}),
        ("declaration", {"symptoms": [], "explained": [], "pledged": False}),
        ("declaration", {"symptoms": ["boredom"], "explained": [], "pledged": True}),
        ("temperature", {"celsius": "39", "confirmed": True}),
        ("temperature", {"celsius": 390, "confirmed": True}),
        ("temperature", {"celsius": True, "confirmed": True}),
        ("temperature", {"celsius": float("nan"), "confirmed": True}),
        ("risk_area_stay", {"code": "42", "from": "2020-02-01", "to": "2020-02-02"}),
        ("risk_area_stay", {"code": "420000000000", "from": "2020-02-30", "to": "2020-03-02"}),
        ("risk_area_stay", {"code": "420000000000", "from": "2020-02-03", "to": "2020-02-02"}),
    ],
)
def test_facts_that_are_not_those_of_the_kind_are_refused(kind: str, facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kinds.check(kind, facts)


def test_no_kind_of_evidence_is_called_other_and_each_has_its_facts() -> None:
    assert set(kinds.FIELDS) == set(kinds.Kind.values)
    assert not {"other", "manual", "colour"} & set(kinds.Kind.values)


def test_a_reason_with_several_ways_out_counts_check_ins_when_one_of_them_does() -> None:
    ways = {"any_of": [[{"check_ins": 14}], [{"evidence": "fever_clinic_visit"}]]}
    assert Reason(closes_when=ways).counts_check_ins
    assert not Reason(closes_when={"any_of": ways["any_of"][1:]}).counts_check_ins
    assert not Reason(closes_when=[{"days": 7}]).counts_check_ins
