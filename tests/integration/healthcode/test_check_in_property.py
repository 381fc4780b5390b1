"""The days that a page draws add up to what the engine counts, whatever the history."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citybrain.core import clock
from healthcode import check_in_queries as queries
from healthcode import replay
from healthcode.actions.evaluate import evaluate
from healthcode.models import Reason
from tests.codes import BODY, WELL, adopt, store
from tests.oracle import Fact
from tests.people import District, make_person

START = dt.datetime(2020, 2, 1, 1, tzinfo=dt.UTC)
GOES_ON = BODY | {"name": "goes-on", "check_ins": {"normal_below": 37.3, "missed_day": "go_on"}}
# Of each day what is checked in: nothing, well, a cough, a cough that may be explained, a fever.
SAID: dict[str, dict[str, Any] | None] = {
    "missed": None,
    "well": {"symptoms": []},
    "cough": {"symptoms": ["cough"]},
    "fever": {"symptoms": [], "celsius": 37.3},
    "warm": {"symptoms": [], "celsius": 37.2},
}
days = st.lists(st.sampled_from(("well", "well", "well", "well", "warm", "missed", "cough", "fever")), max_size=20)
openings = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(("close", "secondary"))), min_size=1, max_size=3)


def _history(opened: list[tuple[int, str]], said: list[str], *, explains: bool) -> list[Fact]:
    explained = {**WELL, "explained": ["cough"] if explains else []}
    facts = [Fact(1, "declaration", START, START, explained)]
    for day, grade in opened:
        at = START + dt.timedelta(days=day)
        facts.append(Fact(len(facts) + 1, "exposure", at, at, {"grade": grade}))
    for day, word in enumerate(said):
        at = START + dt.timedelta(days=day, hours=3)
        if (told := SAID[word]) is not None:
            facts.append(Fact(len(facts) + 1, "check_in", at, at, told))
    return facts


@pytest.mark.steady
@pytest.mark.django_db
@pytest.mark.parametrize("body", [BODY, GOES_ON], ids=["restart", "go on"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(opened=openings, said=days, explains=st.booleans(), at=st.integers(0, 24))
def test_the_days_drawn_add_up_to_what_the_engine_counts_and_to_when_the_reason_ends(
    district: District, body: dict[str, Any], opened: list[tuple[int, str]], said: list[str], explains: bool, at: int
) -> None:
    adopt(body)
    person = make_person("王五", district.grid)
    store(person, _history(opened, said, explains=explains))
    moment = START + dt.timedelta(days=at, hours=6)
    evaluate(persons=[person.pk], by=None, at=moment)
    verdict = replay.judge([person.pk], at=moment)[person.pk]
    with clock.at(moment):
        counts = queries.counts([person.pk])[person.pk]
        today = clock.today()
    assert {count.reason.rule for count in counts} == {reason["rule"] for reason in verdict.reasons}
    for count in counts:
        drawn = sum(day.state == "counts" for day in count.days)
        reason = Reason.objects.get(pk=count.reason.pk)
        assert count.done == drawn, (count, said)
        assert reason.progress in ({}, {"check_ins": drawn, "of": count.of})
        # The last day drawn is the one on which it ends.
        assert reason.until is not None
        assert count.days[-1].on == reason.until.astimezone(clock.SHANGHAI).date()
        ahead = [day for day in count.days if day.state in {"today", "to_come"}]
        assert len(ahead) == count.left
        assert all(day.on >= today for day in ahead)
