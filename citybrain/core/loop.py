"""What the long-running processes share: a loop that beats and ends cleanly on SIGTERM."""

import signal
import threading
import time
from types import FrameType

from django.core.management.base import CommandError
from django.db import Error

from citybrain.core import beats
from citybrain.core.database_roles import excess_rights


class Loop:
    """Runs until SIGTERM or SIGINT; `turning()` is asked once a turn.

    A thread beats while the present turn is younger than `longest_turn` seconds: work may take that long, and a loop
    that hangs falls silent.
    """

    def __init__(self, name: str, *, longest_turn: float = 10.0) -> None:
        self.stopped = threading.Event()
        self._longest_turn = longest_turn
        self._turned = time.monotonic()
        _refuse_excess_rights()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        beats.beat_in_background(name, self._is_alive)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopped.set()

    def _is_alive(self) -> bool:
        return time.monotonic() - self._turned < self._longest_turn

    def turning(self) -> bool:
        """Begin a turn; return whether to go on."""
        self._turned = time.monotonic()
        return not self.stopped.is_set()

    def rest(self, seconds: float) -> None:
        """Sleep, or less when told to stop."""
        self.stopped.wait(seconds)


def _refuse_excess_rights() -> None:
    try:
        excess = excess_rights()
    except Error:
        return  # the loop waits for the database
    if excess:
        raise CommandError(excess)
