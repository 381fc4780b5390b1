"""A small world for tests of the history: areas with grids, people, gates, and what they did, of any size."""

import datetime as dt
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from django.db import connections

from accesslog.models import Device, Place, Point
from citybrain.core import clock
from citybrain.core.actions.areas import create_area
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, Organisation, User
from citybrain.core.roles import CommunityStaff, GridWorker
from citybrain.demo.city.world import Contacts, Infections, Isolations, Residents, Scans, Travellers, World
from community.actions.duty import set_duty
from healthcode.actions.rules import adopt_rules
from tests.codes import AREAS, BODY
from tests.people import SINCE

DAY = np.timedelta64(1, "D")
_PEOPLE = """
INSERT INTO core_person (id, ref, name, name_sort, sex, born_on, area_id, address)
SELECT n, gen_random_uuid(), '居民' || n, 'ju' || n, '1', '1980-01-01', (%(grids)s::bigint[])[1 + n %% %(count)s],
       n || '室'
  FROM generate_series(1, %(people)s) AS n
"""
_PHONES = """
INSERT INTO core_phone (person_id, number_cipher, number_index, last_four)
SELECT n, '\\x00', decode(lpad(to_hex(n), 32, '0'), 'hex'), '0000' FROM generate_series(1, %(people)s) AS n
 WHERE n %% 7 > 0
"""


@dataclass
class Town:
    """Two communities at true density and one whose register is a sample, with gates."""

    grids: list[Area]
    devices: list[Device]


def make_town(grids: int = 2) -> Town:
    """Make the areas with so many grids each, two gates in a grid, and the worker that the demo knows by name."""
    district = _area("district", "330103000000", None)
    street = _area("street", "330103008000", district)
    made: list[Area] = []
    devices: list[Device] = []
    for number in range(1, 4):
        community = _area("community", f"330103008{number:03}", street)
        made += [_area("grid", f"{community.code}{grid:03}", community) for grid in range(1, grids + 1)]
    Area.objects.filter(code__startswith="330103008003").update(register_is_partial=True)
    employer = Organisation.objects.create(kind="employer", name="东新电子", area=made[0])
    for grid in made:
        for name, admits in (("小区", ["green", "yellow"]), ("市场", ["green"])):
            run_by = employer if name == "市场" else None
            place = Place.objects.create(area=grid, name=name, kind="market", admits=admits, organisation=run_by)
            devices += [Device.objects.create(point=Point.objects.create(place=place, name="大门"), name="1号机")]
    worker = User.objects.create_staff("grid01", "x")
    grant_role(user=worker, role=GridWorker, on=made[0], by=None)
    set_duty(area=made[0], user=worker, by=None)
    grant_role(
        user=User.objects.create_staff("community01", "x"),
        role=CommunityStaff,
        on=Area.objects.get(code="330103008001"),
        by=None,
    )
    return Town(made, devices)


def make_world(town: Town, people: int = 300, *, seed: int = 1, now: dt.datetime | None = None) -> World:
    """Let people live in the town for two weeks, with an outbreak among them."""
    with connections["owner"].cursor() as cursor:
        values: dict[str, Any] = {"grids": [grid.pk for grid in town.grids], "count": len(town.grids), "people": people}
        cursor.execute(_PEOPLE, values)
        cursor.execute(_PHONES, values)
        cursor.execute("SELECT setval(pg_get_serial_sequence('core_person', 'id'), %s)", [people])
        cursor.execute("ANALYZE core_person")
    rng = np.random.default_rng(seed)
    moment = now or clock.now().replace(microsecond=0)
    end = np.datetime64(moment.astimezone(dt.UTC).replace(tzinfo=None), "s")
    area = np.array([town.grids[n % len(town.grids)].pk for n in range(1, people + 1)])
    residents = Residents(area, np.arange(people) // 3, rng.integers(1, 90, people), *np.zeros((2, people), np.int64))
    chosen = rng.permutation(people)
    parts = _outbreak(rng, chosen, end)
    began = moment - dt.timedelta(days=14)
    empty = World(seed, began, moment, residents, parts[0], parts[1], parts[2], parts[3], _no_scans())
    return replace(empty, scans=_scans(rng, empty, town, people * 10))


def without_outbreak(world: World) -> World:
    """Return the same world where nobody came back or fell ill."""

    def none_of(part: Any) -> Any:
        return replace(part, **{field.name: getattr(part, field.name)[:0] for field in fields(part)})

    parts = ("travellers", "infections", "contacts", "isolations")
    return replace(world, **{name: none_of(getattr(world, name)) for name in parts})


def adopt_now() -> None:
    """Put the shipped rules in force, as loading the demo does."""
    adopt_rules(body=BODY, risk_areas=AREAS, by=None)


def _area(level: str, code: str, parent: Area | None) -> Area:
    name = f"区域{code[6:]}"
    return create_area(level=Area.Level(level), code=code, name=name, parent=parent, valid_from=SINCE, by=None)


def _ago(rng: np.random.Generator, end: np.datetime64, count: int, most: int = 13, least: int = 1) -> Any:
    return end - rng.integers(least * 86400, most * 86400, count).astype("timedelta64[s]")


def _outbreak(rng: np.random.Generator, chosen: Any, end: Any) -> tuple[Travellers, Infections, Contacts, Isolations]:
    """Return travellers, infections, contacts and isolations of a share of the people."""
    share = max(len(chosen) // 60, 3)
    back, ill, met = chosen[:share], chosen[share : 2 * share], chosen[2 * share : 4 * share]
    arrived = _ago(rng, end, share)
    codes = np.array(["420106001000", "330300000000", ""])[np.arange(share) % 3]
    travellers = Travellers(back, codes, np.full(share, "外地"), np.full(share, "train"), arrived - 3 * DAY, arrived)
    caught: Any = np.sort(_ago(rng, end, share, 14, 6))
    onset: Any = np.where(np.arange(share) % 4 == 3, np.datetime64("NaT"), caught + 3 * DAY)
    found: Any = np.where(np.arange(share) % 3 == 2, np.datetime64("NaT"), caught + 5 * DAY)
    nobody = np.full(share, -1)
    infections = Infections(ill, nobody, caught, nobody * 0, nobody * 0, nobody > 0, caught + DAY, onset, found)
    cases = np.flatnonzero(~np.isnat(found))
    case = cases[np.arange(len(met)) % len(cases)]
    met_at = found[case] - DAY
    known = np.minimum(found[case] + rng.integers(3600, 90000, len(met)).astype("timedelta64[s]"), end)
    contacts = Contacts(met, ill[case], 1 + np.arange(len(met)) % 2, met_at, known)
    close = contacts.grade == 2
    stay = np.concatenate([met[close], ill[cases]])
    since = np.concatenate([known[close], found[cases] + 3600])
    until = (since + np.timedelta64(8, "h")).astype("datetime64[D]") + np.where(np.arange(len(stay)) % 5 == 0, 3, 14)
    place = np.where(np.isin(stay, ill), "hospital", "home")
    return travellers, infections, contacts, Isolations(stay, since, until, place)


def _no_scans() -> Scans:
    none = np.zeros(0, np.int64)
    return Scans(none, none, none, none, none, np.zeros(0, "datetime64[s]"))


def _scans(rng: np.random.Generator, world: World, town: Town, count: int) -> Scans:
    """Let people stand at gates by day; whoever is isolated stays in."""
    people = len(world.residents)
    person = np.minimum((people * rng.beta(1.2, 2, count)).astype(np.int64), people - 1)
    began = np.datetime64(world.began_at.astimezone(dt.UTC).replace(tzinfo=None), "s")
    at = began + rng.integers(0, 14 * 86400, count).astype("timedelta64[s]")
    hour = ((at + np.timedelta64(8, "h")).astype(np.int64) // 3600) % 24
    inside = np.full(people, np.datetime64("2200-01-01"), "datetime64[s]")
    inside[world.isolations.person] = world.isolations.ordered_at
    kept = np.flatnonzero((hour >= 6) & (hour < 23) & (at < inside[person]))
    kept = kept[np.argsort(at[kept], kind="stable")]
    rows = np.array([(one.pk, one.point_id, one.point.place_id, one.point.place.area_id) for one in town.devices])
    gate = rows[rng.integers(0, len(rows), len(kept))]
    return Scans(person[kept], gate[:, 0], gate[:, 1], gate[:, 2], gate[:, 3], at[kept])
