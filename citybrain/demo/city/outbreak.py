"""The outbreak: who gives it to whom while the city lives its days, and what is done about it."""

from dataclasses import dataclass

import numpy as np

from citybrain.demo.city import journeys
from citybrain.demo.city.courses import HOME, HOSPITAL, Courses, Orders
from citybrain.demo.city.register import City
from citybrain.demo.city.routines import APART, DAY, HOUR, MINUTE, Days, Stays
from citybrain.demo.city.seeds import Part, chance
from citybrain.demo.city.tracing import Tracing, meeting
from citybrain.demo.city.venues import GREEN_ONLY, VenueKind
from citybrain.demo.city.world import NOBODY, NOWHERE, Flags, Ints, Route, Travellers

# First cases from outside, to 10,000 residents; most arrive early.
IMPORTED_TO_10000, FEWEST_IMPORTED, ARRIVE_EARLY = 8, 3, 0.5
# How likely those who came from there brought it: Wuhan and its neighbour, Wenzhou, elsewhere.
HIGH, MEDIUM, ELSEWHERE = 8.0, 6.0, 1.0
LONGEST_BEFORE_ARRIVAL = 6 * DAY
# Chance of one hour beside somebody ordinary at the onset, in a crowd shared among so many at most.
HOURLY = {
    VenueKind.WORK: 0.035, VenueKind.SCHOOL: 0.005, VenueKind.SHOP: 0.12, VenueKind.VEHICLE: 0.11,
    VenueKind.UNRECORDED: 0.5,
}  # fmt: skip
NEIGHBOURS = 25
NIGHTLY, NIGHTLY_ISOLATED = 0.18, 0.08
ROUTES = {
    VenueKind.WORK: Route.WORK, VenueKind.SCHOOL: Route.SCHOOL, VenueKind.SHOP: Route.SHOP,
    VenueKind.VEHICLE: Route.VEHICLE, VenueKind.UNRECORDED: Route.UNRECORDED,
}  # fmt: skip
EVENING, NIGHT = 21 * HOUR + 30 * MINUTE, 24 * HOUR
OBEYED, ISOLATION_DAYS = 0.85, 14


@dataclass(frozen=True)
class Infection:
    """One infection; times in seconds since the first midnight."""

    at: int
    person: int
    infector: int
    route: Route
    venue: int
    is_missed: bool


class Outbreak:
    """Goes through the days in their order."""

    def __init__(self, city: City, days: Days, travellers: Travellers, count: int, *, control: bool) -> None:
        """Prepare so many days; with `control` nobody brings it."""
        self._city, self._days, self._travellers = city, days, travellers
        self._rng = chance(city.seed, Part.OUTBREAK)
        residents = len(city.residents)
        self._kind = np.array(city.venues.kind)
        self._place = np.array(city.venues.place)
        self.courses, self.orders = Courses.of(residents), Orders.of(residents)
        self.tracing = Tracing(
            chance(city.seed, Part.OUTBREAK, 1), city.residents.household, self._kind, self.courses, self.orders
        )
        self.infections: list[Infection] = []
        self._meetings: list[Stays] = []
        self._slept_at_home: list[Flags] = []
        midnight = days.midnight(0)
        self._arrived = (travellers.arrived_at - midnight).astype(np.int64)
        self._left = (travellers.left_home_at - midnight).astype(np.int64)
        self._risky_from = np.full(residents, 10**12)
        at_risk = travellers.risk_code != ""
        self._risky_from[travellers.person[at_risk]] = self._arrived[at_risk]
        self._order_travellers()
        if not control:
            self._import(count)

    def live(self, number: int) -> Stays:
        """Live a day; return the stays that took place."""
        midnight = number * DAY
        self.tracing.take_results(midnight)
        self._find_cases(midnight)
        visits = self._visits(number, midnight)
        drawn = self._days.draw(number)
        goes_out = self._goes_out(drawn.person, midnight + drawn.outing)
        goes_out &= ~np.isin(drawn.person, visits.person)
        stays = drawn.only(goes_out)
        meetings = stays.only((stays.group != APART) & ~self._is_refused(stays, midnight))
        sleeps = self._sleeps_at_home(midnight + EVENING)
        self._meetings.append(meetings)
        self._slept_at_home.append(sleeps)
        self._spread(meetings, sleeps, midnight)
        return Stays(*(np.concatenate(pair) for pair in zip(vars(stays).values(), vars(visits).values(), strict=True)))

    def _order_travellers(self) -> None:
        """Keep most of those in who came from where many are ill, as soon as they are known of."""
        rng = chance(self._city.seed, Part.TRAVELLERS, 1)
        for person, code, at in zip(
            self._travellers.person.tolist(), self._travellers.risk_code.tolist(), self._arrived.tolist(), strict=True
        ):
            known_after, is_obeyed = int(rng.integers(2 * HOUR, 20 * HOUR)), rng.random() < OBEYED
            if code in journeys.HIGH_RISK and is_obeyed:
                self.orders.give(person, at + known_after, ISOLATION_DAYS, HOME)

    def _import(self, days: int) -> None:
        rng, travellers = self._rng, self._travellers
        early = np.flatnonzero(self._arrived < days * DAY * ARRIVE_EARLY)
        if not len(early):
            early = np.arange(1)
        weights = np.where(travellers.risk_code == "", ELSEWHERE, MEDIUM)
        weights = np.where(np.isin(travellers.risk_code, journeys.HIGH_RISK), HIGH, weights)[early]
        count = min(max(round(len(self._city.residents) * IMPORTED_TO_10000 / 10_000), FEWEST_IMPORTED), len(early))
        chosen = np.sort(rng.choice(early, count, replace=False, p=weights / weights.sum()))
        stay = np.minimum(self._arrived[chosen] - self._left[chosen], LONGEST_BEFORE_ARRIVAL)
        at = self._arrived[chosen] - (stay * rng.uniform(0.3, 1, count)).astype(np.int64)
        person = travellers.person[chosen]
        self.courses.begin(rng, person, at, self._arrived[chosen])
        self.infections += [
            Infection(moment, who, NOBODY, Route.IMPORTED, NOWHERE, is_missed=False)
            for moment, who in zip(at.tolist(), person.tolist(), strict=True)
        ]

    def _find_cases(self, midnight: int) -> None:
        """Take those whom the laboratory finds on this day to hospital, and look around them."""
        found_at = self.courses.found_at
        for case in sorted(
            np.flatnonzero((found_at >= midnight) & (found_at < midnight + DAY)), key=found_at.__getitem__
        ):
            self.orders.give(int(case), int(found_at[case]), ISOLATION_DAYS, HOSPITAL)
            self.tracing.trace(int(case), self._meetings, self._slept_at_home)

    def _visits(self, number: int, midnight: int) -> Stays:
        """Let those go to the hospital who seek care today; who is under an order is tested at home."""
        care = self.courses.care_at
        person = np.flatnonzero((care >= midnight) & (care < midnight + DAY) & (self.courses.found_at > care))
        person = person[~self.orders.keep_in(person, care[person])]
        return self._days.care_visits(number, person, care[person] - midnight)

    def _goes_out(self, person: Ints, at: Ints) -> Flags:
        """Return who is kept in neither by an order nor by illness."""
        ill = (at >= self.courses.ill_from[person]) & (at < self.courses.recovered_at(person))
        return ~ill & ~self.orders.keep_in(person, at)

    def _is_refused(self, stays: Stays, midnight: int) -> Flags:
        """Return who came from a risk area and was scanned where only green is admitted."""
        since = midnight + stays.begin - self._risky_from[stays.person]
        strict = np.isin(self._kind[stays.venue], list(GREEN_ONLY))
        refused: Flags = strict & stays.is_scanned & (since >= 0) & (since < ISOLATION_DAYS * DAY)
        return refused

    def _sleeps_at_home(self, evening: int) -> Flags:
        everyone = np.arange(len(self._city.residents))
        at_home = ~self.orders.keep_away(everyone, evening)
        at_home[self._travellers.person[(self._left < evening) & (self._arrived >= evening)]] = False
        return at_home

    def _spread(self, meetings: Stays, sleeps: Flags, midnight: int) -> None:
        """Let everyone who is infectious meet others, and keep each one's first infection."""
        tried: list[Infection] = []
        by_person = np.argsort(meetings.person, kind="stable")
        people = meetings.person[by_person]
        for person in self.courses.infectious_on(midnight).tolist():
            first, last = np.searchsorted(people, (person, person + 1))
            for own in by_person[first:last].tolist():
                tried += self._meet(meetings, own, midnight)
            if sleeps[person]:
                tried += self._at_home(person, sleeps, midnight)
        new: dict[int, Infection] = {}
        for one in sorted(tried, key=lambda one: (one.at, one.person, one.infector)):
            new.setdefault(one.person, one)
        if new:
            person = np.array(list(new))
            at = np.array([one.at for one in new.values()])
            self.courses.begin(self._rng, person, at, at)
            self.infections += new.values()

    def _meet(self, meetings: Stays, own: int, midnight: int) -> list[Infection]:
        """Return whom a stay of an infectious person infects."""
        infector, venue = int(meetings.person[own]), int(meetings.venue[own])
        others, begin = meeting(meetings, own)
        end = np.minimum(meetings.end[others], meetings.end[own])
        begin = np.maximum(begin, self.courses.infectious_at[infector] - midnight)
        end = np.minimum(end, int(self.courses.recovered_at(np.array(infector))) - midnight)
        kind = VenueKind(int(self._kind[venue]))
        strength = self.courses.strength(infector, midnight + int(meetings.begin[own]))
        rate = HOURLY[kind] * strength * min(1.0, NEIGHBOURS / max(len(others), 1))
        likely = 1 - np.exp(-rate * np.maximum(end - begin, 0) / HOUR)
        hit = (self._rng.random(len(others)) < likely) & (end > begin)
        moment = begin + (self._rng.random(len(others)) * (end - begin)).astype(np.int64)
        hit &= self.courses.infected_at[meetings.person[others]] > midnight + moment
        is_recorded = bool(meetings.is_scanned[own])
        has_gate = self._place[venue] != NOWHERE
        return [
            Infection(
                midnight + int(moment[number]),
                int(meetings.person[others[number]]),
                infector,
                ROUTES[kind],
                venue,
                is_missed=bool(has_gate and not (is_recorded and meetings.is_scanned[others[number]])),
            )
            for number in np.flatnonzero(hit).tolist()
        ]

    def _at_home(self, infector: int, sleeps: Flags, midnight: int) -> list[Infection]:
        """Return whom an infectious person infects at home in the evening."""
        household = self._city.residents.household
        first, last = np.searchsorted(household, (household[infector], household[infector] + 1))
        is_apart = bool(self.orders.keep_in(np.array([infector]), np.array([midnight + EVENING]))[0])
        strength = self.courses.strength(infector, midnight + EVENING)
        likely = 1 - np.exp(-(NIGHTLY_ISOLATED if is_apart else NIGHTLY) * strength)
        found = []
        for person in range(int(first), int(last)):
            at = midnight + int(self._rng.integers(EVENING, NIGHT))
            is_hit = self._rng.random() < likely
            is_possible = sleeps[person] and self.courses.infected_at[person] > at
            can = self.courses.infectious_at[infector] <= at < int(self.courses.recovered_at(np.array(infector)))
            if person != infector and is_hit and is_possible and can:
                found.append(Infection(at, person, infector, Route.HOME, NOWHERE, is_missed=False))
        return found
