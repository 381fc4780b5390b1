"""When other rules come in force everybody is judged anew: in chunks, by several workers, whatever dies meanwhile."""

import copy
import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from citybrain.core import clock
from citybrain.core.models import Event, Person
from healthcode import queries, replay, tasks
from healthcode.actions import rounds
from healthcode.actions.evaluate import evaluate
from healthcode.models import CodeChange, CodeState, Round, RoundChunk, RuleActivation
from tests.changed_rules import HANGZHOU, LOOSE, STRICT
from tests.codes import AREAS, BODY, WELL, adopt, noon, put_in_force, store, tell
from tests.integration.healthcode.test_engine import histories
from tests.oracle import Fact
from tests.people import District, make_district, make_person
from tests.repo import tree

pytestmark = pytest.mark.django_db
NOW = noon(2, 20)
LATER = NOW + dt.timedelta(minutes=1)
NEGATIVE = {"result": "negative", "method": "nucleic_acid"}


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules; 张三 is green, 李四 has coughed and was tested since."""
    adopt()
    tell(district.zhang, "declaration", WELL, noon(2, 19))
    tell(district.li, "declaration", {**WELL, "symptoms": ["cough"]}, noon(2, 19))
    tell(district.li, "test_result", NEGATIVE, noon(2, 20, 9))
    return district


def _round(at: dt.datetime) -> int | None:
    """Begin what is due and do all of it; return how many codes changed, None when nothing was due."""
    with clock.at(at):
        begun = rounds.begin_due_rounds()
        return sum(rounds.work(one.pk) for one in begun) if begun else None


def _state(person: Person) -> str:
    return CodeState.objects.get(person=person).state


def test_codes_follow_when_other_rules_come_in_force_and_not_before(people: District) -> None:
    put_in_force(LOOSE, AREAS, NOW)
    assert _round(NOW - dt.timedelta(seconds=1)) is None
    Event.objects.all().delete()
    assert _round(LATER) == 1
    assert _state(people.li) == "green"
    change = CodeChange.objects.filter(person=people.li).latest("id")
    assert (change.before, change.after, change.at, change.rule_set.name) == ("yellow", "green", LATER, "loose")
    assert Event.objects.get(kind="code.changed").payload == {"persons": [people.li.pk], "by": None}
    done = Round.objects.get()
    assert (done.because, done.at, done.begun_at, done.done_at) == ("rules", NOW, LATER, LATER)
    assert _round(LATER) is None


def test_the_first_rules_of_an_installation_need_no_round(people: District) -> None:
    assert _round(NOW) is None


def test_whoever_has_evidence_and_no_code_is_judged_too(people: District) -> None:
    stranger = make_person("王五", people.grid)
    stay = {"code": "330103008000", "from": "2020-02-12", "to": "2020-02-14"}
    tell(stranger, "risk_area_stay", stay, noon(2, 15))
    assert not CodeState.objects.filter(person=stranger).exists()
    put_in_force(BODY, [*AREAS, HANGZHOU], NOW)
    assert _round(LATER) == 1
    assert _state(stranger) == "red"


def test_a_rule_that_begins_and_ends_by_its_own_dates_makes_a_round_each_time(people: District) -> None:
    body = copy.deepcopy(BODY) | {"version": "dated"}
    body["rules"].append(
        {
            **copy.deepcopy(body["rules"][1]),
            "rule": "negative_too",
            "opened_by": [{"kind": "declaration"}],
            "closes_when": [{"days": 300}],
            "valid_from": "2020-02-22",
            "valid_to": "2020-02-24",
        }
    )
    put_in_force(body, AREAS, NOW)
    assert _round(LATER) == 0
    assert _round(noon(2, 21, 23)) is None
    assert _round(noon(2, 22, 0)) == 2
    assert (_state(people.zhang), _state(people.li)) == ("red", "red")
    assert _round(noon(2, 23)) is None
    assert _round(noon(2, 24, 0)) == 2
    assert _state(people.zhang) == "green"
    assert list(Round.objects.values_list("because", flat=True)) == ["rules", "rule_dates", "rule_dates"]


def test_who_was_judged_since_the_round_began_is_left_alone(people: District, settings: Any) -> None:
    settings.ROUND_CHUNK = 1
    put_in_force(LOOSE, AREAS, NOW)
    with clock.at(LATER):
        (begun,) = rounds.begin_due_rounds()
    much_later = LATER + dt.timedelta(minutes=5)
    tell(people.zhang, "check_in", {"symptoms": []}, much_later)
    with clock.at(much_later + dt.timedelta(minutes=1)):
        rounds.work(begun.pk)
    assert CodeState.objects.get(person=people.zhang).evaluated_at == much_later
    assert CodeState.objects.get(person=people.li).evaluated_at > much_later


def test_a_round_that_was_not_finished_is_taken_in_by_the_next(people: District, settings: Any) -> None:
    settings.ROUND_CHUNK = 1
    put_in_force(LOOSE, AREAS, NOW)
    turns = iter([True, False])
    with clock.at(LATER):
        (first,) = rounds.begin_due_rounds()
        rounds.work(first.pk, lambda: next(turns))
    put_in_force(STRICT, AREAS, LATER)
    with clock.at(LATER):
        (second,) = rounds.begin_due_rounds()
        assert second != first
        rounds.work(second.pk)
    assert not Round.objects.filter(done_at=None).exists()
    assert set(CodeState.objects.values_list("rule_set__name", flat=True)) == {"strict"}


@pytest.mark.slow
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batch=st.lists(histories(), min_size=4, max_size=10), at=st.integers(0, 30 * 24), size=st.integers(1, 5))
def test_after_a_round_everybody_is_what_a_replay_at_that_instant_says(
    district: District, batch: list[list[Fact]], at: int, size: int
) -> None:
    moment = noon(2, 1) + dt.timedelta(hours=at)
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "ROUND_CHUNK", size)
        adopt()
        persons = [make_person("王五", district.grid) for _facts in batch]
        for person, facts in zip(persons, batch, strict=True):
            store(person, facts)
        # Some have been judged before, some have not.
        evaluate(persons=[person.pk for person in persons[::2]], by=None, at=noon(2, 1, 0))
        put_in_force(STRICT if at % 2 else LOOSE, [*AREAS, HANGZHOU], moment)
        _round(moment)
        _agrees(moment)
        transaction.set_rollback(True)


def _agrees(moment: dt.datetime) -> None:
    persons = list(Person.objects.values_list("pk", flat=True))
    verdicts = replay.judge(persons, at=moment)
    stored = {one.person_id: (one.state, one.valid_until, one.reasons) for one in CodeState.objects.all()}
    for person, verdict in verdicts.items():
        expected = (verdict.state, verdict.valid_until, len(verdict.reasons))
        assert stored.get(person, ("not_known", None, 0)) == expected


def test_the_beat_begins_rounds_each_minute_and_calls_workers(
    people: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    monkeypatch.setattr(tasks.work_round, "apply_async", lambda args, **_options: called.extend(args))
    put_in_force(LOOSE, AREAS, NOW)
    with clock.at(LATER):
        tasks.begin_rounds()
        tasks.begin_rounds()
        assert called == [Round.objects.get().pk] * 2
        tasks.work_round(called[0])
        tasks.begin_rounds()
    assert len(called) == 2
    assert _state(people.li) == "green"
    planned: dict[str, Any] = {str(one["task"]): one["schedule"] for one in site.CELERY_BEAT_SCHEDULE.values()}
    assert planned[tasks.begin_rounds.name] == dt.timedelta(minutes=1)
    assert planned[tasks.work_trials.name] <= dt.timedelta(seconds=10)


@pytest.mark.django_db(transaction=True)
def test_several_workers_do_each_chunk_once_while_evidence_comes_in(settings: Any) -> None:
    settings.ROUND_CHUNK = 3
    people = _crowd(30)
    changed: list[int] = []

    def run() -> None:
        try:
            changed.append(rounds.work(begun.pk))
        finally:
            connection.close()

    put_in_force(LOOSE, AREAS, NOW)
    with clock.at(LATER):
        (begun,) = rounds.begin_due_rounds()
        workers = [threading.Thread(target=run) for _number in range(3)]
        for one in workers:
            one.start()
        tell(people[7], "case", {"status": "suspected"}, LATER)
        for one in workers:
            one.join()
    assert sum(changed) == CodeChange.objects.filter(rule_set__name="loose", after="green").count()
    assert RoundChunk.objects.filter(round=begun, done_at=None).count() == 0
    assert Round.objects.get(pk=begun.pk).done_at
    assert queries.state_of(people[7]).state == "red"
    with clock.at(LATER):
        _agrees(LATER)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_had_begun_is_done_by_another() -> None:
    _crowd(400)
    put_in_force(LOOSE, AREAS, NOW)
    command = [sys.executable, "manage.py", "reevaluate", "--workers", "2"]
    environment = {**os.environ, "CITYBRAIN_ROUND_CHUNK": "5", "DATABASE_URL": _url()}
    worker = subprocess.Popen(command, cwd=tree.ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not RoundChunk.objects.filter(done_at__isnull=False).exists():
            assert worker.poll() is None, "the command ended before it had done anything"
            time.sleep(0.005)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    begun = Round.objects.get()
    assert 0 < RoundChunk.objects.filter(round=begun, done_at=None).count() < 80, "it was killed too late or too early"
    rounds.work(begun.pk)
    assert Round.objects.get().done_at
    assert not RoundChunk.objects.filter(done_at=None).exists()
    _agrees(clock.now())
    assert CodeChange.objects.values("person", "before", "after").distinct().count() == CodeChange.objects.count()


def test_the_command_judges_everybody_and_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    people = make_district()
    adopt()
    tell(people.zhang, "declaration", WELL, noon(2, 19))
    RuleActivation.objects.get()
    with clock.at(NOW), pytest.MonkeyPatch.context() as patch:
        # The command's threads would not see what this test's transaction holds.
        patch.setattr(threading.Thread, "start", lambda self: self.run())
        patch.setattr(threading.Thread, "is_alive", lambda _self: False)
        patch.setattr(threading.Thread, "join", lambda *_args: None)
        patch.setattr(connection, "close", lambda: None)
        call_command("reevaluate", "--workers", "1")
    assert "1 of 1 chunks, 0 codes changed" in capsys.readouterr().out


def _crowd(size: int) -> list[Person]:
    """Make people who have coughed and were tested since; committed, so that other connections see them."""
    district = make_district()
    adopt()
    crowd = [make_person(f"居民{number}", district.grid) for number in range(size)]
    for person in crowd:
        store(
            person,
            [
                Fact(1, "declaration", noon(2, 19), noon(2, 19), {**WELL, "symptoms": ["cough"]}),
                Fact(2, "test_result", noon(2, 20, 9), noon(2, 20, 9), NEGATIVE),
            ],
        )
    with clock.at(noon(2, 20, 10)):
        evaluate(persons=[person.pk for person in crowd], by=None)
    return crowd


def _url() -> str:
    """Return the address of the throw-away database as the tests' own connection has it."""
    return os.environ["DATABASE_URL"]
