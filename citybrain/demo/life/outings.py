"""Who goes out, and past which gates: to work and school, to shops and home again, as the hour has it."""

import datetime as dt
import heapq
import itertools
import random
from collections.abc import Iterator

from accesslog.models import Device, Place
from citybrain.core.models import User
from citybrain.demo.life import gates, health
from citybrain.demo.life.rhythm import AT_THE_PEAK, draw_count, hour_of, passes_a_second
from citybrain.demo.life.staff import LOGINS, Staff
from citybrain.demo.life.town import NOWHERE, Dweller, Town
from community.models import WorkOrder
from healthcode.models import State

Kind = Place.Kind
# Until which hour people go where, in proportion; after the last it is night as before the first.
ERRANDS: tuple[tuple[float, dict[str, int]], ...] = (
    (6.0, {"home": 6, "work": 2, "travel": 1, "hospital": 1}),
    (10.0, {"work": 14, "shop": 3, "travel": 1, "hospital": 1, "home": 1}),
    (16.0, {"shop": 6, "home": 6, "work": 4, "travel": 1, "hospital": 1}),
    (22.0, {"home": 14, "shop": 5, "travel": 1, "work": 1}),
    (24.0, {"home": 6, "work": 2, "travel": 1, "hospital": 1}),
)
TRAVEL = (Kind.STATION, Kind.CHECKPOINT, Kind.AIRPORT)
BY_BUS = 0.4
# Passes of an outing, on average.
STOPS = 1.25
# Minutes between two gates; far longer than a token lives, so that nobody's code seems to be at two places.
SHORTEST_WAY, LONGEST_WAY = 4.0, 15.0
# Of a district of this size, so many a minute try who had better stay in, by day.
SIZE, TRIES_A_MINUTE = 20_000, 3.5
# In a smaller district people would meet their own token at the next gate: it is calmer in proportion.
CALMER_BELOW = 8_000
# Not so many more once so many orders are open: the district keeps up with its work.
MOST_OPEN = 70
LEAST_SHARE, MOST_SHARE = 0.25, 4.0
# Whoever tries the demo finds so many orders for themselves in a grid, and not ever more.
MOST_WAITING = 8
# Whoever was out stays in for so many minutes.
REST = 20.0
# Of so many people one finds a gate on their way.
DRAWS = 10
LOOK_EVERY = dt.timedelta(seconds=30)


class Outings:
    """People on their way; each knows the gates still before them."""

    def __init__(self, chance: random.Random, rate: float) -> None:
        self._chance, self._rate = chance, rate
        self._numbers = itertools.count()
        # (when, number that keeps the order total, who, place)
        self._ways: list[tuple[dt.datetime, int, Dweller, int]] = []
        self._restless: list[Dweller] = []
        self._quiet: set[int] = set()
        # Person → until when they stay where they are.
        self._busy: dict[int, dt.datetime] = {}
        self._open = 0
        self._looked_at: dt.datetime | None = None

    def know(self, town: Town, staff: Staff) -> None:
        """Go on in the district as it is now."""
        self._town, self._staff = town, staff
        self._pace = self._rate * min(len(town) / CALMER_BELOW, 1.0)
        self._share = min(max(len(town) / SIZE, LEAST_SHARE), MOST_SHARE)
        self._looked_at = None

    def turn(self, now: dt.datetime, seconds: float) -> None:
        """Let people set out for so many seconds, and whoever has arrived stand at the gate."""
        if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
            self._look()
            self._busy = {person: until for person, until in self._busy.items() if until > now}
            self._looked_at = now
        pace = passes_a_second(now) * self._pace
        for _outing in range(draw_count(self._chance, pace * seconds / STOPS)):
            self._set_out(now)
        # At night there are fewer, but far more than their part of those who are out.
        tries = TRIES_A_MINUTE / 60 * self._share * self._rate * (0.5 + passes_a_second(now) / AT_THE_PEAK)
        if self._open < MOST_OPEN * self._share:
            for _try in range(draw_count(self._chance, tries * seconds)):
                self._try_anyway(now)
        while self._ways and self._ways[0][0] <= now:
            _at, _number, dweller, place = heapq.heappop(self._ways)
            if place in self._town.gates:
                self._stand(dweller, place)

    def _look(self) -> None:
        """See who had better stay in and may try to go out, and where orders wait that life leaves alone."""
        orders = WorkOrder.objects.still_open().filter(area__is_smoke=False)
        self._open = orders.count()
        waiting: dict[int, int] = {}
        for area in orders.filter(assignee__username__in=LOGINS).values_list("area_id", flat=True):
            waiting[area] = waiting.get(area, 0) + 1
        self._quiet = {area for area, count in waiting.items() if count >= MOST_WAITING}
        found = (self._town.find(person) for person in health.sample_of_restless(self._town, self._chance))
        self._restless = [dweller for dweller in found if dweller and dweller.grid not in self._quiet]

    def _set_out(self, now: dt.datetime) -> None:
        """Let somebody go out who lives near gates at all."""
        ways = ((dweller, self._stops(dweller, now)) for dweller in self._drawn())
        dweller, stops = next((way for way in ways if way[1]), (None, []))
        if dweller is None:
            return
        state = health.state_of(dweller.person)
        if state in {State.YELLOW, State.RED}:
            return
        if state != State.GREEN:
            # Who means to go out and knows that the gate will ask declares first.
            health.declare(dweller.person)
        at = now
        for place in stops:
            heapq.heappush(self._ways, (at, next(self._numbers), dweller, place))
            at += dt.timedelta(minutes=self._chance.uniform(SHORTEST_WAY, LONGEST_WAY))
        self._busy[dweller.person] = at + dt.timedelta(minutes=REST)

    def _drawn(self) -> Iterator[Dweller]:
        for _one in range(DRAWS):
            dweller = self._town.anybody(self._chance)
            if dweller.person not in self._busy:
                yield dweller

    def _stops(self, dweller: Dweller, now: dt.datetime) -> list[int]:
        """Return the places of an errand that have gates."""
        errands = next(errands for until, errands in ERRANDS if hour_of(now) < until)
        errand = self._chance.choices(list(errands), list(errands.values()))[0]
        bus = self._near(dweller, Kind.VEHICLE) if self._chance.random() < BY_BUS else NOWHERE
        stops = {
            "home": [bus, dweller.home],
            "work": [bus, dweller.work],
            "shop": [self._near(dweller, Kind.MARKET), dweller.home],
            "travel": [self._near(dweller, self._chance.choice(TRAVEL))],
            "hospital": [self._near(dweller, Kind.HOSPITAL)],
        }[errand]
        return [place for place in stops if place in self._town.gates]

    def _near(self, dweller: Dweller, kind: str) -> int:
        return self._town.near(self._chance, kind, dweller.grid)

    def _try_anyway(self, now: dt.datetime) -> None:
        if not self._restless:
            return
        dweller = self._restless.pop(self._chance.randrange(len(self._restless)))
        if dweller.person in self._busy:
            return
        self._busy[dweller.person] = now + dt.timedelta(minutes=REST)
        places = [dweller.home, dweller.work, self._near(dweller, Kind.MARKET), self._near(dweller, Kind.VEHICLE)]
        known = [place for place in places if place in self._town.gates]
        if known:
            self._stand(dweller, self._chance.choice(known))

    def _stand(self, dweller: Dweller, place: int) -> None:
        device = self._device(place)
        guard = self._guard(device)
        other = self._device(self._chance.choice(list(self._town.gates)))
        is_lent = self._chance.random() < gates.LENT and dweller.has_phone and dweller.grid not in self._quiet
        if is_lent and other.point_id != device.point_id:
            gates.lend((device, other), dweller, (guard, self._guard(other)))
        else:
            gates.stand_at(device, dweller, self._chance, guard=guard)

    def _device(self, place: int) -> Device:
        return self._chance.choice(self._town.gates[place])

    def _guard(self, device: Device) -> User:
        return self._staff.guard(device.point.place)
