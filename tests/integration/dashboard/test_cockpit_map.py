"""The cockpit's map and its comparison with yesterday: drill-down in the address, and lists within an area."""

import datetime as dt

import pytest
from django.urls import reverse

from citybrain.core import clock
from citybrain.core.models import Area, AuditRow
from citybrain.core.roles import CommunityStaff, DistrictCommander, StreetStaff
from community.models import WorkOrder
from dashboard import queries, rows
from dashboard.as_of import AsOf
from healthcode.models import CodeState
from tests.cockpit import CONTACT, COUGHS, City
from tests.codes import WELL, tell
from tests.orders import order_for
from tests.people import District, browse, make_person

pytestmark = pytest.mark.django_db(transaction=True)

DAY = dt.timedelta(days=1)


@pytest.fixture
def city(district: District) -> City:
    return City(district)


def test_the_map_is_gone_into_by_the_address_from_street_to_community_to_grids(city: City) -> None:
    client = browse(city.district.user(DistrictCommander))
    url, district = reverse("dashboard:cockpit"), city.district
    for area, parts, trail in (
        (None, {district.street: 5, city.street: 2}, []),
        (district.street, {district.community: 5}, [district.district]),
        (city.street, {city.community: 2}, [district.district]),
        (city.community, {city.grid: 1}, [district.district, city.street]),
        (city.grid, {}, [district.district, city.street, city.community]),
    ):
        page = client.get(url, {"area": area.pk} if area else {})
        assert (dict(page.context["parts"]), page.context["trail"]) == (parts, trail), area
        within = {row["area"] for row in page.context["grids"]}
        path = area.path if area else "/"
        assert within == {row["area"] for row in page.context["picture"]["grids"] if row["path"].startswith(path)}
        shapes = client.get(reverse("dashboard:cockpit_shapes"), {"area": area.pk} if area else {}).json()
        drawn = {one["properties"]["name"]: one["properties"]["is_part"] for one in shapes["features"]}
        grids = Area.objects.filter(level="grid", path__startswith=area.path if area else district.district.path)
        ids = [part.pk for part in parts]
        borders = Area.objects.filter(pk__in=ids, boundary__isnull=False).values_list("name", flat=True)
        assert drawn == dict.fromkeys(grids.values_list("name", flat=True), False) | dict.fromkeys(borders, True), area


def test_an_area_of_another_street_is_not_found_and_on_record(city: City) -> None:
    staff = city.district.user(StreetStaff)
    for name in ("cockpit", "cockpit_shapes"):
        assert browse(staff).get(reverse(f"dashboard:{name}"), {"area": city.street.pk}).status_code == 404
        assert browse(staff).get(reverse(f"dashboard:{name}"), {"area": "x"}).status_code == 400
    assert AuditRow.objects.filter(actor=staff.pk, outcome="refused", target=f"area:{city.street.pk}").count() == 2


def test_a_list_within_an_area_holds_what_lies_below_it_and_one_of_another_is_refused(city: City) -> None:
    staff, commander = city.district.user(StreetStaff), city.district.user(DistrictCommander)
    now = AsOf.now()
    for within in (city.street, city.district.street):
        for found in (rows.alerts, rows.orders, rows.persons):
            inside = {row.pk for row in found(commander, now, within=within)}
            assert inside == {row.pk for row in found(commander, now) if row.area.path.startswith(within.path)}
            assert inside
    for name in ("persons", "alerts", "orders"):
        url = reverse(f"dashboard:cockpit_{name}")
        assert browse(staff).get(url, {"in": city.street.pk}).status_code == 404
        page = browse(staff).get(url, {"in": city.district.community.pk})
        assert page.context["area"] == city.district.community


def test_not_green_are_all_but_those_who_were_green_then(city: City) -> None:
    commander = city.district.user(DistrictCommander)
    then = AsOf.now()
    green = {one.person_id for one in CodeState.objects.filter(state="green")}
    everyone = {person.pk for person in rows.persons(commander, then)}
    not_green = {person.pk for person in rows.persons(commander, then, state=rows.NOT_GREEN)}
    assert not_green == everyone - green
    assert any(pk not in CodeState.objects.values_list("person", flat=True) for pk in not_green)


def test_colours_and_open_work_are_compared_with_yesterday_at_this_time(district: District) -> None:
    now = clock.now()
    with clock.at(now - 2 * DAY):
        city = City(district)
        areas = queries.areas_of(district.user(DistrictCommander))
        figures = queries.picture(areas)["figures"]
        assert figures["red_more"] is figures["alerts_more"] is None, "nothing is known of the day before"
    names = ("red", "yellow", "green", "expired", "alerts", "orders", "overdue")
    figures = queries.picture(areas)["figures"]
    assert [figures[f"{name}_more"] for name in names] == [0] * 7
    person = make_person("新来", city.grid)
    tell(person, "declaration", WELL, now)
    tell(person, "exposure", CONTACT, now)
    tell(CodeState.objects.filter(state="green", person__in=city.people)[0].person, "declaration", COUGHS, now)
    late = order_for(person, city.grid)
    WorkOrder.objects.filter(pk=late.pk).update(due_at=now - dt.timedelta(minutes=1))
    order_for(make_person("又来", city.grid), city.grid)
    closed = WorkOrder.objects.get(state="reported")
    city.close(closed)
    figures = queries.picture(areas)["figures"]
    # One that was overdue yesterday is closed, and one is overdue since.
    assert [figures[f"{name}_more"] for name in names] == [1, 1, -1, 0, 1, 1, 0]


def test_on_the_wall_the_page_keeps_its_place_on_the_map_and_the_way_back(district: District) -> None:
    client = browse(district.user(CommunityStaff))
    url = reverse("dashboard:cockpit")
    assert not client.get(url).context["is_on_wall"]
    page = client.get(f"{url}?wall=1&area={district.community.pk}")
    assert page.context["is_on_wall"]
    assert f'href="?area={district.community.pk}"' in page.content.decode()
