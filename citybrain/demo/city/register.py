"""The register side of the city: drawn in arrays, written by COPY."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from citybrain.core.clock import SHANGHAI
from citybrain.demo.city import areas, households, housing, organisations, people, tables, venues
from citybrain.demo.city.seeds import Part, chance
from citybrain.demo.city.venues import Venues
from citybrain.demo.city.world import Ints, Residents

FEWEST = 100


@dataclass(frozen=True)
class City:
    """The register as it was drawn, and what the days need of it."""

    seed: int
    day: dt.date  # ages are those of this day
    refs: list[str]
    residents: Residents
    community: Ints  # number of the community, one entry per person
    dense: Ints  # numbers of the communities at true density
    home_gate: Ints  # venue of each one's estate, 0 without a gate
    venues: Venues
    tables: list[tables.Table]

    def write(self, alias: str, say: Callable[[str], None]) -> None:
        """Write everything into empty tables, in a transaction per batch."""
        tables.write(self.tables, alias, say)


def draw(*, seed: int, residents: int, day: dt.date, began_at: dt.datetime) -> City:
    """Draw the city as it is on `day`; its gates were set up before `began_at`."""
    if residents < FEWEST:
        raise ValueError(f"a city has at least {FEWEST} residents")
    tree = areas.Areas.read()
    settlement = areas.settle(tree, residents)
    homes = households.draw(chance(seed, Part.HOUSEHOLDS), settlement)
    built = housing.build(chance(seed, Part.HOUSEHOLDS, 1), tree, settlement, homes)
    persons = people.draw(chance(seed, Part.NAMES), homes, day)
    grid = homes.grid[homes.household]
    community = settlement.community[grid]
    employers = organisations.draw(chance(seed, Part.WORK), tree, community, homes.age)
    companies = organisations.property_companies(employers, tree)
    gates = venues.build(chance(seed, Part.GATES), tree, settlement, built, employers, companies)
    estate = built.estate_of_household()[homes.household]
    gate_of_estate = np.zeros(len(built.estate_names), dtype=np.int64)
    gate_of_estate[list(gates.of_estate)] = list(gates.of_estate.values())
    enrolled_at = (began_at - dt.timedelta(days=30)).astimezone(SHANGHAI).isoformat()
    dense = [number for number, one in enumerate(tree.communities) if one.id not in settlement.partial]
    return City(
        seed,
        day,
        persons.refs,
        Residents(settlement.grids[grid], homes.household + 1, homes.age, employers.of_person, employers.unit),
        community,
        np.array(dense),
        gate_of_estate[estate],
        gates,
        [
            *tree.tables(settlement.partial),
            *persons.tables(settlement.grids[grid], built.addresses(homes.household)),
            *employers.tables(tree),
            *built.tables(tree, settlement, homes, companies),
            *gates.tables(chance(seed, Part.GATES, 1), enrolled_at),
        ],
    )
