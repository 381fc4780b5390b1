"""What the parts of the demo city hand to each other, as NumPy arrays.

People are numbered from 0 in the arrays; a person's database id is the number plus 1 (all ids are counted by the
loader, which fills empty tables). Instants are datetime64[s] in UTC; NaT stands for never. Days are Shanghai dates.
"""

import datetime as dt
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Instants = NDArray[np.datetime64]

NOBODY = -1
NOWHERE = 0
NEVER = np.datetime64("NaT", "s")


class Route(IntEnum):
    """How an infection was passed on."""

    IMPORTED = 0
    HOME = 1
    WORK = 2
    SCHOOL = 3
    SHOP = 4
    VEHICLE = 5
    UNRECORDED = 6


class Grade(IntEnum):
    """How close a contact that was found is; the order is that of severity."""

    SECONDARY = 1
    CLOSE = 2


@dataclass(frozen=True)
class Residents:
    """Who lives in the city, one entry each."""

    area: Ints  # database id of the grid
    household: Ints  # database id; households stand together
    age: Ints
    organisation: Ints  # database id of employer or school, NOWHERE for none
    unit: Ints  # those who share a room at work, or a class; NOBODY for none

    def __len__(self) -> int:
        """Return how many."""
        return len(self.area)


@dataclass(frozen=True)
class Travellers:
    """Who came back into the city in these days."""

    person: Ints
    risk_code: NDArray[np.str_]  # 12 digits, a place on the list of risk areas, "" for elsewhere
    origin: NDArray[np.str_]  # in words
    transport: NDArray[np.str_]  # healthcode.kinds.TRANSPORT
    left_home_at: Instants
    arrived_at: Instants


@dataclass(frozen=True)
class Infections:
    """The truth of the outbreak, one entry per infection in the order of time; the product never learns it."""

    person: Ints
    infector: Ints  # person, NOBODY for one that came from outside
    at: Instants  # of one from outside, before its arrival and perhaps before the first day
    route: Ints  # Route
    place: Ints  # database id of the place, NOWHERE at home and where there is no gate
    is_missed: Flags  # at a place with a gate, though one of the two was not scanned
    infectious_at: Instants
    onset_at: Instants  # NaT for one without symptoms
    found_at: Instants  # when a laboratory confirmed it, NaT for one not found until now


@dataclass(frozen=True)
class Contacts:
    """Whom disease control found around the cases, one entry per person and case; all known by now."""

    person: Ints
    case: Ints  # person
    grade: Ints  # Grade
    met_at: Instants
    known_at: Instants


@dataclass(frozen=True)
class Isolations:
    """Who stays in, one entry per order, from a day on until and with a day."""

    person: Ints
    ordered_at: Instants
    until: NDArray[np.datetime64]  # datetime64[D], may lie in the future
    place: NDArray[np.str_]  # "home", "hotel", "hospital"


@dataclass(frozen=True)
class Scans:
    """Who stood at which gate and when, in the order of time; what was decided there is not known yet."""

    person: Ints
    device: Ints  # database ids from here on
    point: Ints
    place: Ints
    area: Ints
    at: Instants


@dataclass(frozen=True)
class World:
    """The city and its last days."""

    seed: int
    began_at: dt.datetime  # aware; nothing happened before
    now: dt.datetime  # aware; nothing happens after
    residents: Residents
    travellers: Travellers
    infections: Infections
    contacts: Contacts
    isolations: Isolations
    scans: Scans
