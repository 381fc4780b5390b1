"""The drawn city: the same for the same seed, plausible, and true to itself down to each infection."""

import datetime as dt
from collections import Counter
from typing import Any

import numpy as np
import pytest

from citybrain.core import documents
from citybrain.demo.city import areas, days, people, register
from citybrain.demo.city.days import Lived
from citybrain.demo.city.households import FEMALE, MALE
from citybrain.demo.city.known import COUNTY, DENSE
from citybrain.demo.city.register import City
from citybrain.demo.city.venues import VenueKind
from citybrain.demo.city.world import NOBODY, NOWHERE, Route
from citybrain.demo.city.world import Infections as Truth

TODAY = dt.date(2026, 11, 22)
LATE = dt.datetime(2026, 11, 22, 15, 59, 59, tzinfo=dt.UTC)
NOON = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)
DAYS = 14
RESIDENTS = 10_000
MEETING = {
    Route.WORK: VenueKind.WORK, Route.SCHOOL: VenueKind.SCHOOL, Route.SHOP: VenueKind.SHOP,
    Route.VEHICLE: VenueKind.VEHICLE,
}  # fmt: skip


def draw(seed: int = 1, residents: int = RESIDENTS) -> City:
    return register.draw(seed=seed, residents=residents, day=TODAY, began_at=days.began_at(TODAY, DAYS))


def live(city: City, *, control: bool = False, now: dt.datetime = LATE) -> Lived:
    return days.live(city, days=DAYS, control=control, now=now)


@pytest.fixture(scope="module")
def city() -> City:
    return draw()


@pytest.fixture(scope="module")
def lived(city: City) -> Lived:
    return live(city)


def columns(part: Any) -> list[Any]:
    return [column.tolist() for column in vars(part).values()]


def scans_of(lived: Lived, kept: Any = slice(None)) -> set[tuple[int, int, int]]:
    scans = lived.world.scans
    return set(zip(scans.person[kept].tolist(), scans.point[kept].tolist(), scans.at[kept].tolist(), strict=True))


def test_the_same_seed_draws_the_same_city_and_days_and_another_seed_others() -> None:
    def drawn(seed: int) -> list[Any]:
        city = draw(seed, 400)
        world = live(city).world
        people_and_doors = [city.refs, [list(map(str, table.rows())) for table in city.tables if not is_sealed(table)]]
        return [people_and_doors, *(columns(part) for part in (world.travellers, world.infections, world.scans))]

    def is_sealed(table: Any) -> bool:
        return "number_cipher" in table.columns

    first = drawn(7)
    assert first == drawn(7)
    assert all(one != other for one, other in zip(first, drawn(8), strict=True))


def test_the_hour_only_cuts_the_last_day_off(city: City, lived: Lived) -> None:
    earlier = live(city, now=NOON).world
    noon = np.datetime64(NOON.replace(tzinfo=None), "s")
    later = lived.world
    for part, clock in (("scans", "at"), ("infections", "at"), ("contacts", "known_at"), ("isolations", "ordered_at")):
        until = getattr(getattr(later, part), clock) <= noon
        for name, column in vars(getattr(earlier, part)).items():
            whole = getattr(getattr(later, part), name)[until]
            if name == "found_at":
                whole = np.where(whole <= noon, whole, np.datetime64("NaT", "s"))
            assert np.array_equal(column, whole, equal_nan=column.dtype.kind == "M"), (part, name)
    assert 0 < len(earlier.scans.at) < len(later.scans.at)


def test_without_an_outbreak_the_same_people_pass_the_same_gates_but_for_who_stays_in(city: City, lived: Lived) -> None:
    control = live(city, control=True)
    assert len(control.world.infections.person) == len(control.world.contacts.person) == 0
    assert columns(control.world.travellers) == columns(lived.world.travellers)
    hospital = city.venues.place[city.venues.of_kind(VenueKind.HOSPITAL)[0]]
    ill = set(lived.world.infections.person.tolist())
    only_here = scans_of(lived) - scans_of(control)
    assert {person for person, _point, _at in only_here} <= ill
    places = dict(zip(lived.world.scans.point.tolist(), lived.world.scans.place.tolist(), strict=True))
    homes = {int(city.venues.place[gate]) for gate in city.home_gate}
    # To the hospital and home again.
    assert {places[point] for _person, point, _at in only_here} <= {hospital} | homes
    kept_in = ill | set(lived.world.isolations.person.tolist())
    assert {person for person, _point, _at in scans_of(control) - scans_of(lived)} <= kept_in


def test_every_infection_comes_from_somebody_infectious_at_the_same_place_and_time(city: City, lived: Lived) -> None:
    truth, residents = lived.world.infections, city.residents
    number_of = {person: number for number, person in enumerate(truth.person.tolist())}
    assert len(number_of) == len(truth.person)
    assert np.all(np.diff(truth.at) >= np.timedelta64(0, "s"))
    for number, infector in enumerate(truth.infector.tolist()):
        route = Route(truth.route[number])
        if infector == NOBODY:
            assert route is Route.IMPORTED
            assert truth.person[number] in lived.world.travellers.person
            continue
        person, giver = int(truth.person[number]), number_of[infector]
        at = truth.at[number]
        assert truth.at[giver] < truth.infectious_at[giver] <= at < truth.infectious_at[giver] + np.timedelta64(11, "D")
        together = {
            Route.HOME: residents.household[person] == residents.household[infector],
            Route.WORK: residents.unit[person] == residents.unit[infector] != NOBODY,
            Route.SCHOOL: residents.unit[person] == residents.unit[infector] != NOBODY,
        }
        assert together.get(route, True)
        if route in MEETING:
            assert city.venues.kind[lived.venues[number]] == MEETING[route]
        assert (truth.place[number] != NOWHERE) == (city.venues.place[lived.venues[number]] != NOWHERE)
        assert_not_kept_in(lived, (person, infector), at, at_home=route is Route.HOME)
        assert_scans_agree(lived, truth, number)
    assert set(truth.route.tolist()) == set(Route)


def assert_not_kept_in(lived: Lived, pair: tuple[int, int], at: np.datetime64, *, at_home: bool) -> None:
    """At home nobody meets whom is in a hotel; elsewhere nobody meets who was told to stay in on a day before."""
    orders, travellers = lived.world.isolations, lived.world.travellers
    local = at + np.timedelta64(8, "h")
    ordered_on = (orders.ordered_at + np.timedelta64(8, "h")).astype("datetime64[D]")
    here = np.isin(orders.person, pair) & (ordered_on < local.astype("datetime64[D]")) & (orders.until >= local)
    assert not np.any(here & (orders.place != "home") if at_home else here)
    away = np.isin(travellers.person, pair) & (travellers.left_home_at <= at) & (at < travellers.arrived_at)
    assert not np.any(away)


def assert_scans_agree(lived: Lived, truth: Truth, number: int) -> None:
    """Both were scanned there before, within the longest stay, unless the infection was missed; then not both."""
    if truth.place[number] == NOWHERE:
        assert not truth.is_missed[number]
        return
    scans, at = lived.world.scans, truth.at[number]
    longest = np.timedelta64(12, "h")
    there = (scans.place == truth.place[number]) & (scans.at <= at) & (scans.at > at - longest)
    pair = (truth.person[number], truth.infector[number])
    seen = [bool(np.any(there & (scans.person == one))) for one in pair]
    if not truth.is_missed[number]:
        assert all(seen)
    elif Route(truth.route[number]) in (Route.WORK, Route.SCHOOL):
        # One enters once a day there; a shop one may have visited before.
        assert not all(seen)


def test_nobody_is_at_two_gates_within_a_minute_and_gates_are_busiest_on_the_way_to_work_and_back(
    lived: Lived,
) -> None:
    scans = lived.world.scans
    order = np.lexsort((scans.at, scans.person))
    same = np.diff(scans.person[order]) == 0
    assert np.diff(scans.at[order])[same].min() > np.timedelta64(60, "s")
    minutes = (scans.at + np.timedelta64(8, "h")).astype("datetime64[m]").astype(np.int64) % (24 * 60)
    halves = np.bincount(minutes // 30, minlength=48)
    peaks = [*range(15, 18), *range(34, 38)]
    assert halves[peaks].min() > halves[18:32].max()
    assert halves[:10].sum() == 0
    assert 0.6 < len(scans.at) / RESIDENTS / DAYS < 0.8
    weekdays = (scans.at + np.timedelta64(8, "h")).astype("datetime64[D]")
    by_day = Counter(day.item().weekday() for day in weekdays)
    assert max(by_day[5], by_day[6]) < 0.8 * min(by_day[day] for day in range(5))


def test_disease_control_learns_of_contacts_after_the_case_and_most_of_them_are_close(lived: Lived) -> None:
    contacts, truth = lived.world.contacts, lived.world.infections
    found = dict(zip(truth.person.tolist(), truth.found_at, strict=True))
    assert len(contacts.person) > 20
    assert all(found[case] < known for case, known in zip(contacts.case.tolist(), contacts.known_at, strict=True))
    assert np.all(contacts.met_at < contacts.known_at)
    assert np.mean(contacts.grade == 2) > 0.5
    pairs = list(zip(contacts.person.tolist(), contacts.case.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert not np.any(contacts.person == contacts.case)


@pytest.mark.parametrize(("residents", "dense"), [(300, 4), (20_000, 4), (60_000, 15), (200_000, 50), (400_000, 74)])
def test_a_grid_at_true_density_holds_about_a_thousand_and_the_others_are_marked(residents: int, dense: int) -> None:
    tree = areas.Areas.read()
    settled = areas.settle(tree, residents)
    assert settled.residents.sum() == residents
    is_marked = np.isin(settled.grids, list(settled.partial))
    assert residents > 20_000 or settled.residents[is_marked].max() < 15
    if 20_000 <= residents <= 200_000:
        assert 900 < settled.residents[~is_marked].min() <= settled.residents[~is_marked].max() < 1200
    full = [one for one in tree.communities if one.id not in settled.partial]
    assert abs(len(full) - dense) < 5
    assert {one.code for one in full} >= set(DENSE)
    assert all(set(one.grids).isdisjoint(settled.partial) for one in full)
    marks = {row[0] for row in tree.tables(settled.partial)[0].rows() if row[-1]}
    assert marks == settled.partial


def test_ages_are_those_of_a_city_and_children_are_at_school(city: City) -> None:
    age, residents = city.residents.age, city.residents
    assert 0.12 < np.mean(age < 18) < 0.2
    assert 0.18 < np.mean(age >= 60) < 0.28
    pupils = (age >= 6) & (age < 18)
    kinds = np.array(["", *next(t for t in city.tables if t.model.__name__ == "Organisation").columns["kind"]])
    assert not np.any(residents.organisation[(age < 18) & ~pupils])
    assert np.all(kinds[residents.organisation[pupils]] == "school")
    sizes = np.bincount(residents.unit[residents.unit != NOBODY])
    assert 8 < sizes.mean() < 20
    by_employer = np.sort(np.bincount(residents.organisation[~pupils])[1:])[::-1]
    assert by_employer[:10].sum() > 5 * np.median(by_employer) * 10


def test_every_document_is_valid_and_nobody_has_anothers() -> None:
    born_on = np.repeat(np.array(["1957-03-04", "2024-02-29"], dtype="datetime64[D]"), 400)
    sexes = np.tile([MALE, FEMALE], 400)
    numbers = people.id_numbers(born_on, sexes)
    assert len(set(numbers)) == 800
    for number, sex in zip(numbers, sexes.tolist(), strict=True):
        assert documents.check("resident_id", number) == number
        assert number.startswith(COUNTY)
        assert int(number[16]) % 2 == sex % 2
    with pytest.raises(ValueError, match="serial numbers"):
        people.id_numbers(np.full(500, born_on[0]), np.full(500, MALE))
