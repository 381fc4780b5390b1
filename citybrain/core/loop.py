"""What the long-running processes share: a loop that beats and ends cleanly on SIGTERM."""

import signal
import threading
import time
from types import FrameType

from django.core.management.base import CommandError
from django.db import connection

from citybrain.core import beats


class Loop:
    """Runs until SIGTERM or SIGINT; `turning()` is asked once a turn and beats at most once a second."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopped = threading.Event()
        self._beaten = 0.0
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopped.set()

    def turning(self) -> bool:
        """Beat if it is time; return whether to go on."""
        if time.monotonic() - self._beaten >= beats.INTERVAL:
            beats.beat(self.name)
            self._beaten = time.monotonic()
        return not self.stopped.is_set()

    def rest(self, seconds: float) -> None:
        """Sleep, or less when told to stop."""
        self.stopped.wait(seconds)


def hold_alone(key: int, name: str) -> None:
    """Take a session advisory lock; raise CommandError when another process holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        if not cursor.fetchone()[0]:
            message = f"another {name} is running on this database; only one may"
            raise CommandError(message)
