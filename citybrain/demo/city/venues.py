"""Where people meet: places with gates, workplaces without one, parks and mahjong rooms that are on no record."""

import uuid
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from accesslog.models import Device, Place, Point
from citybrain.demo.city import known
from citybrain.demo.city.areas import Areas, Settlement
from citybrain.demo.city.housing import Housing
from citybrain.demo.city.organisations import Organisations
from citybrain.demo.city.tables import Table
from citybrain.demo.city.world import NOWHERE, Ints

RESIDENTS_A_VEHICLE = 1500
VEHICLES_A_LINE = 4
FIRST_LINE = 8
RESIDENTS_A_MEETING_ROOM = 350
# Employers with so much staff, and those that accounts name, have a gate.
STAFF_WITH_A_GATE = 40
MEETING_ROOMS = ("棋牌室", "口袋公园", "茶馆", "健身角")


class VenueKind(IntEnum):
    """What people do there."""

    NONE = 0
    ESTATE = 1
    WORK = 2
    SCHOOL = 3
    SHOP = 4
    VEHICLE = 5
    HOSPITAL = 6
    STATION = 7
    UNRECORDED = 8


# Kind of place, states admitted, names of the entries; an exit is scanned at the estate that accounts use only.
GATES = {
    VenueKind.ESTATE: ("residential", "{green,yellow}", ("大门",)),
    VenueKind.WORK: ("office", "{green}", ("大堂",)),
    VenueKind.SCHOOL: ("school", "{green}", ("校门",)),
    VenueKind.SHOP: ("market", "{green}", ("南门", "北门")),
    VenueKind.VEHICLE: ("vehicle", "{green,yellow}", ("前门",)),
    VenueKind.HOSPITAL: ("hospital", "{green,yellow}", ("门诊", "急诊")),
    VenueKind.STATION: ("station", "{green,yellow}", ("1号出站口", "2号出站口", "3号出站口")),
}
GREEN_ONLY = frozenset({VenueKind.WORK, VenueKind.SCHOOL, VenueKind.SHOP})


@dataclass
class Venues:
    """All venues; number 0 is none. Those with a place have a gate."""

    kind: list[int] = field(default_factory=lambda: [0])
    names: list[str] = field(default_factory=lambda: [""])
    community: list[int] = field(default_factory=lambda: [-1])
    place: list[int] = field(default_factory=lambda: [NOWHERE])
    area: list[int] = field(default_factory=lambda: [NOWHERE])
    point: list[int] = field(default_factory=lambda: [NOWHERE])  # the first entry; the others follow
    entries: list[int] = field(default_factory=lambda: [0])
    of_organisation: dict[int, int] = field(default_factory=dict)
    of_estate: dict[int, int] = field(default_factory=dict)
    refs: list[str] = field(default_factory=list)  # of the places
    _places: list[tuple[str, str, int, int, str]] = field(default_factory=list)
    _points: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, kind: VenueKind, name: str, community: int, grid: int = NOWHERE, organisation: int = NOWHERE) -> int:
        """Add a venue, with a gate when it lies in a grid; return its number."""
        self.kind.append(kind)
        self.names.append(name)
        self.community.append(community)
        self.area.append(grid)
        if grid == NOWHERE:
            self.place.append(NOWHERE)
            self.point.append(NOWHERE)
            self.entries.append(0)
        else:
            self._add_place(kind, name, grid, organisation)
        return len(self.kind) - 1

    def _add_place(self, kind: VenueKind, name: str, grid: int, organisation: int) -> None:
        place_kind, admits, entries = GATES[kind]
        self._places.append((place_kind, name, grid, organisation, admits))
        self.place.append(len(self._places))
        self.point.append(len(self._points) + 1)
        self.entries.append(len(entries))
        self._points += [(len(self._places), entry, "in") for entry in entries]
        if name == known.ESTATE:
            self._points.append((len(self._places), "后门", "out"))

    def of_kind(self, kind: VenueKind) -> Ints:
        """Return the numbers of the venues of a kind."""
        return np.flatnonzero(np.array(self.kind) == kind)

    def ref_of(self, venue: int) -> str | None:
        """Return the reference of a venue's place, None without one."""
        return self.refs[self.place[venue] - 1] if self.place[venue] != NOWHERE else None

    def give_refs(self, rng: np.random.Generator) -> None:
        """Give each place a reference."""
        self.refs = _refs(rng, len(self._places))

    def tables(self, rng: np.random.Generator, enrolled_at: str) -> list[Table]:
        """Return the rows of places, points and devices; nobody knows the devices' secrets."""
        kind, name, grid, organisation, admits = zip(*self._places, strict=True)
        place, entry, direction = zip(*self._points, strict=True)
        points = len(self._points)
        digests = rng.bytes(32 * points).hex()
        devices = {
            "ref": _refs(rng, points),
            "point_id": list(range(1, points + 1)),
            "name": ["1号机"] * points,
            "enrolment_digest": [""] * points,
            "secret_digest": [digests[at : at + 64] for at in range(0, len(digests), 64)],
            "enrolled_at": [enrolled_at] * points,
        }
        places = {"ref": self.refs, "kind": kind, "name": name, "area_id": grid}
        return [
            Table(Place, {**places, "organisation_id": organisation, "admits": admits}),
            Table(Point, {"place_id": place, "name": entry, "direction": direction}),
            Table(Device, devices),
        ]


def build(
    rng: np.random.Generator,
    areas: Areas,
    settlement: Settlement,
    housing: Housing,
    organisations: Organisations,
    companies: list[int],
) -> Venues:
    """Open gates at estates, large employers, schools, shops, the hospital, the station and on buses."""
    venues = Venues()
    residents = np.bincount(
        settlement.community, weights=settlement.residents, minlength=len(areas.communities)
    ).astype(np.int64)
    dense = np.array([number for number, one in enumerate(areas.communities) if one.id not in settlement.partial])
    gated, first_grid = housing.has_gate(dense), settlement.grids[housing.first_grids()]
    for number in np.flatnonzero(gated).tolist():
        home = int(housing.estate_community[number])
        name, grid = housing.estate_names[number], int(first_grid[number])
        venues.of_estate[number] = venues.add(VenueKind.ESTATE, name, home, grid, companies[home])
    for number, kind in enumerate(organisations.kinds, start=1):
        _open(rng, venues, areas, organisations, number, kind)
    vehicles = max(round(int(residents.sum()) / RESIDENTS_A_VEHICLE), 2)
    operator = organisations.id_of("下城公交客运有限公司")
    for number in range(vehicles):
        home = int(dense[number % len(dense)])
        line, bus = FIRST_LINE + number // VEHICLES_A_LINE, number % VEHICLES_A_LINE + 1
        grid = areas.communities[home].grids[0]
        venues.add(VenueKind.VEHICLE, f"{line}路公交{bus}号车", home, grid, operator)
    station = organisations.id_of("下城客运站有限公司")
    venues.add(VenueKind.STATION, "下城客运站", 3, areas.communities[3].grids[-1], station)
    for home in np.flatnonzero(residents).tolist():
        for room in range(max(round(int(residents[home]) / RESIDENTS_A_MEETING_ROOM), 1)):
            title = f"{areas.communities[home].short}{MEETING_ROOMS[room % 4]}{room // 4 + 1}"
            venues.add(VenueKind.UNRECORDED, title, home)
    venues.give_refs(rng)
    return venues


def _open(
    rng: np.random.Generator, venues: Venues, areas: Areas, organisations: Organisations, number: int, kind: str
) -> None:
    """Open an organisation's premises, with a gate where there is one; property companies have their estates."""
    name, home = organisations.names[number - 1], organisations.community[number - 1]
    grids = areas.communities[home].grids
    grid = grids[0] if name == known.MARKET else grids[int(rng.integers(len(grids)))]
    has_gate = kind != "employer" or name in known.EMPLOYERS or organisations.staff[number - 1] >= STAFF_WITH_A_GATE
    venue_kind = {
        "school": VenueKind.SCHOOL, "venue_operator": VenueKind.SHOP, "hospital": VenueKind.HOSPITAL,
    }.get(kind, VenueKind.WORK)  # fmt: skip
    if kind == "property_company":
        has_gate = False
    venues.of_organisation[number] = venues.add(venue_kind, name, home, grid if has_gate else NOWHERE, number)


def _refs(rng: np.random.Generator, count: int) -> list[str]:
    raw = rng.bytes(16 * count)
    return [str(uuid.UUID(bytes=raw[at : at + 16], version=4)) for at in range(0, len(raw), 16)]
