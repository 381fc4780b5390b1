"""Life itself: everything that goes on in the district, a small step at a time."""

import datetime as dt
import random

from citybrain.core import clock
from citybrain.demo.life import town
from citybrain.demo.life.health import Health
from citybrain.demo.life.newcomers import Newcomers
from citybrain.demo.life.orders import Workers
from citybrain.demo.life.outings import Outings
from citybrain.demo.life.staff import Staff

# Newcomers, places and accounts that were made meanwhile are seen after so long.
READ_EVERY = dt.timedelta(minutes=20)
# What was slept through, by a machine that was asleep, does not happen afterwards.
LONGEST_STEP = 30.0


class Life:
    """The district's life; `turn()` goes on from the last turn to now."""

    def __init__(self, chance: random.Random, rate: float = 1.0) -> None:
        """Begin now; `rate` 2 is twice as busy."""
        self._outings, self._health = Outings(chance, rate), Health(chance, rate)
        self._newcomers, self._workers = Newcomers(chance, rate), Workers(chance)
        self._read_at: dt.datetime | None = None
        self._lived_until = clock.now()

    def turn(self) -> bool:
        """Let happen what happens until now; return whether anybody lives here."""
        now = clock.now()
        seconds = min(max((now - self._lived_until).total_seconds(), 0.0), LONGEST_STEP)
        self._lived_until = now
        if self._read_at is None or now - self._read_at >= READ_EVERY:
            if not self._read():
                return False
            self._read_at = now
        self._workers.turn(now)
        self._outings.turn(now, seconds)
        self._health.turn(now, seconds)
        self._newcomers.turn(now, seconds)
        return True

    def _read(self) -> bool:
        staff = Staff()
        district = town.read(staff.streets)
        if not len(district):
            return False
        self._outings.know(district, staff)
        self._health.know(district)
        self._workers.know(staff)
        return True
