"""The map: drill-down, whose figures, what each opens, and what adds up."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, AuditRow, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, DistrictCommander, GridWorker, HealthOfficer, StreetStaff
from community import map_queries
from community.models import Alert, WorkOrder
from healthcode.models import CodeState
from tests.cockpit import City
from tests.people import District, browse, make_person

pytestmark = pytest.mark.django_db

FIGURES = ("residents", "not_green", "alerts", "orders")


@pytest.fixture
def city(district: District) -> City:
    return City(district)


def _open(client: Client, area: Area | None = None, show: str = "residents") -> Any:
    params = {"show": show, **({"area": str(area.pk)} if area else {})}
    return client.get(reverse("community:map"), params)


def _parts(response: Any) -> dict[str, int]:
    return {part.area.name: part.count for part, _opens in response.context["parts"]}


def _chosen(response: Any) -> list[str]:
    return [figure.name for figure, _total in response.context["choices"]]


def _count(figure: str, path: str) -> int:
    """Count over all rows one by one, knowing nothing of how the map does it."""
    states = {one.person_id: one.state for one in CodeState.objects.all()}
    rows: dict[str, list[Any]] = {
        "residents": list(Person.objects.all()),
        "not_green": [person for person in Person.objects.all() if states.get(person.pk) != "green"],
        "alerts": [alert for alert in Alert.objects.all() if alert.closed_at is None],
        "orders": [order for order in WorkOrder.objects.all() if order.state != "closed"],
    }
    return sum(row.area.path.startswith(path) for row in rows[figure])


@pytest.mark.parametrize("figure", FIGURES)
def test_every_level_shows_its_parts_and_their_figures_add_up_down_to_the_grids(city: City, figure: str) -> None:
    client = browse(city.district.user(DistrictCommander))
    seen, left = 0, [city.district.district]
    while left:
        area = left.pop()
        response = _open(client, area, figure)
        assert response.context["total"] == _count(figure, area.path), area
        parts = [part for part, _opens in response.context["parts"]]
        assert not parts or sum(part.count for part in parts) == response.context["total"], area
        below = [part.area for part in parts if not part.is_rest]
        assert {one.parent_id for one in below} <= {area.pk}
        for part in parts:
            assert part.is_rest or part.count == _count(figure, part.area.path), part
        left += below
        seen += 1
    assert seen == 8, "one district, two streets, two communities, three grids"


# What the test's own transaction has not committed would be in no list as of now, once another one has ended.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("figure", FIGURES)
def test_each_figure_opens_a_list_of_exactly_as_many_rows(city: City, figure: str) -> None:
    client = browse(city.district.user(DistrictCommander))
    for area in (None, city.street, city.community, city.district.grid):
        page = _open(client, area, figure)
        section = page.content.decode()
        links = re.findall(r'href="([^"]*(?:\?|&amp;|&)(?:in|area)=\d+)"[^>]*>(\d+)</a>\s*</td>', section)
        assert len(links) == sum(part.count > 0 and not part.is_rest for part, _opens in page.context["parts"])
        for href, count in links:
            assert client.get(href.replace("&amp;", "&")).context["count"] == int(count), href


def test_what_is_known_no_closer_than_the_community_stands_in_a_row_of_its_own(district: District) -> None:
    make_person("王五", district.community)
    response = _open(browse(district.user(CommunityStaff)))
    assert _parts(response) == {district.grid.name: 1, district.other_grid.name: 1, district.community.name: 1}
    assert [part.is_rest for part, _opens in response.context["parts"]] == [False, False, True]
    assert response.context["total"] == 3


def test_the_map_begins_at_the_widest_area_that_is_ones_own(city: City) -> None:
    district = city.district
    for role, begins, parts in (
        (DistrictCommander, district.district, {district.street, city.street}),
        (StreetStaff, district.street, {district.community}),
        (CommunityStaff, district.community, {district.grid, district.other_grid}),
        (GridWorker, district.grid, set()),
    ):
        page = _open(browse(district.user(role)))
        assert page.context["area"] == begins
        assert {part.area for part, _opens in page.context["parts"]} == parts
        assert page.context["trail"] == []


def test_whoever_has_areas_apart_begins_with_all_of_them_and_finds_the_way_back(city: City) -> None:
    district = city.district
    user = district.user(StreetStaff)
    grant_role(user=user, role=StreetStaff, on=city.street, by=None)
    client = browse(user)
    page = _open(client)
    assert page.context["area"] is None
    assert set(_parts(page)) == {district.street.name, city.street.name}
    inside = _open(client, city.community)
    assert inside.context["trail"] == [city.street]
    assert b'rel="up"' in inside.content
    assert b'rel="up"' in _open(client, city.street).content


def test_an_area_is_found_by_its_id_and_by_its_code_of_today(district: District) -> None:
    client = browse(district.user(DistrictCommander))
    by_code = client.get(reverse("community:map"), {"area": district.community.code})
    assert by_code.context["area"] == district.community
    assert client.get(reverse("community:map"), {"area": district.grid.code}).context["area"] == district.grid


@pytest.mark.parametrize("level", ["district", "street", "community", "other_grid"])
def test_an_area_above_or_beside_ones_own_is_not_found_and_on_record(district: District, level: str) -> None:
    worker = district.user(GridWorker)
    area = getattr(district, level)
    assert _open(browse(worker), area).status_code == 404
    row = AuditRow.objects.get(outcome="refused")
    assert (row.actor, row.deed, row.target) == (worker.pk, Deed.SEE_MAP, f"area:{area.pk}")


def test_an_area_that_does_not_exist_gets_the_answer_of_one_that_is_not_ones_own(district: District) -> None:
    client = browse(district.user(GridWorker))
    for area in ("999999", "330103999999", "0"):
        assert client.get(reverse("community:map"), {"area": area}).status_code == 404


@pytest.mark.parametrize(
    "query", ["area=x", "area=-1", "area=1%00", "area=" + "9" * 40, "area=１", "show=people", "show=%00"]
)
def test_an_address_that_names_nothing_is_a_bad_request(district: District, query: str) -> None:
    assert browse(district.user(GridWorker)).get(f"{reverse('community:map')}?{query}").status_code == 400


def test_each_viewer_chooses_among_the_figures_of_their_own_rights(district: District) -> None:
    for role, figures in (
        (DistrictCommander, ["residents", "not_green", "alerts", "orders"]),
        (CommunityStaff, ["residents", "not_green", "alerts", "orders"]),
        (GridWorker, ["residents", "alerts"]),
        (HealthOfficer, ["residents"]),
    ):
        assert _chosen(_open(browse(district.user(role)))) == figures, role
    officer = district.user(HealthOfficer)
    assert _open(browse(officer), show="alerts").status_code == 403
    assert AuditRow.objects.get(actor=officer.pk, outcome="refused").target == "map:alerts"


def test_a_figure_is_shown_only_where_the_right_to_it_holds(city: City) -> None:
    """Someone who works in one grid and runs another street sees codes in that street only."""
    district = city.district
    user = district.user(GridWorker)
    grant_role(user=user, role=StreetStaff, on=city.street, by=None)
    client = browse(user)
    assert set(_parts(_open(client))) == {district.grid.name, city.street.name}
    assert _open(client, show="not_green").context["area"] == city.street
    assert _open(client, district.grid, "not_green").status_code == 404
    assert _chosen(_open(client, district.grid)) == ["residents", "alerts"]


def test_looking_at_the_map_is_on_record_with_the_area_and_the_figure(district: District) -> None:
    staff = district.user(CommunityStaff)
    _open(browse(staff), district.grid, "not_green")
    row = AuditRow.objects.get(deed=Deed.SEE_MAP)
    assert (row.actor, row.holding, row.subjects) == (staff.pk, f"area:{district.community.pk}", [])
    assert row.detail == {"area": district.grid.pk, "show": "not_green", "areas": 0}


def test_areas_whose_register_is_a_sample_are_marked_and_so_is_what_holds_them(city: City) -> None:
    Area.objects.filter(pk=city.grid.pk).update(register_is_partial=True)
    client = browse(city.district.user(DistrictCommander))
    for area, marked in ((None, {city.street}), (city.street, {city.community}), (city.community, {city.grid})):
        page = _open(client, area)
        assert {part.area for part, _opens in page.context["parts"] if part.has_samples} == marked
        assert page.context["has_samples"]
        assert page.content.count(b'class="tag"') >= 2
    assert not _open(client, city.district.street).context["has_samples"]
    assert (
        b"Only a sample of those who live here"
        in client.get(reverse("community:map"), {"area": city.grid.pk}, headers={"accept-language": "en"}).content
    )


def test_without_borders_the_table_stands_alone_and_schematic_ones_are_marked(district: District) -> None:
    client = browse(district.user(CommunityStaff))
    page = _open(client)
    assert (page.context["is_drawn"], page.context["is_schematic"]) == (True, True)
    Area.objects.update(boundary=None)
    page = _open(client)
    assert page.context["is_drawn"] is page.context["is_schematic"] is False
    assert _parts(page) == {district.grid.name: 1, district.other_grid.name: 1}
    assert b"echarts" not in page.content


@pytest.mark.parametrize("most", [0, 1, 2, 20, 21, 40, 41, 100, 999, 1000, 20_001, 500_000])
def test_the_steps_hold_every_figure_once_from_none_to_very_many(most: int) -> None:
    scale = map_queries.steps(most)
    assert [step.low for step in scale[1:]] == [(step.high or 0) + 1 for step in scale[:-1]]
    assert (scale[0].low, scale[0].high, scale[-1].high) == (0, 0, None)
    for count in {0, 1, most // 2, most}:
        step = map_queries.step_of(count, scale)
        assert step.low <= count
        assert step.high is None or count <= step.high
    assert map_queries.step_of(most, scale).number >= min(most, 3) or most <= 5
