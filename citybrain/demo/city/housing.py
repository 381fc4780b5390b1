"""Where they live: estates that may span grids, buildings inside one grid, rooms, a household in nine of ten."""

from dataclasses import dataclass

import numpy as np

from citybrain.demo.city.areas import Areas, Settlement
from citybrain.demo.city.households import Households
from citybrain.demo.city.tables import Table
from citybrain.demo.city.world import Flags, Ints
from community.models import Building, Estate, Household, HouseholdMember, Room

PARTS = ("东区", "西区", "南区", "北区", "中区")
UNITS, FLOORS, FLATS_A_FLOOR = 2, 6, 2
FLATS = UNITS * FLOORS * FLATS_A_FLOOR
OCCUPIED = 0.9
# Of three estates one has no gate that keeps a record.
OPEN_ESTATE = 2


@dataclass(frozen=True)
class Housing:
    """Estates and buildings with the numbers of their parents, and the room of each household."""

    estate_names: list[str]
    estate_community: Ints
    building_estate: Ints
    building_grid: Ints  # number of the grid in the settlement
    building_names: list[str]
    room: Ints  # one entry per household

    def estate_of_household(self) -> Ints:
        """Return the number of each household's estate."""
        found: Ints = self.building_estate[self.room // FLATS]
        return found

    def first_grids(self) -> Ints:
        """Return the grid in which each estate's first building stands."""
        found: Ints = self.building_grid[np.unique(self.building_estate, return_index=True)[1]]
        return found

    def has_gate(self, dense: Ints) -> Flags:
        """Return which estates have a gate: two of three in the communities named."""
        first = np.searchsorted(self.estate_community, self.estate_community)
        number = np.arange(len(first)) - first
        gated: Flags = np.isin(self.estate_community, dense) & (number % (OPEN_ESTATE + 1) != OPEN_ESTATE)
        return gated

    def addresses(self, household: Ints) -> list[str]:
        """Return each person's address in words."""
        rooms = [
            f"{self.estate_names[self.building_estate[room // FLATS]]}{self.building_names[room // FLATS]}{_door(room)}"
            for room in self.room.tolist()
        ]
        return [rooms[number] for number in household.tolist()]

    def tables(self, areas: Areas, settlement: Settlement, households: Households, companies: list[int]) -> list[Table]:
        """Return the rows from estates down to members; `companies` are the property companies' ids by community."""
        community_ids = np.array([one.id for one in areas.communities])
        rooms = np.arange(len(self.building_names) * FLATS)
        unit, floor, flat = _position(rooms)
        estates = {
            "name": self.estate_names,
            "area_id": community_ids[self.estate_community],
            "property_company_id": np.array(companies)[self.estate_community],
        }
        buildings = {
            "estate_id": self.building_estate + 1,
            "area_id": settlement.grids[self.building_grid],
            "name": self.building_names,
        }
        members = {
            "household_id": households.household + 1,
            "person_id": np.arange(1, len(households.household) + 1),
            "relation": households.relations(),
        }
        return [
            Table(Estate, estates),
            Table(Building, buildings),
            Table(
                Room,
                {
                    "building_id": rooms // FLATS + 1,
                    "unit": unit,
                    "floor": floor,
                    "number": (floor * 100 + flat).astype(str),
                },
            ),
            Table(Household, {"room_id": self.room + 1}),
            Table(HouseholdMember, members),
        ]


def build(rng: np.random.Generator, areas: Areas, settlement: Settlement, households: Households) -> Housing:
    """Put up as many buildings in each grid as its households need."""
    count = np.bincount(households.grid, minlength=len(settlement.grids))
    buildings = np.ceil(count / OCCUPIED / FLATS).astype(np.int64)
    building_grid = np.repeat(np.arange(len(buildings)), buildings)
    community = settlement.community[building_grid]
    grids_here = np.bincount(settlement.community)
    # One estate fewer than grids, so that some span two; a sprinkling lives in one.
    here = np.bincount(community, minlength=len(grids_here))
    wanted = np.minimum(np.clip(grids_here - 1, 1, len(PARTS)), np.maximum(here // 4, 1)) * (here > 0)
    first = np.cumsum(here) - here
    in_community = np.arange(len(building_grid)) - first[community]
    local_estate = in_community * wanted[community] // here[community]
    building_estate = (np.cumsum(wanted) - wanted)[community] + local_estate
    starts = np.unique(building_estate, return_index=True)[1]
    numbers = np.arange(len(building_estate)) - starts[building_estate]
    estate_community = community[starts]
    names = [areas.communities[one].short + PARTS[part] for one, part in zip(
        estate_community.tolist(), local_estate[starts].tolist(), strict=True
    )]  # fmt: skip
    rooms = [
        np.sort(rng.choice(int(built) * FLATS, size=int(taken), replace=False)) + int(before) * FLATS
        for taken, built, before in zip(count, buildings, np.cumsum(buildings) - buildings, strict=True)
        if taken
    ]
    building_names = [f"{number + 1}幢" for number in numbers.tolist()]
    return Housing(names, estate_community, building_estate, building_grid, building_names, np.concatenate(rooms))


def _position(rooms: Ints) -> tuple[Ints, Ints, Ints]:
    within = rooms % FLATS
    unit = within // (FLOORS * FLATS_A_FLOOR) + 1
    floor = within % (FLOORS * FLATS_A_FLOOR) // FLATS_A_FLOOR + 1
    return unit, floor, within % FLATS_A_FLOOR + 1


def _door(room: int) -> str:
    within = room % FLATS
    unit, rest = divmod(within, FLOORS * FLATS_A_FLOOR)
    floor, flat = divmod(rest, FLATS_A_FLOOR)
    return f"{unit + 1}单元{floor + 1}0{flat + 1}室"
