"""Beats from a thread: whatever happens to one beat, the next one comes; a loop that hangs falls silent."""

import signal
import time
from collections.abc import Callable

import pytest
from django.db import InterfaceError

from citybrain.core import beats, loop


@pytest.fixture
def beaten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that have beaten so far."""
    names: list[str] = []
    monkeypatch.setattr(beats, "beat", names.append)
    monkeypatch.setattr(beats, "INTERVAL", 0.01)
    monkeypatch.setattr(signal, "signal", lambda *_args: None)
    return names


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_no_exception_ends_the_thread_that_beats(beaten: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def beat(name: str) -> None:
        beaten.append(name)
        raise ValueError(name)

    monkeypatch.setattr(beats, "beat", beat)
    alive = [True]
    beats.beat_in_background("fails", lambda: bool(alive))
    _wait(lambda: len(beaten) > 3)
    alive.clear()


def test_a_connection_that_is_closed_is_no_reason_to_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def cursor(self) -> None:
            raise InterfaceError

    monkeypatch.setattr(beats, "connection", Closed())
    monkeypatch.setattr(beats, "close_old_connections", lambda: None)
    beats.beat("web")


def test_a_loop_beats_through_a_long_turn_and_falls_silent_when_it_hangs(
    beaten: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_refuse_excess_rights", lambda: None)
    turning = loop.Loop("works", longest_turn=0.3)
    assert turning.turning()
    time.sleep(0.15)
    assert len(beaten) > 3
    time.sleep(0.3)
    silent_at = len(beaten)
    time.sleep(0.1)
    assert len(beaten) == silent_at
    turning.turning()
    _wait(lambda: len(beaten) > silent_at)
    turning._longest_turn = 0.0  # its thread outlives the test
