"""A scan counts once, however often and however late it is sent, at whatever time of whatever clock."""

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accesslog import tasks
from accesslog.actions import passes
from accesslog.actions.passes import TooManyError
from accesslog.models import Certificate, Pass, QuarantinedPass, Result, TokenUse
from citybrain.core import clock
from citybrain.core.models import Person, Photo
from tests.gates import Gate, add_gate, certificate_scan, document_scan, set_state, token_of, token_scan
from tests.people import District

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)


# Sent again


@pytest.mark.parametrize("lane", [token_scan, document_scan, certificate_scan])
def test_a_scan_sent_again_gets_the_first_answer_and_is_kept_once(
    gate: Gate, green: Person, lane: Callable[..., passes.Scan]
) -> None:
    scan = lane(token_of(green)) if lane is token_scan else lane()
    first = gate.decide(scan)
    set_state(green, "red")
    again = gate.decide(scan)
    assert again == first
    assert Pass.objects.count() == 1
    assert Photo.objects.count() == Certificate.objects.count() == (1 if lane is certificate_scan else 0)


def test_a_scan_sent_again_when_its_token_is_old_gets_the_first_answer(gate: Gate, green: Person) -> None:
    scan = token_scan(token_of(green))
    first = gate.decide(scan)
    TokenUse.objects.all().delete()
    with clock.at(clock.now() + 600 * SECOND):
        assert gate.decide(scan) == first
    assert (first.result, Pass.objects.count()) == (Result.GREEN, 1)


def test_the_nonce_counts_for_its_device_and_time_only(gate: Gate, green: Person) -> None:
    other = add_gate(gate.place, gate.guard, "2号门")
    scan = document_scan()
    now = clock.now()
    for at, where in ((now, gate), (now, other), (now - SECOND, gate)):
        where.decide(document_scan(nonce=scan.nonce, scanned_at=at))
    assert Pass.objects.count() == 3
    assert green.pk


# Days and clocks


def test_the_first_pass_of_a_day_makes_the_days_partition(gate: Gate, green: Person) -> None:
    long_ago = clock.now() - 6 * dt.timedelta(days=1)
    table = f"accesslog_pass_{long_ago.astimezone(clock.SHANGHAI):%Y%m%d}"
    assert not _is_there(table)
    assert gate.scan(token_of(green), scanned_at=long_ago, sent_at=long_ago).is_admitted
    assert Pass.objects.get().scanned_at == long_ago
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM accesslog_pass")
        assert cursor.fetchall() == [(table,)]


def test_tomorrows_partition_is_made_ahead_again_and_again(settings: Any) -> None:
    for _twice in range(2):
        tasks.make_partition()
    assert _is_there(f"accesslog_pass_{clock.today() + dt.timedelta(days=1):%Y%m%d}")
    planned = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {tasks.make_partition.name, tasks.purge_token_uses.name} <= planned


def _is_there(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("off", "is_absurd"),
    [
        (dt.timedelta(minutes=9), False),
        (dt.timedelta(minutes=11), True),
        (dt.timedelta(days=-6), False),
        (dt.timedelta(days=-8), True),
        (dt.timedelta(days=-18_000), True),
        (dt.timedelta(days=36_500), True),
    ],
)
def test_a_pass_of_an_absurd_clock_is_answered_and_kept_apart_once(
    gate: Gate, green: Person, off: dt.timedelta, is_absurd: bool
) -> None:
    moment = clock.now() + off
    scan = token_scan(token_of(green), scanned_at=moment, sent_at=moment + SECOND)
    first, again = gate.decide(scan), gate.decide(scan)
    assert first == again
    assert first.result == Result.GREEN
    assert (Pass.objects.count(), QuarantinedPass.objects.count()) == ((0, 1) if is_absurd else (1, 0))
    kept = (QuarantinedPass if is_absurd else Pass).objects.get()
    assert abs(kept.skew_ms - off // dt.timedelta(milliseconds=1)) < 60_000


def test_a_scan_that_was_kept_apart_is_not_kept_again_when_its_time_has_come(gate: Gate, green: Person) -> None:
    scan = token_scan(token_of(green), scanned_at=clock.now() + 11 * 60 * SECOND)
    gate.decide(scan)
    with clock.at(clock.now() + 120 * SECOND):
        gate.decide(scan)
    assert (Pass.objects.count(), QuarantinedPass.objects.count()) == (0, 1)


# At the same moment: real transactions in threads


def _at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run works at the same moment, each on a connection of its own; return what they returned."""
    ready, found = threading.Barrier(len(works)), [None] * len(works)

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            ready.wait()
            found[number] = work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
def test_of_two_gates_at_the_very_same_moment_exactly_one_admits(gate: Gate, green: Person) -> None:
    other = add_gate(gate.place, gate.guard, "2号门")
    passes.make_partition(day=clock.today())
    token = token_of(green)
    for _turn in range(8):
        TokenUse.objects.all().delete()
        decisions = _at_once(lambda: gate.scan(token), lambda: other.scan(token))
        assert sorted(decision.result for decision in decisions) == [Result.GREEN, Result.REPLAYED]
    assert Pass.objects.filter(is_admitted=True).count() == Pass.objects.filter(is_admitted=False).count() == 8


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lane", ["token", "stale", "document", "certificate"])
def test_the_same_scan_arriving_many_times_at_once_is_kept_once_on_a_day_without_partition(
    gate: Gate, green: Person, lane: str
) -> None:
    day = clock.now() - dt.timedelta(days={"token": 1, "stale": 2, "document": 3, "certificate": 4}[lane])
    scans: dict[str, Callable[[], passes.Scan]] = {
        "token": lambda: token_scan(token_of(green), scanned_at=day, sent_at=day),
        "stale": lambda: token_scan(token_of(green, clock.now() - 600 * SECOND), scanned_at=day),
        "document": lambda: document_scan(scanned_at=day),
        "certificate": lambda: certificate_scan(scanned_at=day),
    }
    scan = scans[lane]()
    decisions = _at_once(*[lambda: gate.decide(scan)] * 5)
    assert len(set(decisions)) == 1
    assert Pass.objects.count() == 1
    assert Photo.objects.count() == (1 if lane == "certificate" else 0)


@pytest.mark.django_db(transaction=True)
def test_documents_asked_for_at_once_do_not_outrun_the_limit(
    gate: Gate, district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "DOCUMENTS_A_MINUTE", 3)

    def ask() -> bool:
        try:
            gate.decide(document_scan())
        except TooManyError:
            return False
        return True

    assert sum(_at_once(*[ask] * 8)) == Pass.objects.count() == 3
    assert district.zhang.pk
