"""What followed from passes: calls for alerts, and the orders of the last hours that are still being worked on."""

from collections.abc import Iterator

import numpy as np

from accesslog.models import Device, Place
from citybrain.demo.city.world import NOBODY, Flags, Instants, Ints, Scans, World
from citybrain.demo.history import drawing
from citybrain.demo.history.alarms import STAGES, Call
from citybrain.demo.history.drawing import PerPerson
from citybrain.demo.history.illness import CHILD
from citybrain.demo.history.passing import GREEN, RESULTS, STATES, Codes, Passes
from community.models import Alert, Duty, WorkOrder
from healthcode.models import State

# The demo's worker, whose grid always has something to do.
WORKER = "grid01"
OWN_STAGES = (WorkOrder.State.OPEN, WorkOrder.State.OPEN, WorkOrder.State.ACCEPTED)
RESIDENTS_AN_ORDER, FEWEST_ORDERS = 1000, 16
# Minutes ago: what is still in time, and what is overdue.
LATELY, LONG_AGO, OVERDUE = (4, 100), (125, 170), 2
QUIET = np.timedelta64(20, "h")


class Planned:
    """Scans of the last hours that raise a question each: the orders are held where the work stands."""

    def __init__(self, rng: np.random.Generator, world: World, codes: Codes, seen: PerPerson) -> None:
        """Choose people who are not green and stood at no gate lately, the first of them in the worker's grid."""
        now, people = drawing.instant(world.now), np.arange(len(world.residents))
        is_quiet = np.isnat(seen.since(people, np.full(len(people), now - QUIET)))
        is_out = (world.residents.age >= CHILD) & ~np.isin(people, world.infections.person[_is_found(world)])
        is_green = codes.at(people, np.full(len(people), now)) == GREEN
        able = rng.permutation(np.flatnonzero(is_quiet & is_out & ~is_green))
        grids = list(Duty.objects.filter(user__username=WORKER).values_list("area", flat=True))
        is_own = np.isin(world.residents.area[able], grids)
        own = able[is_own][: len(OWN_STAGES)]
        wanted = max(FEWEST_ORDERS, len(people) // RESIDENTS_AN_ORDER)
        chosen = np.concatenate([own, able[~is_own]])[:wanted]
        stages = [*OWN_STAGES[: len(own)], *(list(STAGES) * wanted)]
        ago = rng.uniform(*LATELY, len(chosen))
        late = slice(len(own), len(own) + OVERDUE)
        ago[late] = rng.uniform(*LONG_AGO, len(ago[late]))
        self.since = now - np.timedelta64(LONG_AGO[1] + 1, "m")
        self.scans = _near_home(rng, world, chosen, now - drawing.hours(ago / 60))
        self._stages = dict(zip(chosen.tolist(), map(str, stages), strict=False))

    def stage(self, person: int, at: np.datetime64) -> str:
        """Return where the order for a person's scan is held, empty where it takes its course."""
        return self._stages.get(person, "") if at >= self.since else ""


def calls(world: World, passes: Passes, planned: Planned) -> Iterator[Call]:
    """Yield what calls for an alert, as accesslog.actions.watch tells it."""
    has_reason = np.array([state in {State.YELLOW, State.RED} for state in STATES])[passes.state]
    admitted, scans = passes.is_admitted, passes.scans
    places = dict(Place.objects.values_list("pk", "name"))
    for number in np.flatnonzero(~admitted | has_reason).tolist():
        person, cause = int(scans.person[number]), RESULTS[passes.result[number]].value
        is_known = person != NOBODY
        yield Call(
            kind=Alert.Kind.OPEN_REASON_PASSED if admitted[number] else Alert.Kind.REFUSED_AT_GATE,
            subject=f"person:{person + 1}" if is_known else f"point:{scans.point[number]}:{cause}",
            person=person + 1 if is_known else None,
            area=int(world.residents.area[person] if is_known else scans.area[number]),
            place=places.get(int(scans.place[number]), ""),
            cause=cause,
            at=drawing.aware(passes.received_at[number]),
            stage=planned.stage(person, scans.at[number]),
        )


def _is_found(world: World) -> Flags:
    """Who lies in hospital."""
    return ~np.isnat(world.infections.found_at)


def _near_home(rng: np.random.Generator, world: World, people: Ints, at: Instants) -> Scans:
    """Return a scan of each person at a gate of their grid, at any gate where it has none."""
    rows = Device.objects.filter(point__place__area__is_smoke=False).order_by("pk")
    devices = list(rows.values_list("pk", "point", "point__place", "point__place__area"))
    by_area: dict[int, list[tuple[int, ...]]] = {}
    for device in devices:
        by_area.setdefault(device[3], []).append(device)
    able = [by_area.get(area, devices) for area in world.residents.area[people].tolist()]
    stood = [gates[rng.integers(len(gates))] for gates in able]
    gates = np.array(stood, dtype=np.int64).reshape(-1, 4)
    return Scans(people, gates[:, 0], gates[:, 1], gates[:, 2], gates[:, 3], at)
