"""The cockpit: its figures are what an independent count finds, of the viewer's areas alone, at one moment."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.urls import reverse

from accesslog.models import ADMITTING, Pass, PassCount
from citybrain.core import clock
from citybrain.core.models import Area, AuditRow, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act, CommunityStaff, DistrictCommander, GridWorker, Resident, StreetStaff
from citybrain.core.scope import of as scope_of
from citybrain.core.stream_ticket import accept
from community.models import Alert, WorkOrder
from dashboard import queries
from healthcode.models import CodeState
from tests.cockpit import City, at_a_gate, follow_all
from tests.people import District, browse, make_person

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def city(district: District) -> City:
    return City(district)


def _figures(user: User) -> dict[str, Any]:
    figures: dict[str, Any] = queries.picture(queries.areas_of(user))["figures"]
    return figures


def _count_by_hand(areas: set[int]) -> Counter[str]:
    """Count over all rows, one by one, knowing nothing of how the cockpit does it."""
    found: Counter[str] = Counter()
    states = {one.person_id: one.state for one in CodeState.objects.all()}
    for person in Person.objects.all():
        if person.area_id in areas:
            found["people"] += 1
            found[states.get(person.pk, "not_known")] += 1
    for alert in Alert.objects.all():
        if alert.area_id in areas and alert.closed_at is None:
            found["alerts"] += 1
            found[f"alerts_{alert.kind}"] += 1
    for order in WorkOrder.objects.all():
        if order.area_id in areas and order.state != "closed":
            found["orders"] += 1
            found[f"orders_{order.state}"] += 1
            found["overdue"] += order.due_at < clock.now()
    for one in Pass.objects.all():
        if one.area_id in areas and one.received_at.astimezone(clock.SHANGHAI).date() == clock.today():
            found["passes_today"] += 1
            found["refused_today"] += one.result not in ADMITTING
    return found


@pytest.mark.parametrize("role", [DistrictCommander, StreetStaff, CommunityStaff])
def test_every_figure_is_what_counting_all_rows_by_hand_finds(city: City, role: Any) -> None:
    city.pass_by()
    follow_all()
    user = city.district.user(role)
    figures = _figures(user)
    counted = _count_by_hand(set(scope_of(user).ids("area", Act.SEE_COCKPIT)))
    assert counted["people"] > 0 < counted["orders"]
    assert {name: figures[name] or 0 for name in counted} == dict(counted)
    others = {"passes_minute", "passes_hour"}
    assert not any(count for name, count in figures.items() if name not in counted and name not in others)


def test_each_viewer_sees_the_figures_of_their_own_areas(city: City) -> None:
    district = city.district
    everyone, own, other = (
        _figures(district.user(DistrictCommander)),
        _figures(district.user(StreetStaff)),
        _figures(district.user(StreetStaff, city.street)),
    )
    for name in ("people", "green", "yellow", "red", "not_known", "alerts", "orders", "overdue"):
        assert everyone[name] == own[name] + other[name], name
    assert own["overdue"] == 0 < other["overdue"]


def test_test_walks_stand_beside_the_district_and_count_in_no_figure(city: City) -> None:
    city.pass_by()
    follow_all()
    walk = set(Area.objects.filter(is_smoke=True).values_list("pk", flat=True))
    assert PassCount.objects.filter(area__in=walk).exists()
    assert Alert.objects.filter(area__in=walk).exists()
    commander = city.district.user(DistrictCommander)
    assert not walk & set(queries.areas_of(commander))
    before = _figures(commander)
    city.walk_again()
    at_a_gate(city.walk_device, clock.now(), "red")
    follow_all()
    assert _figures(commander) == before


def test_nothing_known_is_not_nought(district: District) -> None:
    Person.objects.update(area=district.grid)
    empty = district.user(StreetStaff, district.other_grid)
    picture = queries.picture(queries.areas_of(empty))
    assert picture["curve"] is None
    for name in ("people", "green", "not_known", "passes_today", "passes_minute", "refused_today", "passes_more"):
        assert picture["figures"][name] is None, name
    assert picture["figures"]["alerts"] == picture["figures"]["orders"] == 0
    follow_all()
    assert queries.picture(queries.areas_of(empty))["figures"]["passes_today"] == 0
    page = browse(empty).get(reverse("dashboard:cockpit")).content.decode()
    assert '<span class="value">–</span>' in page


def test_while_the_consumer_stands_still_no_figure_moves_and_afterwards_all_are_right(city: City) -> None:
    commander = city.district.user(DistrictCommander)
    city.pass_by()
    follow_all()
    before = _figures(commander)
    for _number in range(25):
        at_a_gate(city.device, clock.now())
        at_a_gate(city.other_device, clock.now(), "red")
    assert _figures(commander) == before
    follow_all()
    after = _figures(commander)
    assert after["passes_today"] == before["passes_today"] + 50
    assert after["refused_today"] == before["refused_today"] + 25


def test_passes_are_counted_in_their_minute_and_compared_with_yesterday_by_whole_minutes(city: City) -> None:
    commander = city.district.user(DistrictCommander)
    now = dt.datetime.combine(clock.today(), dt.time(12, 0, 30), clock.SHANGHAI)
    for back in (dt.timedelta(), MINUTE, 59 * MINUTE, 60 * MINUTE, dt.timedelta(days=1) + MINUTE, dt.timedelta(days=1)):
        at_a_gate(city.device, now - back)
    follow_all()
    with clock.at(now):
        picture = queries.picture(queries.areas_of(commander))
    figures = picture["figures"]
    assert (figures["passes_minute"], figures["passes_hour"]) == (1, 3)
    assert (picture["curve"][0], picture["curve"][-2:]) == (1, [1, 1])
    # Counting began yesterday, so nobody knows how many came yesterday before that.
    assert figures["passes_yesterday"] is figures["passes_more"] is None
    at_a_gate(city.device, now - dt.timedelta(days=2))
    follow_all()
    with clock.at(now):
        figures = _figures(commander)
    assert (figures["passes_yesterday"], figures["passes_more"], figures["passes_today"]) == (1, 2, 4)


def test_all_figures_of_a_picture_are_of_one_moment(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that is closed while the picture is being read is closed in all of it or in none."""
    commander = city.district.user(DistrictCommander)
    order = WorkOrder.objects.get(state="reported")
    read_alerts: Callable[[Any], Any] = queries._open_alerts

    def close() -> None:
        try:
            city.close(order)
        finally:
            connections.close_all()

    def then_close(areas: Any) -> Any:
        found = read_alerts(areas)
        with ThreadPoolExecutor(1) as other:
            other.submit(close).result()
        return found

    before = _figures(commander)
    monkeypatch.setattr(queries, "_open_alerts", then_close)
    during = _figures(commander)
    monkeypatch.undo()
    after = _figures(commander)
    names = ("alerts", "orders", "orders_reported")
    assert [during[name] for name in names] == [before[name] for name in names]
    assert [after[name] for name in names] == [before[name] - 1 for name in names]


def test_a_picture_changes_nothing_and_leaves_no_transaction_behind(city: City) -> None:
    queries.picture(queries.areas_of(city.district.user(DistrictCommander)))
    assert not connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("read committed",)
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("off",)


def test_the_orders_due_first_come_first_and_name_nobody(city: City) -> None:
    first = queries.picture(queries.areas_of(city.district.user(DistrictCommander)))["first"]
    assert (first[0]["name"], first[0]["kind"]) == (city.grid.name, "open_reason_passed")
    assert [row["due_at"] for row in first] == sorted(row["due_at"] for row in first)
    names = set(Person.objects.values_list("name", flat=True))
    assert not any(name in json.dumps(first, ensure_ascii=False) for name in names)


def test_the_page_is_drawn_with_the_same_figures_before_any_script_runs(city: City) -> None:
    city.pass_by()
    follow_all()
    commander = city.district.user(DistrictCommander)
    response = browse(commander, purpose="").get(reverse("dashboard:cockpit"))
    shown = {one.figure.name: one.text for one in response.context["all"]}
    figures = response.context["picture"]["figures"]
    assert shown == {name: "–" if figures[name] is None else str(figures[name]) for name in shown}
    assert set(shown) >= {"people", "red", "passes_today", "overdue", "alerts_refused_at_gate", "orders_returned"}
    row = AuditRow.objects.get(deed=Deed.SEE_COCKPIT)
    assert (row.actor, row.role, row.subjects) == (commander.pk, "district_commander", [])


@pytest.mark.parametrize("name", ["cockpit", "cockpit_shapes", "cockpit_ticket"])
def test_strangers_are_refused_on_record(district: District, name: str) -> None:
    url = reverse(f"dashboard:{name}")
    for role in (GridWorker, Resident):
        stranger = district.user(role)
        assert browse(stranger).get(url).status_code == 403
        row = AuditRow.objects.get(actor=stranger.pk, outcome="refused")
        assert row.target == f"page:dashboard:{name}"
    assert browse(None).get(url).status_code == 302


def test_the_map_has_the_shapes_of_the_viewers_own_areas_alone(city: City) -> None:
    staff = city.district.user(CommunityStaff)
    shapes = browse(staff).get(reverse("dashboard:cockpit_shapes")).json()
    names = {feature["properties"]["name"] for feature in shapes["features"]}
    assert names == {city.district.grid.name, city.district.other_grid.name}
    assert shapes["is_schematic"] is True


def test_the_page_is_given_a_ticket_for_its_own_channel(district: District) -> None:
    commander = district.user(DistrictCommander)
    url = browse(commander).get(reverse("dashboard:cockpit_ticket")).json()["url"]
    listener = accept(url.partition("ticket=")[2], "cockpit")
    assert listener is not None
    assert listener.user() == commander
    assert accept(url.partition("ticket=")[2], "system") is None


def test_a_grid_in_which_nothing_is_open_is_not_listed_and_every_other_is(city: City) -> None:
    grids = queries.picture(queries.areas_of(city.district.user(DistrictCommander)))["grids"]
    rows = {row["area"]: (row["alerts"], row["orders"], row["overdue"]) for row in grids}
    assert rows == {city.grid.pk: (1, 1, 1), city.district.grid.pk: (5, 5, 0), city.community.pk: (1, 0, 0)}
    assert grids[0]["area"] == city.grid.pk
    assert make_person("新来", city.district.other_grid).area_id not in rows
