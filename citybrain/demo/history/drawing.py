"""Drawing times: days are Shanghai dates (datetime64[D]), instants are datetime64[us] in UTC."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citybrain.demo.city.world import Instants, Ints, Scans
from citybrain.demo.history.copying import Texts

Reals = NDArray[np.float64]
Spans = NDArray[np.timedelta64]

# China has had no summer time since 1991.
SHANGHAI = np.timedelta64(8, "h")
DAY = np.timedelta64(1, "D")
TICK = np.timedelta64(1, "us")
# Hours of the day between which people do things, and when most do.
AWAKE = (6.5, 10.5, 22.5)


def instant(moment: dt.datetime) -> np.datetime64:
    """Return an aware datetime as an instant."""
    return np.datetime64(moment.astimezone(dt.UTC).replace(tzinfo=None), "us")


def aware(at: np.datetime64) -> dt.datetime:
    """Return an instant as an aware datetime."""
    naive: Any = at.astype("datetime64[us]").item()
    moment: dt.datetime = naive.replace(tzinfo=dt.UTC)
    return moment


def fine(at: Instants) -> Instants:
    """Return instants, or days as midnights in UTC, with microseconds."""
    return at.astype("datetime64[us]")


def day_of(at: Instants) -> Instants:
    """Return the Shanghai date of instants."""
    return (fine(at) + SHANGHAI).astype("datetime64[D]")


def midnight(day: Instants) -> Instants:
    """Return the instant at which a Shanghai date begins."""
    return fine(day) - SHANGHAI


def later(rng: np.random.Generator, at: Instants, least: float, most: float) -> Instants:
    """Return instants some hours after others."""
    return fine(at) + hours(rng.uniform(least, most, len(at)))


def awake(rng: np.random.Generator, day: Instants) -> Instants:
    """Return an instant of each day at which people are up."""
    return midnight(day) + hours(rng.triangular(*AWAKE, len(day)))


def hours(values: Reals) -> Spans:
    """Return spans of hours."""
    return (values * 3_600_000_000).astype("timedelta64[us]")


def built(build: Callable[..., str], *codes: Ints) -> Texts:
    """Return a text per row, built once for each combination of codes."""
    rows = np.stack([np.asarray(code, dtype=np.int64) for code in codes], axis=1)
    kinds, which = np.unique(rows, axis=0, return_inverse=True)
    return np.array([build(*kind) for kind in kinds.tolist()], dtype=object)[which.reshape(-1)]


class PerPerson:
    """Instants of persons, to be found by person and time."""

    def __init__(self, people: int, person: Ints, at: Instants) -> None:
        """Sort instants of persons, numbered from 0."""
        order = np.lexsort((at, person))
        self._at = at.astype("datetime64[us]")[order]
        self._starts = np.searchsorted(person[order], np.arange(people + 1))
        self._origin = self._at.min() if len(at) else np.datetime64(0, "us")
        self._keys = self._key(person[order], self._at)
        self.count = np.diff(self._starts)

    @classmethod
    def of(cls, people: int, scans: Scans) -> "PerPerson":
        """Return the scans of persons."""
        return cls(people, scans.person, scans.at)

    def since(self, person: Ints, at: Instants) -> Instants:
        """Return each person's first instant at or after another one, NaT where there is none."""
        place = self.rank(person, at)
        found = np.full(len(person), np.datetime64("NaT", "us"))
        has = place < self._starts[person + 1]
        found[has] = self._at[place[has]]
        return found

    def rank(self, person: Ints, at: Instants) -> Ints:
        """Return how many instants, of all persons in their order, lie before a person's instant."""
        place = np.searchsorted(self._keys, self._key(person, at.astype("datetime64[us]")))
        return np.clip(place, self._starts[person], self._starts[person + 1])

    def _key(self, person: Ints, at: Instants) -> Ints:
        # A month of microseconds a person; what lies outside is before or after all that there is.
        span = 1 << 42
        return person.astype(np.int64) * span + np.clip((at - self._origin).astype(np.int64), -1, span - 2)


def choose(rng: np.random.Generator, shares: Sequence[float], count: int) -> Ints:
    """Return as many numbers of choices, by their shares."""
    return rng.choice(len(shares), count, p=np.array(shares) / sum(shares))
