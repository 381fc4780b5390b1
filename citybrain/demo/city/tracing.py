"""What disease control finds around a case: a part of those it met, and a part of their households."""

from dataclasses import dataclass

import numpy as np

from citybrain.demo.city.courses import HOME, HOTEL, Courses, Orders
from citybrain.demo.city.routines import DAY, HOUR, Stays
from citybrain.demo.city.venues import VenueKind
from citybrain.demo.city.world import Flags, Grade, Ints

# How many of those met there are found; at shops and on buses only those whom a gate recorded.
FOUND = {
    VenueKind.WORK: 0.8, VenueKind.SCHOOL: 0.85, VenueKind.SHOP: 0.04, VenueKind.VEHICLE: 0.15,
    VenueKind.UNRECORDED: 0.3,
}  # fmt: skip
RECORDED_ONLY = (VenueKind.SHOP, VenueKind.VEHICLE)
SECONDARY_FOUND = 0.2
IN_HOTEL = 0.4
CLOSE_DAYS, SECONDARY_DAYS = 14, 7
TESTED_SHARE = 0.9


@dataclass(frozen=True)
class Contact:
    """Somebody found around a case."""

    person: int
    case: int
    grade: Grade
    met_at: int
    known_at: int


class Tracing:
    """Disease control at work: remembers whom it found and when they will be tested."""

    def __init__(self, rng: np.random.Generator, household: Ints, kind: Ints, courses: Courses, orders: Orders) -> None:
        """Keep the city; `kind` is the kind of each venue."""
        self._rng, self._household, self._kind = rng, household, kind
        self._courses, self._orders = courses, orders
        self.contacts: list[Contact] = []
        self._tests: list[tuple[int, int]] = []

    def trace(self, case: int, days: list[Stays], at_home: list[Flags]) -> None:
        """Look around a case that was found; `days` are the stays of all days before, `at_home` who slept where."""
        found_at = int(self._courses.found_at[case])
        first = max(int(self._courses.infectious_at[case]) // DAY, 0)
        met: dict[int, int] = {}
        for number in range(first, len(days)):
            self._meet(case, days[number], number * DAY, met)
            if at_home[number][case]:
                for person in self._members(case):
                    if at_home[number][person]:
                        met[person] = number * DAY + 22 * HOUR
        close = {person: at for person, at in met.items() if self._courses.found_at[person] > found_at}
        for person, at in close.items():
            self._note(Contact(person, case, Grade.CLOSE, at, found_at + self._hours(2, 26)))
        household = set(self._members(case))
        for person in sorted(close.keys() - household):
            for member in self._members(person):
                is_open = member not in close and member != case and self._courses.found_at[member] > found_at
                if is_open and self._rng.random() < SECONDARY_FOUND:
                    close_at = close[person]
                    self._note(Contact(member, case, Grade.SECONDARY, close_at, found_at + self._hours(20, 44)))

    def take_results(self, midnight: int) -> None:
        """Let the laboratory find those under orders whose test is due on this day."""
        due = [(person, at) for person, at in self._tests if midnight <= at < midnight + DAY]
        for person, at in due:
            if self._courses.infectious_at[person] - DAY // 2 <= at < self._courses.found_at[person]:
                self._courses.found_at[person] = at

    def _meet(self, case: int, stays: Stays, midnight: int, met: dict[int, int]) -> None:
        """Add whom a case met on a day, as far as they are found."""
        for own in np.flatnonzero(stays.person == case).tolist():
            others, begin = meeting(stays, own)
            kind = VenueKind(int(self._kind[stays.venue[own]]))
            chance = np.full(len(others), FOUND[kind])
            if kind in RECORDED_ONLY:
                chance *= stays.is_scanned[others] & stays.is_scanned[own]
            found = self._rng.random(len(others)) < chance
            met.update(zip(stays.person[others][found].tolist(), (midnight + begin[found]).tolist(), strict=True))

    def _note(self, contact: Contact) -> None:
        """Put a contact on record, order isolation, and have a test taken on one of the next days."""
        if any(known.person == contact.person and known.case == contact.case for known in self._of_case(contact.case)):
            return
        self.contacts.append(contact)
        ordered_at = contact.known_at + self._hours(1, 5)
        if contact.grade == Grade.CLOSE:
            place = HOTEL if self._rng.random() < IN_HOTEL else HOME
            self._orders.give(contact.person, ordered_at, CLOSE_DAYS, place)
        else:
            self._orders.give(contact.person, ordered_at, SECONDARY_DAYS, HOME)
        if self._rng.random() < TESTED_SHARE:
            self._tests.append((contact.person, ordered_at + self._hours(20, 96)))

    def _of_case(self, case: int) -> list[Contact]:
        return [known for known in self.contacts if known.case == case]

    def _members(self, person: int) -> list[int]:
        """Return who else lives in a person's household; households stand together."""
        number = self._household[person]
        first, last = np.searchsorted(self._household, (number, number + 1))
        return [member for member in range(int(first), int(last)) if member != person]

    def _hours(self, least: int, most: int) -> int:
        return int(self._rng.integers(least * HOUR, most * HOUR))


def meeting(stays: Stays, own: int) -> tuple[Ints, Ints]:
    """Return which stays of others overlap with one's own in its group, and when each overlap begins."""
    group = stays.group[own]
    first, last = np.searchsorted(stays.group, (group, group + 1))
    others = np.arange(first, last)
    begin = np.maximum(stays.begin[others], stays.begin[own])
    overlaps = (np.minimum(stays.end[others], stays.end[own]) > begin) & (stays.person[others] != stays.person[own])
    return others[overlaps], begin[overlaps]
