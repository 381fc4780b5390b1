"""Loads the demo district by COPY: areas, organisations, estates, rooms, households, persons."""

import csv
import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connections, models
from psycopg.types.json import Jsonb

from citybrain.core import crypto, documents, names
from citybrain.core.models import Area, AreaCode, Document, Membership, Organisation, Person, Phone
from citybrain.demo import tiling
from citybrain.demo.population import ADULT_AGE, BUILDINGS_AN_ESTATE, DemoPerson, Population
from community.models import Building, Estate, Household, HouseholdMember, Room

AREAS_FILE = Path(__file__).parent / "data" / "xiacheng-2019-10-31.csv"
# Nobody knows when the codes began; before this day nothing resolves.
CODES_FROM = dt.date(2018, 10, 31)
GRIDS_A_COMMUNITY = (3, 4, 5)
NUMERALS = "一二三四五六七八九"
# 东新园社区 and 三里家园社区 are lived in; the rest is mapped and empty.
LIVED_IN = ("330103008008", "330103007009")
RESIDENTS_WANTED = 2000
ESTATE_NAMES = ("东新园", "三里家园")
PARTS = ("东区", "西区", "南区", "北区")
ORGANISATIONS = (
    ("property_company", "下城安居物业服务有限公司", 0),
    ("property_company", "新天地物业管理有限公司", 1),
    ("employer", "东新电子有限公司", 0),
    ("employer", "文晖商贸有限公司", 1),
    ("school", "东新实验小学", 0),
    ("department", "下城区卫生健康局", 1),
    ("hospital", "下城区人民医院", 1),
    ("venue_operator", "东新路农贸市场", 0),
)
STAFF_OF_AN_EMPLOYER = 60
PUPILS = range(6, 12)


@dataclass
class Table:
    """Rows of one model on their way to COPY; ids are counted here, so that rows can refer to each other."""

    model: type[models.Model]
    columns: Sequence[str]
    rows: list[tuple[Any, ...]]
    last_id: int = 0

    def add(self, *values: Any) -> int:
        """Keep a row, return its id."""
        self.last_id += 1
        self.rows.append((self.last_id, *values))
        return self.last_id


class District:
    """Builds the district in memory, then writes it."""

    def __init__(self, seed: int) -> None:
        self.population = Population(seed)
        self.areas = Table(
            Area, ("level", "code", "name", "parent_id", "path", "boundary", "boundary_is_schematic"), []
        )
        self.codes = Table(AreaCode, ("area_id", "code", "name", "parent_id", "valid_from"), [])
        self.organisations = Table(Organisation, ("kind", "name", "credit_code", "area_id"), [])
        self.estates = Table(Estate, ("name", "area_id", "property_company_id"), [])
        self.buildings = Table(Building, ("estate_id", "area_id", "name"), [])
        self.rooms = Table(Room, ("building_id", "unit", "floor", "number"), [])
        self.households = Table(Household, ("room_id",), [])
        self.persons = Table(Person, ("ref", "name", "name_sort", "sex", "born_on", "area_id", "address"), [])
        self.documents = Table(Document, ("person_id", "type", "number_cipher", "number_index", "verified_at"), [])
        self.phones = Table(Phone, ("person_id", "number_cipher", "number_index", "last_four"), [])
        self.members = Table(HouseholdMember, ("household_id", "person_id", "relation"), [])
        self.memberships = Table(Membership, ("person_id", "organisation_id"), [])
        self._paths: dict[int, str] = {}
        self._grids: dict[str, list[int]] = {}
        self._people: dict[str, list[tuple[int, DemoPerson]]] = {code: [] for code in LIVED_IN}

    def build(self) -> None:
        """Draw everything."""
        self._build_areas()
        community_ids = {code: self._area_id(code) for code in LIVED_IN}
        for kind, name, community in ORGANISATIONS:
            self.organisations.add(kind, name, "", community_ids[LIVED_IN[community]])
        for number, code in enumerate(LIVED_IN):
            self._build_community(
                code, community_ids[code], company=number + 1, wanted=RESIDENTS_WANTED // len(LIVED_IN)
            )
        self._build_memberships()

    def _area_id(self, code: str) -> int:
        return next(int(row[0]) for row in self.areas.rows if row[2] == code)

    def _build_areas(self) -> None:
        listed = list(csv.DictReader(AREAS_FILE.read_text(encoding="utf-8").splitlines()))
        below = {
            parent: list(rows) for parent, rows in itertools.groupby(listed[1:], key=lambda row: row["parent_code"])
        }
        streets = below[listed[0]["code"]]
        district = self._add_area("district", listed[0]["code"], listed[0]["name"], None, tiling.XIACHENG)
        pieces = tiling.slice_up(tiling.XIACHENG, [len(below[street["code"]]) for street in streets])
        for street, piece in zip(streets, pieces, strict=True):
            street_id = self._add_area("street", street["code"], street["name"], district, piece)
            communities = below[street["code"]]
            counts = [GRIDS_A_COMMUNITY[int(row["code"]) % len(GRIDS_A_COMMUNITY)] for row in communities]
            for row, count, part in zip(communities, counts, tiling.slice_up(piece, counts), strict=True):
                community_id = self._add_area("community", row["code"], row["name"], street_id, part)
                cells = tiling.slice_up(part, [1] * count)
                self._grids[row["code"]] = [
                    self._add_area(
                        "grid",
                        f"{row['code']}{number:03}",
                        f"{row['name'].removesuffix('社区')}第{NUMERALS[number - 1]}网格",
                        community_id,
                        cell,
                    )
                    for number, cell in enumerate(cells, start=1)
                ]

    def _add_area(self, level: str, code: str, name: str, parent: int | None, shape: tiling.Rectangle) -> int:
        area_id = self.areas.last_id + 1
        self._paths[area_id] = f"{self._paths[parent] if parent else '/'}{area_id}/"
        self.areas.add(level, code, name, parent, self._paths[area_id], Jsonb(tiling.polygon(shape)), True)
        self.codes.add(area_id, code, name, parent, CODES_FROM)
        return area_id

    def _build_community(self, code: str, community_id: int, *, company: int, wanted: int) -> None:
        grids = itertools.cycle(self._grids[code])
        for estate_number in itertools.count():
            name = f"{ESTATE_NAMES[company - 1]}{PARTS[estate_number]}"
            estate_id = self.estates.add(name, community_id, company)
            for building_number in range(1, BUILDINGS_AN_ESTATE + 1):
                building_id = self.buildings.add(estate_id, next(grids), f"{building_number}幢")
                self._build_building(code, building_id, f"{name}{building_number}幢", wanted)
            if len(self._people[code]) >= wanted:
                return

    def _build_building(self, code: str, building_id: int, address: str, wanted: int) -> None:
        grid_id = int(self.buildings.rows[building_id - 1][2])
        for unit, floor, number in self.population.rooms():
            room_id = self.rooms.add(building_id, unit, floor, number)
            room_left = wanted - len(self._people[code])
            members = self.population.household()[: max(room_left, 0)]
            if not members:
                continue
            household_id = self.households.add(room_id)
            for person in members:
                person_id = self._add_person(person, grid_id, f"{address}{unit}单元{number}室")
                self.members.add(household_id, person_id, person.relation)
                self._people[code].append((person_id, person))

    def _add_person(self, person: DemoPerson, grid_id: int, address: str) -> int:
        sort = names.sort_key(person.name)
        person_id = self.persons.add(person.ref, person.name, sort, person.sex, person.born_on, grid_id, address)
        kind, owner = documents.Type.RESIDENT_ID.value, str(person.ref)
        cipher = crypto.seal("document", person.id_number, owner=owner)
        self.documents.add(person_id, kind, cipher, crypto.blind_index(kind, person.id_number), None)
        cipher = crypto.seal("phone", person.phone, owner=owner)
        self.phones.add(person_id, cipher, crypto.blind_index("phone", person.phone), person.phone[-4:])
        return person_id

    def _build_memberships(self) -> None:
        for organisation_id, (kind, _name, community) in enumerate(ORGANISATIONS, start=1):
            people = self._people[LIVED_IN[community]]
            if kind == "employer":
                chosen = [i for i, person in people if ADULT_AGE <= person.age < 60][:STAFF_OF_AN_EMPLOYER]  # noqa: PLR2004 (retirement age)
            elif kind == "school":
                chosen = [i for i, person in people if person.age in PUPILS]
            else:
                continue
            for person_id in chosen:
                self.memberships.add(person_id, organisation_id)

    def tables(self) -> Iterable[Table]:
        """Return the tables in an order in which foreign keys are satisfied."""
        return (
            self.areas, self.codes, self.persons, self.documents, self.phones, self.organisations, self.memberships,
            self.estates, self.buildings, self.rooms, self.households, self.members,
        )  # fmt: skip

    def write(self, alias: str) -> None:
        """COPY every table and move its id counter along; the connection's transaction is the caller's."""
        with connections[alias].cursor() as cursor:
            for table in (table for table in self.tables() if table.rows):
                name = table.model._meta.db_table
                columns = ", ".join(("id", *table.columns))
                with cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
                    for row in table.rows:
                        copy.write_row(row)
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {table.last_id})")
                cursor.execute(f"ANALYZE {name}")
