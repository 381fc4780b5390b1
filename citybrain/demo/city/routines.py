"""What everyone does on a day: stays somewhere and entries at gates, drawn for the whole city at once.

Times are seconds since midnight in Shanghai. Nobody's day knows of the outbreak: who stays in is taken out later, so
that a city without an outbreak lives the same days.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from citybrain.demo.city.register import City
from citybrain.demo.city.seeds import Part, chance
from citybrain.demo.city.venues import VenueKind
from citybrain.demo.city.world import NOBODY, NOWHERE, Flags, Ints, Travellers

MINUTE, HOUR, DAY = 60, 3600, 86_400
LAST_HOUR = 21 * HOUR
SATURDAY, SHOPPING_DAY = 5, 0.75
# Share who go on a working day, and at the weekend: half the city works from home in these days.
AT_WORK, AT_SCHOOL = (0.5, 0.07), (0.93, 0.0)
PUPIL, ELDER = 18, 60
# Share who go out once, by age group (child, adult, elder), on a working day and at the weekend.
OUT = ((0.08, 0.20), (0.28, 0.34), (0.42, 0.44))
EVENING_OUT = 0.13
# Where an outing leads: shop, unrecorded place, hospital.
ERRANDS = (0.62, 0.355, 0.025)
BY_BUS, ERRAND_BY_BUS = 0.3, 0.08
# Share of entries without a scan: waved through, phone empty, guard not there.
MISSED = {
    VenueKind.ESTATE: 0.15, VenueKind.WORK: 0.08, VenueKind.SCHOOL: 0.04, VenueKind.SHOP: 0.12,
    VenueKind.VEHICLE: 0.2, VenueKind.HOSPITAL: 0.02, VenueKind.STATION: 0.03,
}  # fmt: skip
# Meeting others there has no part in the story.
NO_MEETING = (VenueKind.ESTATE, VenueKind.HOSPITAL, VenueKind.STATION)
APART = -1


@dataclass(frozen=True)
class Stays:
    """Stays of one day in the order of `group`; an entry at one's own estate is a stay without length."""

    person: Ints
    venue: Ints
    group: Ints  # those who meet: a unit, or the guests of a venue; APART for nobody
    begin: Ints
    end: Ints
    outing: Ints  # when the person left home for it
    is_scanned: Flags
    entry: Ints  # which of the venue's entries

    def __len__(self) -> int:
        """Return how many."""
        return len(self.person)

    def only(self, kept: Flags) -> "Stays":
        """Return some of the stays, in the same order."""
        return Stays(*(column[kept] for column in vars(self).values()))


@dataclass(frozen=True)
class Habits:
    """What does not change from day to day."""

    work: Ints  # venue, 0 for none
    is_pupil: Flags
    by_bus: Flags
    usual_shop: Ints
    usual_room: Ints
    vehicles: Ints
    shops: Ints
    rooms: Ints
    hospital: int
    station: int
    missed: np.ndarray  # by kind of venue


def habits(city: City) -> Habits:
    """Draw everyone's usual shop, meeting room and way to work."""
    rng = chance(city.seed, Part.ROUTINES)
    residents, venues = city.residents, city.venues
    venue_of = np.zeros(int(residents.organisation.max()) + 1, dtype=np.int64)
    for organisation, venue in venues.of_organisation.items():
        if organisation < len(venue_of):
            venue_of[organisation] = venue
    work = np.where(residents.organisation == NOWHERE, 0, venue_of[residents.organisation])
    kind = np.array(venues.kind)
    shops, rooms = venues.of_kind(VenueKind.SHOP), venues.of_kind(VenueKind.UNRECORDED)
    missed = np.array([MISSED.get(one, 0.0) for one in VenueKind])
    return Habits(
        work,
        kind[work] == VenueKind.SCHOOL,
        rng.random(len(residents)) < BY_BUS,
        _near(rng, city, shops),
        _near(rng, city, rooms),
        venues.of_kind(VenueKind.VEHICLE),
        shops,
        rooms,
        int(venues.of_kind(VenueKind.HOSPITAL)[0]),
        int(venues.of_kind(VenueKind.STATION)[0]),
        missed,
    )


def _near(rng: np.random.Generator, city: City, venues: Ints) -> Ints:
    """Return a venue in each one's own community, anywhere when there is none."""
    home = np.array(city.venues.community)[venues]
    order = np.argsort(home, kind="stable")
    first = np.searchsorted(home[order], city.community)
    count = np.searchsorted(home[order], city.community, side="right") - first
    near = first + rng.integers(0, np.maximum(count, 1))
    anywhere = rng.integers(0, len(venues), len(city.community))
    found: Ints = venues[order[np.where(count > 0, np.minimum(near, len(venues) - 1), anywhere)]]
    return found


class Days:
    """Draws the days of a city, each from its own chance."""

    def __init__(self, city: City, travellers: Travellers, first: dt.date) -> None:
        """Keep who lives there; `first` is the day of number 0."""
        self.city, self.travellers, self.first = city, travellers, first
        self.habits = habits(city)

    def draw(self, number: int) -> Stays:
        """Draw a day."""
        rng = chance(self.city.seed, Part.ROUTINES, number + 1)
        day = _Day(self, rng, (self.first + dt.timedelta(days=number)).weekday() >= SATURDAY)
        return day.draw(self._absent(number), self._arrivals(number))

    def _absent(self, number: int) -> Ints:
        """Return who is on a journey for at least a part of the day."""
        begins, ends = self.midnight(number), self.midnight(number + 1)
        away = (self.travellers.left_home_at < ends) & (self.travellers.arrived_at >= begins)
        found: Ints = self.travellers.person[away]
        return found

    def _arrivals(self, number: int) -> tuple[Ints, Ints]:
        """Return who comes in at the station, and when."""
        at = (self.travellers.arrived_at - self.midnight(number)).astype(np.int64)
        by_rail = np.isin(self.travellers.transport, ("train", "coach"))
        here = (at >= 0) & (at < DAY) & by_rail
        return self.travellers.person[here], at[here]

    def midnight(self, number: int) -> np.datetime64:
        """Return the instant at which a day begins, in UTC."""
        return np.datetime64(self.first, "s") + np.timedelta64(number * DAY - 8 * HOUR, "s")

    def care_visits(self, number: int, person: Ints, begin: Ints) -> Stays:
        """Return visits to the hospital by those who fell ill, each with the way home."""
        day = _Day(self, chance(self.city.seed, Part.OUTBREAK, 10_000 + number), is_weekend=False)
        return day.visit_hospital(person, begin)


class _Day:
    """One day while it is drawn."""

    def __init__(self, days: Days, rng: np.random.Generator, is_weekend: bool) -> None:  # noqa: FBT001
        self._city, self._habits, self._rng = days.city, days.habits, rng
        self._is_weekend = int(is_weekend)
        self._pieces: list[tuple[Ints, Ints, Ints, Ints, Ints, Ints]] = []

    def draw(self, absent: Ints, arrivals: tuple[Ints, Ints]) -> Stays:
        """Let everyone who is there live the day."""
        count, rng = len(self._city.residents), self._rng
        is_there = np.ones(count, dtype=bool)
        is_there[absent] = False
        is_busy, home_at = self._go_to_work_and_school(is_there)
        group = np.digitize(self._city.residents.age, (PUPIL, ELDER))
        share = np.array(OUT)[group, self._is_weekend]
        goes = (rng.random(count) < share) & is_there & ~is_busy
        self._run_errands(np.flatnonzero(goes), self._daytime(group)[goes])
        goes = (rng.random(count) < EVENING_OUT) & is_busy & (group > 0)
        # The longest way there by bus takes less.
        begin = np.maximum(home_at + 46 * MINUTE, self._around(18.6, 35, count))
        self._run_errands(np.flatnonzero(goes), begin[goes])
        person, at = arrivals
        self._stay(person, np.full(len(person), self._habits.station), at, at + self._minutes(10, 25, len(person)), at)
        self._come_home(person, at + self._minutes(45, 80, len(person)), at)
        return self._sorted()

    def visit_hospital(self, person: Ints, begin: Ints) -> Stays:
        """Let some go to the hospital and home again."""
        end = begin + self._minutes(60, 150, len(person))
        outing = begin - self._minutes(8, 20, len(person))
        self._stay(person, np.full(len(person), self._habits.hospital), begin, end, outing)
        self._come_home(person, end + self._minutes(8, 20, len(person)), outing)
        return self._sorted()

    def _go_to_work_and_school(self, is_there: Flags) -> tuple[Flags, Ints]:
        """Return who went, and when everyone is home again."""
        count, habits, rng = len(is_there), self._habits, self._rng
        share = np.where(habits.is_pupil, AT_SCHOOL[self._is_weekend], AT_WORK[self._is_weekend])
        goes = (rng.random(count) < share) & is_there & (habits.work > 0)
        begin = np.where(habits.is_pupil, self._around(7.75, 11, count), self._around(8.3, 24, count))
        end = np.where(habits.is_pupil, self._around(16.6, 14, count), self._around(17.6, 32, count))
        home_at = np.zeros(count, dtype=np.int64)
        person = np.flatnonzero(goes)
        home_at[person] = self._go(person, habits.work[person], begin[person], end[person], habits.by_bus[person])
        return goes, home_at

    def _daytime(self, group: Ints) -> Ints:
        """Draw when people set out who need not go anywhere: elders early, the others at any time or after work."""
        count, rng = len(group), self._rng
        early, late = self._around(8.2, 45, count), self._around(17.9, 40, count)
        any_time = rng.integers(9 * HOUR, 19 * HOUR, count)
        draw = rng.random(count)
        is_early = draw < np.array([0.1, 0.2, 0.55])[group]
        return np.where(is_early, early, np.where(draw > SHOPPING_DAY, late, any_time))

    def _run_errands(self, person: Ints, begin: Ints) -> None:
        """Send people to a shop, a room nobody keeps a record of, or the hospital."""
        count, habits, rng = len(person), self._habits, self._rng
        aim = rng.choice(3, count, p=ERRANDS)
        is_usual = rng.random(count) < 0.8  # noqa: PLR2004 (habit)
        shop = np.where(is_usual, habits.usual_shop[person], habits.shops[rng.integers(0, len(habits.shops), count)])
        room = np.where(is_usual, habits.usual_room[person], habits.rooms[rng.integers(0, len(habits.rooms), count)])
        venue = np.choose(aim, [shop, room, np.full(count, habits.hospital)])
        length = np.choose(
            aim, [self._minutes(15, 50, count), self._minutes(40, 150, count), self._minutes(60, 150, count)]
        )
        end = np.minimum(begin + length, LAST_HOUR - 50 * MINUTE)
        # Who works there does not come as a guest; who would come when it closes does not come.
        fits = (end - begin > 10 * MINUTE) & (venue != habits.work[person])
        by_bus = rng.random(count) < ERRAND_BY_BUS
        self._go(person[fits], venue[fits], begin[fits], end[fits], by_bus[fits])

    def _go(self, person: Ints, venue: Ints, begin: Ints, end: Ints, by_bus: Flags) -> Ints:
        """Go there and home again, on foot or by bus; return when they are home."""
        count = len(person)
        walk = self._minutes(8, 20, count)
        ride, ride_home = self._minutes(12, 28, count), self._minutes(12, 28, count)
        boarded = begin - ride - self._minutes(4, 8, count)
        outing = np.where(by_bus, boarded - self._minutes(4, 8, count), begin - walk)
        boarded_home = end + self._minutes(4, 9, count)
        home = np.where(by_bus, boarded_home + ride_home + self._minutes(4, 8, count), end + walk)
        vehicles = self._habits.vehicles[self._rng.integers(0, len(self._habits.vehicles), (2, count))]
        self._stay(person, venue, begin, end, outing)
        at, to = boarded[by_bus], (boarded + ride)[by_bus]
        self._stay(person[by_bus], vehicles[0][by_bus], at, to, outing[by_bus])
        at, to = boarded_home[by_bus], (boarded_home + ride_home)[by_bus]
        self._stay(person[by_bus], vehicles[1][by_bus], at, to, outing[by_bus])
        self._come_home(person, home, outing)
        return home

    def _stay(self, person: Ints, venue: Ints, begin: Ints, end: Ints, outing: Ints) -> None:
        kind = np.array(self._city.venues.kind)[venue]
        unit = self._city.residents.unit[person]
        is_own = (self._habits.work[person] == venue) & (unit != NOBODY)
        # Units and venues share one line of numbers: units behind all venues.
        group = np.where(is_own, len(self._city.venues.kind) + unit, venue)
        self._pieces.append((person, venue, np.where(np.isin(kind, NO_MEETING), APART, group), begin, end, outing))

    def _come_home(self, person: Ints, at: Ints, outing: Ints) -> None:
        gate = self._city.home_gate[person]
        gated = gate > 0
        self._stay(person[gated], gate[gated], at[gated], at[gated], outing[gated])

    def _sorted(self) -> Stays:
        person, venue, group, begin, end, outing = (
            np.concatenate(column) for column in zip(*self._pieces, strict=True)
        )
        venues, rng = self._city.venues, self._rng
        has_gate = np.array(venues.place)[venue] != NOWHERE
        seen = rng.random(len(person)) >= self._habits.missed[np.array(venues.kind)[venue]]
        entry = rng.integers(0, np.maximum(np.array(venues.entries)[venue], 1))
        order = np.lexsort((person, begin, group))
        stays = Stays(person, venue, group, begin, end, outing, has_gate & seen, entry)
        return Stays(*(column[order] for column in vars(stays).values()))

    def _around(self, hour: float, minutes: float, count: int) -> Ints:
        """Draw times of day about an hour, in seconds."""
        drawn = self._rng.normal(hour * HOUR, minutes * MINUTE, count)
        return np.clip(drawn, hour * HOUR - 2.5 * minutes * MINUTE, hour * HOUR + 2.5 * minutes * MINUTE).astype(
            np.int64
        )

    def _minutes(self, least: int, most: int, count: int) -> Ints:
        return self._rng.integers(least * MINUTE, most * MINUTE, count)
