"""Dispatchers as processes of their own, killed for good at every point: no event lost, no effect doubled."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from citybrain.core import beats, clock, outbox
from citybrain.core.models import Delivery, Event, ProcessBeat, RefusalNotice
from tests.handlers import POINTS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _wired(settings: object) -> None:
    settings.FLOWS = "tests.handlers.FLOWS"  # type: ignore[attr-defined]


def _start(*options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.dispatch", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "citybrain.settings"},
    )


@contextmanager
def _running(*options: str) -> Iterator[subprocess.Popen[bytes]]:
    process = _start(*options)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(20) == 0


def _wait(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, list(Delivery.objects.exclude(state="done").values())
        time.sleep(0.002)


def _publish(kind: str, count: int) -> None:
    for row in range(1, count + 1):
        outbox.publish(kind, row=row)


def _done() -> int:
    return Delivery.objects.filter(state="done").count()


def _all_is_done() -> bool:
    return not Event.objects.filter(fanned_out_at=None).exists() and not Delivery.objects.exclude(state="done").exists()


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_the_effect_is_there_exactly_once_in_the_end(point: str) -> None:
    _publish("counted", 1)
    dying = _start("--dies-at", point)
    assert dying.wait(30) == -signal.SIGKILL
    delivery = Delivery.objects.get()
    assert delivery.attempts == 1
    # What the dead process left behind is gone with its connection, or all there.
    is_committed = point == "after the commit"
    _wait(lambda: RefusalNotice.objects.exists() == is_committed)
    assert delivery.state == ("done" if is_committed else "pending")
    # Its time comes in two seconds; the test need not wait.
    Delivery.objects.filter(state="pending").update(due_at=clock.now())
    with _running():
        outbox.publish("counted", row=2)
        _wait(_all_is_done)
    assert list(RefusalNotice.objects.order_by("actor").values_list("actor", "count")) == [(1, 1), (2, 1)]
    assert Delivery.objects.get(pk=delivery.pk).attempts == (1 if is_committed else 2)


def test_dispatchers_killed_at_random_lose_no_event_and_double_no_effect() -> None:
    dice = random.Random(2)
    count = 400
    _publish("counted", count)
    for _kill in range(6):
        process, before = _start(), _done()
        _wait(lambda before=before: _done() > before)  # type: ignore[misc]
        time.sleep(dice.uniform(0.0, 0.12))
        process.kill()
        process.wait()
    assert not _all_is_done(), "every dispatcher was killed after the work was done: the test shows nothing"
    with _running():
        _wait(_all_is_done)
    assert _done() == count
    assert list(RefusalNotice.objects.values_list("count", flat=True)) == [1] * count


def test_two_dispatchers_share_the_work_and_run_nothing_twice() -> None:
    count = 600
    with _running() as first, _running() as second:
        for process in (first, second):
            _wait(ProcessBeat.objects.filter(name="dispatcher", pid=process.pid).exists)
        _publish("signed", count)
        _wait(_all_is_done)
    assert Delivery.objects.filter(state="done", attempts=1).count() == count
    signed = RefusalNotice.objects.values_list("actor", "count")
    assert sorted(row for row, _pid in signed) == list(range(1, count + 1))
    assert len({pid for _row, pid in signed}) == 2, "one dispatcher did everything"


def test_a_dispatcher_beats_through_a_long_handler() -> None:
    with _running():
        outbox.publish("slow", seconds=8)
        _wait(_beats)
        oldest = 0.0
        while not _all_is_done():
            oldest = max(oldest, beats.ages()["dispatcher"] or 0.0)
            time.sleep(0.1)
    assert oldest < 3


def test_a_dispatcher_that_hangs_falls_silent() -> None:
    with _running("--longest-handler", "1"):
        outbox.publish("slow", seconds=10)
        _wait(_beats)
        _wait(lambda: (beats.ages()["dispatcher"] or 0.0) > 5, seconds=9)
        assert beats.silent().count("dispatcher") == 1
        _wait(lambda: _all_is_done() and _beats(), seconds=20)


def _beats() -> bool:
    age = beats.ages()["dispatcher"]
    return age is not None and age < 2
