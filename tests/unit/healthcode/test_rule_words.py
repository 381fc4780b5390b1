"""A rule's words are made from its data, in both languages, and say all that the engine goes by."""

import copy
from typing import Any

import pytest
from django.utils import translation

from healthcode import rules
from healthcode.replay import Verdict
from healthcode.rule_words import RuleWords, in_words
from healthcode.trial_figures import Figures, Subject, age_band
from tests.codes import BODY

SETS = {path.stem: rules.load(path) for path in sorted(rules.FOLDER.glob("*.json"))}
TWO_NEGATIVES: dict[str, Any] = {
    "evidence": "test_result",
    "where": {"result": {"is": "negative"}, "method": {"in": ["nucleic_acid", "antigen"]}},
    "count": 2,
    "apart_hours": 24,
    "within_days": 3,
    "broken_by": {"result": {"is": "positive"}},
}


def _rule(change: dict[str, Any]) -> RuleWords:
    body = copy.deepcopy(BODY)
    body["rules"] = [{**body["rules"][0], **change}]
    rules.check(body)
    with translation.override("en"):
        return in_words(body).rules[0]


def test_every_way_out_and_every_part_of_it_is_told() -> None:
    ways = [[TWO_NEGATIVES, {"days": 7}], [{"check_ins": 5, "missed_day": "go_on"}]]
    rule = _rule({"closes_when": {"any_of": ways}, "valid_from": "2020-02-11", "valid_to": "2020-03-01"})
    assert rule.ways == [
        [
            "2 times on record since: test result: negative; nucleic acid test or antigen test; each at least 24 hours "
            "after the one before; all within 3 days; one in between that is “positive” starts the count anew.",
            "7 full days have passed; the day on which it began does not count.",
        ],
        [
            "5 days with a normal daily check-in, from the day after. A missed day does not count, but what was "
            "counted before it stays."
        ],
    ]
    assert (rule.ends_by_test, rule.counts_check_ins) == (True, True)
    assert (rule.first_day, rule.last_day) == ("2020-02-11", "2020-02-29")


def test_what_opens_a_rule_is_told_with_its_conditions() -> None:
    with translation.override("en"):
        told = {rule.rule: rule.opens for rule in in_words(BODY).rules}
    assert told["case"] == ["confirmed or suspected case"]
    assert told["symptoms"][1] == "declaration: 37.3 °C or more; unless a declared illness or medicine explains fever"
    assert told["symptoms"][4].startswith("temperature measured: measured again, and confirmed; 37.3 °C or more;")
    assert told["high_risk_stay"] == [
        "stay: in a place on the list of risk areas: high risk; you left at most 14 days before it became known, or "
        "before the place was listed"
    ]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("name", SETS)
def test_every_shipped_set_can_be_told_with_all_of_its_examples(name: str, language: str) -> None:
    with translation.override(language):
        told = in_words(SETS[name])
    colours = [str(rule.colour) for rule in told.rules]
    assert colours == sorted(colours)
    for rule in told.rules:
        assert rule.opens, rule.rule
        assert all(rule.ways), rule.rule
        assert all(example.happens or example.state == "not_known" for example in rule.examples), rule.rule
        assert all("{" not in line for way in rule.ways for line in [*way, *rule.opens]), rule.rule


def test_ages_fall_into_bands_and_an_unknown_one_into_its_own() -> None:
    ages = (0, 6, 7, 17, 18, 59, 60, 80, 104, None)
    assert [age_band(age) for age in ages] == ["0", "0", "7", "7", "18", "18", "60", "80", "80", "?"]


def test_a_sample_holds_a_few_of_each_change_in_each_street() -> None:
    tallies: dict[str, Any] = {}
    sample: list[dict[str, Any]] = []
    figures = Figures(tallies, sample)
    reason: dict[str, Any] = {"rule": "symptoms", "colour": "yellow", "until": None, "evidence": []}
    for person in range(20):
        subject = Subject(person, person % 2, 30)
        figures.add(subject, Verdict(person, "green", [], None), Verdict(person, "yellow", [reason], None))
    other = {**reason, "colour": "red"}
    figures.add(Subject(99, 0, 5), Verdict(99, "yellow", [reason], None), Verdict(99, "red", [other], None))
    assert [one["person"] for one in sample] == [0, 1, 2, 3, 4, 5, 99]
    assert figures.changed == 21
    assert tallies["rules"] == {"symptoms": {"opened": 20, "ended": 0, "recoloured": 1}}
