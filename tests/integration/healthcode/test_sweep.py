"""What time alone changes is written down within a minute, once, with its history and its event."""

import datetime as dt
import threading

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from citybrain.core import clock
from citybrain.core.models import Event, Person
from healthcode import queries, tasks
from healthcode.actions import sweep as module
from healthcode.actions.sweep import sweep
from healthcode.models import CodeChange, CodeState, Reason
from healthcode.replay import NoRulesError
from tests.codes import BODY, WELL, adopt, check_in, noon, tell
from tests.people import District, make_district, make_person

pytestmark = pytest.mark.django_db

# One second after the last day of a declaration of 12 February.
RUN_OUT = noon(2, 27, 0) + dt.timedelta(seconds=1)
SECONDARY = {"grade": "secondary"}


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules."""
    adopt()
    return district


def _sweep(at: dt.datetime) -> int:
    with clock.at(at):
        return sweep()


def _statements(at: dt.datetime) -> list[str]:
    with clock.at(at), CaptureQueriesContext(connection) as asked:
        sweep()
    return [one["sql"] for one in asked if "SAVEPOINT" not in one["sql"]]


def test_a_declaration_of_14_days_ago_becomes_expired_with_its_change_and_event(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    Event.objects.all().delete()
    assert _sweep(noon(2, 26, 23)) == 0
    assert _sweep(RUN_OUT) == 1
    state = CodeState.objects.get()
    assert (state.state, state.valid_until, state.since) == ("expired", None, RUN_OUT)
    change = CodeChange.objects.latest("id")
    assert (change.before, change.after, change.at) == ("green", "expired", RUN_OUT)
    assert Event.objects.get().payload == {"persons": [people.zhang.pk], "by": None}


def test_a_second_sweep_finds_nothing_and_costs_one_statement(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    assert _sweep(RUN_OUT) == 1
    statements = _statements(RUN_OUT)
    assert len(statements) == 1, statements
    assert CodeChange.objects.count() == 2


def test_who_declared_again_in_time_is_left_alone(people: District) -> None:
    for person, day in ((people.zhang, 20), (people.li, 12)):
        tell(person, "declaration", WELL, noon(2, 12))
        tell(person, "declaration", WELL, noon(2, day))
    assert _sweep(RUN_OUT) == 1
    assert queries.state_of(people.li).state == "expired"
    assert CodeState.objects.get(person=people.zhang).state == "green"


def test_a_reason_that_ends_by_itself_ends_for_red_and_yellow_too(district: District) -> None:
    rules = [
        {**rule, "closes_when": [{"days": 7}]} if rule["rule"] in {"close_contact", "contact_of_contact"} else rule
        for rule in BODY["rules"]
    ]
    adopt({**BODY, "version": "by-days", "rules": rules})
    for person, grade in ((district.zhang, "close"), (district.li, "secondary")):
        tell(person, "declaration", WELL, noon(2, 12))
        tell(person, "exposure", {"grade": grade}, noon(2, 12))
    assert set(CodeState.objects.values_list("state", "valid_until")) == {
        ("red", noon(2, 20, 0)),
        ("yellow", noon(2, 20, 0)),
    }
    assert _sweep(noon(2, 19, 23)) == 0
    assert _sweep(noon(2, 20, 0)) == 2
    assert set(CodeState.objects.values_list("state", flat=True)) == {"green"}
    assert not Reason.objects.filter(closed_at=None).exists()


def test_a_missed_check_in_moves_the_date_of_its_reason_once_a_day(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    tell(people.zhang, "exposure", SECONDARY, noon(2, 12))
    check_in(people.zhang, 2, [13])
    assert Reason.objects.get().until == noon(2, 19, 0)
    # The fourteenth is missed.
    assert _sweep(noon(2, 15, 0)) == 0
    assert Reason.objects.get().until == noon(2, 21, 0)
    assert len(_statements(noon(2, 15, 1))) == 1
    # On the last day the reason can end, and until it has ended the date stays that day.
    check_in(people.zhang, 2, range(15, 21))
    assert _sweep(noon(2, 21, 0)) == 0
    assert Reason.objects.get().until == noon(2, 21, 0)
    assert len(_statements(noon(2, 21, 1))) == 1
    assert _sweep(noon(2, 22, 0)) == 0
    assert Reason.objects.get().until == noon(2, 28, 0)


def test_what_hangs_on_somebody_elses_act_stays_open_however_often_it_is_swept(people: District) -> None:
    tell(people.zhang, "case", {"status": "suspected"}, noon(2, 12))
    assert _sweep(noon(3, 20)) == 0
    reason = Reason.objects.get()
    assert (reason.closed_at, reason.until) == (None, None)
    assert queries.state_of(people.zhang).state == "red"


def test_a_sweep_of_many_goes_in_batches_and_reaches_everyone(
    people: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    crowd = [make_person(f"居民{number}", people.grid) for number in range(7)]
    for person in crowd:
        tell(person, "declaration", WELL, noon(2, 12))
    assert _sweep(RUN_OUT) == 7
    assert set(CodeState.objects.values_list("state", flat=True)) == {"expired"}


def test_without_rules_in_force_the_sweep_says_so(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    CodeState.objects.update(valid_until=dt.datetime(2019, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(NoRulesError):
        _sweep(noon(1, 1, 0) - dt.timedelta(days=30))


def test_the_task_runs_every_minute(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    with clock.at(RUN_OUT):
        tasks.sweep_codes()
    assert CodeState.objects.get().state == "expired"
    planned = {one["task"]: one["schedule"] for one in settings.CELERY_BEAT_SCHEDULE.values()}
    assert planned[tasks.sweep_codes.name] == dt.timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_write_each_change_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    people = _crowd(20)
    changed: list[int] = []
    start = threading.Barrier(2)

    def run() -> None:
        try:
            start.wait()
            changed.append(sweep())
        finally:
            connection.close()

    with clock.at(RUN_OUT):
        both = [threading.Thread(target=run) for _turn in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
    assert len(changed) == 2
    assert sum(changed) == len(people)
    assert CodeChange.objects.filter(after="expired").count() == len(people)


@pytest.mark.django_db(transaction=True)
def test_whoever_is_being_judged_is_not_waited_for_and_new_evidence_is_not_lost() -> None:
    first, *others = _crowd(3)
    changed: list[int] = []

    def run() -> None:
        try:
            with clock.at(RUN_OUT):
                changed.append(sweep())
        finally:
            connection.close()

    # A declaration is on its way for the first.
    with transaction.atomic():
        tell(first, "declaration", WELL, RUN_OUT)
        other = threading.Thread(target=run)
        other.start()
        other.join(20)
        assert changed == [len(others)]
    assert CodeState.objects.get(person=first).state == "green"


def _crowd(size: int) -> list[Person]:
    district = make_district()
    adopt()
    crowd = [make_person(f"居民{number}", district.grid) for number in range(size)]
    for person in crowd:
        tell(person, "declaration", WELL, noon(2, 12))
    return crowd
