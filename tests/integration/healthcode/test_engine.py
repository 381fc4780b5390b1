"""The compiled SQL says what a plain Python evaluator says, and what it said then when it is asked again."""

import copy
import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citybrain.core.models import Person
from healthcode import kinds, replay, rules
from tests import oracle
from tests.codes import AREAS, BODY, adopt, examples, history, store
from tests.oracle import Fact
from tests.people import District, make_person

EXAMPLES = {name: (body, example) for name, body, example in examples()}
START = dt.datetime(2020, 2, 1, tzinfo=dt.UTC)
# A set that uses what the shipped one does not: time, two tests, a gap allowed, all of them at once.
OTHER: dict[str, Any] = copy.deepcopy(BODY) | {
    "name": "other",
    "check_ins": {"normal_below": 37.5, "missed_day": "go_on"},
}
OTHER["rules"][1]["closes_when"] = [{"days": 3}, {"check_ins": 2}]
OTHER["rules"][3]["closes_when"] = [{"days": 5}]
OTHER["rules"][5]["closes_when"] = [
    {"evidence": "test_result", "where": {"result": {"is": "negative"}}, "count": 2, "apart_hours": 24},
    {"days": 2},
]
OTHER["rules"][2]["opened_by"] = [{"kind": "risk_area_stay", "risk_level": "high"}]
STRICT = rules.load(rules.FOLDER / "strict-1.json")
LOOSE = rules.load(rules.FOLDER / "loose-1.json")
ENDING = [
    *AREAS,
    {**AREAS[1], "code": "330103008000", "level": "high", "valid_to": "2020-02-09", "listed_on": "2020-02-16"},
]

some_symptoms = st.lists(st.sampled_from(("fever", "cough")), max_size=1)
degrees = st.sampled_from((36.5, 37.2, 37.3, 37.5, 39))
hours = st.integers(0, 24 * 24).map(lambda hour: START + dt.timedelta(hours=hour))


def _stay(first: int, length: int, code: str) -> dict[str, Any]:
    start = dt.date(2020, 1, 10) + dt.timedelta(days=first)
    return {"code": code, "from": start.isoformat(), "to": (start + dt.timedelta(days=length)).isoformat()}


FACTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "declaration": st.builds(
        lambda has, why, hot: {"symptoms": has, "explained": why, "celsius": hot, "pledged": True},
        *(st.just([]) | some_symptoms, st.just([]) | some_symptoms, degrees),
    ),
    "risk_area_stay": st.builds(
        _stay,
        st.integers(0, 40),
        st.integers(0, 10),
        st.sampled_from(("420106001000", "330302001001", "330103008008001", "330103000000", "110101001001")),
    ),
    "exposure": st.sampled_from(({"grade": "close"}, {"grade": "secondary"})),
    "test_result": st.sampled_from(
        [
            {"result": result, "method": method}
            for result in ("positive", "negative", "negative", "negative", "invalid")
            for method in ("nucleic_acid", "nucleic_acid", "antigen")
        ]
    ),
    "temperature": st.builds(lambda hot, sure: {"celsius": hot, "confirmed": sure}, degrees, st.booleans()),
    "case": st.sampled_from(({"status": "confirmed"}, {"status": "suspected"})),
    "released": st.just({"basis": "recovered"}),
    "fever_clinic_visit": st.sampled_from([{"finding": one} for one in ("ruled_out", "to_observe", "suspected")]),
    "isolation_order": st.just({"place": "home", "from": "2020-02-01", "to": "2020-02-15"}),
    "isolation_release": st.just({}),
    "county_confirmation": st.just({}),
}


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Draw one person's history: single facts, series of check-ins with gaps, late knowledge, withdrawals."""
    facts: list[Fact] = []

    def add(kind: str, true_at: dt.datetime, late: int, values: dict[str, Any], withdraws: int | None = None) -> None:
        known = true_at + dt.timedelta(hours=late)
        facts.append(Fact(len(facts) + 1, kind, true_at, known, values, withdraws))

    for kind in draw(st.lists(st.sampled_from((*sorted(FACTS), "case", "released")), max_size=6)):
        add(kind, draw(hours), draw(st.sampled_from((0, 0, 5, 200, 400))), draw(FACTS[kind]))
    if draw(st.booleans()):
        first = draw(hours)
        missed = draw(st.sets(st.integers(1, 20), max_size=2))
        for number in range(draw(st.integers(1, 20))):
            if number not in missed:
                normal = draw(st.integers(0, 12)) > 0
                values = {"symptoms": [] if normal else ["cough"]}
                add("check_in", first + dt.timedelta(days=number), 0, values)
                if draw(st.integers(0, 6)) == 0:
                    # Another one on the same day, or in the night after it.
                    add("check_in", first + dt.timedelta(days=number, hours=1), 0, {"symptoms": ["cough"]})
    for number in draw(st.sets(st.integers(1, len(facts)), max_size=2)) if facts else ():
        old = facts[number - 1]
        add("withdrawal", old.known_at, draw(st.sampled_from((1, 100))), {"because": "entered_in_error"}, number)
    return facts


def _expect(person: Person, facts: list[Fact], body: dict[str, Any], at: dt.datetime, got: replay.Verdict) -> None:
    want = oracle.judge(body, facts, ENDING, at)
    reasons = [
        (one["rule"], one["colour"], _instant(one["since"]), _instant(one["until"]), one["evidence"])
        for one in got.reasons
    ]
    assert (got.state, reasons, got.valid_until) == (want.state, want.reasons, want.valid_until), (person.pk, facts, at)


def _instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


@pytest.mark.steady
@pytest.mark.django_db
@pytest.mark.parametrize("body", [BODY, OTHER, STRICT, LOOSE], ids=["shipped", "other", "strict", "loose"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(histories(), min_size=8, max_size=20), at=hours, later=hours)
def test_the_sql_says_what_a_plain_evaluator_says_of_many_persons_at_once(
    district: District, body: dict[str, Any], batch: list[list[Fact]], at: dt.datetime, later: dt.datetime
) -> None:
    activation = adopt(body, ENDING)
    by = replay.activations(at).in_force(at)
    assert by.risk_list == activation.risk_list
    stored = {}
    for facts in batch:
        person = make_person("王五", district.grid)
        stored[person] = store(person, facts)
    for moment in (at, later):
        verdicts = replay.judge([person.pk for person in stored], at=moment, by=by)
        for person, facts in stored.items():
            _expect(person, facts, body, moment, verdicts[person.pk])


@pytest.mark.django_db
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_of_a_rule_holds_by_the_sql(district: District, name: str) -> None:
    body, example = EXAMPLES[name]
    adopt(body)
    store(district.zhang, history(example["evidence"]))
    got = replay.judge([district.zhang.pk], at=dt.datetime.fromisoformat(example["at"]))[district.zhang.pk]
    assert (got.state, [reason["rule"] for reason in got.reasons]) == (example["state"], example["reasons"])


@pytest.mark.django_db
def test_one_person_gets_the_same_verdict_alone_as_among_others(district: District) -> None:
    adopt()
    store(district.zhang, history(EXAMPLES[min(EXAMPLES)][1]["evidence"]))
    at = START + dt.timedelta(days=20)
    both = replay.judge([district.zhang.pk, district.li.pk], at=at)
    assert replay.judge([district.zhang.pk], at=at) == {district.zhang.pk: both[district.zhang.pk]}
    assert both[district.li.pk].state == "not_known"


def test_the_kinds_that_open_reasons_are_all_in_the_property_test() -> None:
    recorded_only = {
        kinds.Kind.TRIP,
        kinds.Kind.VACCINATION,
        kinds.Kind.RECOVERY,
        kinds.Kind.CORRECTION,
        kinds.Kind.APPEAL_DECISION,
    }
    assert set(FACTS) | {"check_in", "withdrawal"} | recorded_only == set(kinds.Kind.values)
