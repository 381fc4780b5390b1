"""The tree of areas: the district's streets and communities of 2019, grids on a schematic tiling."""

import csv
import datetime as dt
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from psycopg.types.json import Jsonb

from citybrain.core.models import Area, AreaCode
from citybrain.demo import tiling
from citybrain.demo.city.known import DENSE
from citybrain.demo.city.tables import Table
from citybrain.demo.city.world import Ints

AREAS_FILE = Path(__file__).parents[1] / "data" / "xiacheng-2019-10-31.csv"
# Nobody knows when the codes began; before this day nothing resolves.
CODES_FROM = dt.date(2018, 10, 31)
GRIDS_A_COMMUNITY = (3, 4, 5)
NUMERALS = "一二三四五六七八九"
RESIDENTS_A_GRID = 1000
# The share of a city at most as large as the four dense communities that is sprinkled over the others.
SPRINKLED = 0.1


@dataclass(frozen=True)
class Community:
    """A community with the database ids of itself and its grids."""

    code: str
    name: str
    street_code: str
    street_name: str
    id: int
    grids: list[int]

    @property
    def short(self) -> str:
        """The name as it begins others: without 社区."""
        return self.name.removesuffix("社区")


@dataclass
class Areas:
    """The tree; communities in the order in which they fill up."""

    communities: list[Community] = field(default_factory=list)
    _rows: list[tuple[str, str, str, int | None, str, Jsonb]] = field(default_factory=list)

    @classmethod
    def read(cls) -> "Areas":
        """Read the list of codes and lay the grids out."""
        areas = cls()
        listed = list(csv.DictReader(AREAS_FILE.read_text(encoding="utf-8").splitlines()))
        below = {
            parent: list(rows) for parent, rows in itertools.groupby(listed[1:], key=lambda row: row["parent_code"])
        }
        streets = below[listed[0]["code"]]
        district = areas._add("district", listed[0]["code"], listed[0]["name"], None, tiling.XIACHENG)
        pieces = tiling.slice_up(tiling.XIACHENG, [len(below[street["code"]]) for street in streets])
        for street, piece in zip(streets, pieces, strict=True):
            street_id = areas._add("street", street["code"], street["name"], district, piece)
            rows = below[street["code"]]
            counts = [GRIDS_A_COMMUNITY[int(row["code"]) % len(GRIDS_A_COMMUNITY)] for row in rows]
            for row, count, part in zip(rows, counts, tiling.slice_up(piece, counts), strict=True):
                areas._add_community(row, street, street_id, count, part)
        home_streets = {code[:9] for code in DENSE}
        areas.communities.sort(
            key=lambda one: (
                DENSE.index(one.code) if one.code in DENSE else len(DENSE),
                one.street_code[:9] not in home_streets,
                one.code,
            )
        )
        return areas

    def _add_community(
        self, row: dict[str, str], street: dict[str, str], street_id: int, count: int, part: tiling.Rectangle
    ) -> None:
        community_id = self._add("community", row["code"], row["name"], street_id, part)
        short = row["name"].removesuffix("社区")
        grids = [
            self._add("grid", f"{row['code']}{number:03}", f"{short}第{NUMERALS[number - 1]}网格", community_id, cell)
            for number, cell in enumerate(tiling.slice_up(part, [1] * count), start=1)
        ]
        self.communities.append(
            Community(row["code"], row["name"], street["code"], street["name"], community_id, grids)
        )

    def _add(self, level: str, code: str, name: str, parent: int | None, shape: tiling.Rectangle) -> int:
        area_id = len(self._rows) + 1
        path = f"{self._rows[parent - 1][4] if parent else '/'}{area_id}/"
        self._rows.append((level, code, name, parent, path, Jsonb(tiling.polygon(shape))))
        return area_id

    def tables(self, partial: frozenset[int] = frozenset()) -> list[Table]:
        """Return the rows of areas and codes; `partial` names the areas whose registers are a sample."""
        level, code, name, parent, path, boundary = zip(*self._rows, strict=True)
        ids = range(1, len(self._rows) + 1)
        marks = [area_id in partial for area_id in ids]
        columns = {"level": level, "code": code, "name": name, "parent_id": parent}
        shape = {"boundary": boundary, "boundary_is_schematic": [True] * len(marks)}
        past = {"code": code, "name": name, "parent_id": parent, "valid_from": [CODES_FROM] * len(marks)}
        return [
            Table(Area, {**columns, "path": path, **shape, "register_is_partial": marks}),
            Table(AreaCode, {"area_id": list(ids), **past}),
        ]


@dataclass(frozen=True)
class Settlement:
    """How many live in each grid; grids in the order of the communities."""

    grids: Ints
    community: Ints  # number of the community, one entry per grid
    residents: Ints
    partial: frozenset[int]


def settle(areas: Areas, residents: int) -> Settlement:
    """Fill the dense communities, sprinkle the others, then fill one after the other up to true density."""
    community = np.repeat(np.arange(len(areas.communities)), [len(one.grids) for one in areas.communities])
    grids = np.array([grid for one in areas.communities for grid in one.grids])
    is_dense = community < len(DENSE)
    true_density = np.full(len(grids), RESIDENTS_A_GRID)
    # Grids are alike, not equal.
    true_density += np.resize([-60, 40, 10, -25, 35], len(grids)) * is_dense
    room = int(true_density[is_dense].sum())
    dense = min(round(residents * (1 - SPRINKLED)), room)
    sprinkled = min(residents - dense, round(room * SPRINKLED / (1 - SPRINKLED)))
    wanted = np.where(
        is_dense,
        _shares(true_density * is_dense, dense),
        _shares((~is_dense).astype(np.int64), sprinkled),
    )
    full = set(range(len(DENSE)))
    left = residents - int(wanted.sum())
    for number in range(len(DENSE), len(areas.communities)):
        here = community == number
        missing = int((true_density[here] - wanted[here]).sum())
        if left < missing:
            break
        wanted[here] = true_density[here]
        left -= missing
        full.add(number)
    # What fills no further community, or does not fit any more, makes the full ones a little denser.
    wanted += _shares(np.isin(community, list(full)).astype(np.int64), left)
    thin = [one for number, one in enumerate(areas.communities) if number not in full]
    partial = frozenset(area for one in thin for area in (one.id, *one.grids))
    return Settlement(grids, community, wanted, partial)


def _shares(weights: Ints, total: int) -> Ints:
    """Split a whole number in proportion, without loss."""
    edges = np.floor(np.cumsum(weights) * (total / max(int(weights.sum()), 1)) + 1e-9).astype(np.int64)
    found: Ints = np.diff(edges, prepend=0)
    return found
