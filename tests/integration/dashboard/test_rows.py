"""Rows behind the cockpit's figures: exactly those that the figure counted, however much has happened since."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse

from citybrain.core import clock, paging
from citybrain.core.models import AuditRow, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, DistrictCommander, GridWorker, HealthOfficer, StreetStaff
from community.actions import orders
from community.models import Alert, WorkOrder
from dashboard import figures, queries, rows
from dashboard.as_of import AsOf
from tests.cockpit import CONTACT, COUGHS, City, at_a_gate, follow_all
from tests.codes import WELL, tell
from tests.orders import order_for
from tests.people import District, browse, make_person

pytestmark = [pytest.mark.django_db(transaction=True, databases=["default", "owner"]), pytest.mark.steady]

# For tests that need no commits: they are rolled back, which is faster.
rolled_back = pytest.mark.django_db

PAGES = ("cockpit_persons", "cockpit_passes", "cockpit_alerts", "cockpit_orders")
ALL = [figure for group in figures.GROUPS.values() for figure in group]


@pytest.fixture
def city(district: District) -> City:
    made = City(district)
    made.pass_by()
    follow_all()
    return made


def _everything_happens(city: City) -> None:
    """Change all that figures count: codes, persons, passes, alerts, orders and where they stand."""
    for number, person in enumerate(city.people):
        tell(person, *[("declaration", COUGHS), ("exposure", CONTACT), ("declaration", WELL)][number % 3], clock.now())
    for area in (city.district.grid, city.grid):
        order_for(make_person("新来", area), area)
    moves: dict[str, Callable[[WorkOrder], object]] = {
        "open": lambda order: orders.accept(order=order, by=city.worker),
        "accepted": lambda order: orders.arrive(order=order, by=city.worker),
        "reported": city.close,
        "returned": lambda order: orders.assign(order=order, to=city.worker, by=city.verifier),
    }
    for order in WorkOrder.objects.filter(area=city.district.grid, assignee=city.worker):
        if order.state in moves:
            moves[order.state](order)
    city.pass_by()
    follow_all()


def _count(client: Client, href: str) -> int:
    response = client.get(href)
    assert response.status_code == 200, href
    return int(response.context["count"])


def _shown(response: Any) -> list[Any]:
    return [row for row, _then in response.context["rows"]]


@pytest.mark.parametrize("role", [DistrictCommander, StreetStaff, CommunityStaff])
def test_each_figure_opens_exactly_as_many_rows_as_it_counted_however_much_has_happened_since(
    city: City, role: Any
) -> None:
    client = browse(city.district.user(role))
    page = client.get(reverse("dashboard:cockpit")).context
    counted = {one.figure.name: page["picture"]["figures"][one.figure.name] for one in page["all"]}
    links = {one.figure.name: one.href for one in page["all"] if one.href}
    assert len(links) == len(ALL) - 2, "all but yesterday's two"
    for times in (0, 1, 2):
        if times:
            _everything_happens(city)
        assert {name: _count(client, link) for name, link in links.items()} == {name: counted[name] for name in links}
    now = client.get(reverse("dashboard:cockpit")).context["picture"]["figures"]
    assert sum(now[name] != counted[name] for name in links) >= 8, "nothing much has happened"


def test_the_rows_are_the_very_ones_that_were_counted(city: City) -> None:
    commander = city.district.user(DistrictCommander)
    as_of = AsOf.now()
    states = {
        state: set(rows.persons(commander, as_of, state=state)) for state in ("green", "yellow", "red", "not_known")
    }
    open_then = set(Alert.objects.still_open().exclude(area__is_smoke=True))
    stood = {order.pk: order.state for order in WorkOrder.objects.still_open().exclude(area__is_smoke=True)}
    _everything_happens(city)
    for state, people in states.items():
        found = rows.persons(commander, as_of, state=state)
        assert set(found) == people, state
        assert {person.state_then for person in found} == {state}  # type: ignore[attr-defined]
    assert set(rows.alerts(commander, as_of)) == open_then
    found_orders = rows.orders(commander, as_of)
    assert {order.pk: order.state_then for order in found_orders} == stood  # type: ignore[attr-defined]
    assert {order.pk: order.state for order in found_orders} != stood


@contextmanager
def _under_way(work: Callable[[], object]) -> Iterator[None]:
    """Do some work in a transaction of another connection that commits when the block ends."""
    written, may_commit = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                work()
                written.set()
                may_commit.wait(20)
        finally:
            connections.close_all()

    other = threading.Thread(target=run)
    other.start()
    assert written.wait(20)
    try:
        yield
    finally:
        may_commit.set()
        other.join()


def test_what_was_under_way_while_the_picture_was_taken_is_in_none_of_its_rows(city: City) -> None:
    """It was written before the figure and committed after it: a time stamp would let it in."""
    commander = city.district.user(DistrictCommander)

    def work() -> None:
        order_for(make_person("新来", city.grid), city.grid)
        tell(city.people[1], "exposure", CONTACT, clock.now())
        city.close(WorkOrder.objects.get(state="reported"))
        at_a_gate(city.other_device, clock.now())

    with _under_way(work):
        # Begun later and committed earlier than what is under way: this one counts.
        order_for(make_person("先来", city.grid), city.grid)
        follow_all()
        picture = queries.picture(queries.areas_of(commander))
    follow_all()
    as_of = AsOf.read({name: value[0] for name, value in parse_qs(picture["links"]["as_of"]).items()})
    then, now = picture["figures"], queries.picture(queries.areas_of(commander))["figures"]
    for name, found in {
        "people": rows.persons(commander, as_of),
        "red": rows.persons(commander, as_of, state="red"),
        "alerts": rows.alerts(commander, as_of),
        "orders_reported": rows.orders(commander, as_of, state="reported"),
        "passes_today": rows.passes(commander, as_of, queries.spans_at(as_of.at)["today"]),
    }.items():
        assert found.count() == then[name], name
    assert {"先来"} == set(rows.persons(commander, as_of).filter(name__endswith="来").values_list("name", flat=True))
    assert [now[name] - then[name] for name in ("people", "red", "orders_reported", "passes_today")] == [1, 1, -1, 1]


def test_passes_lie_in_their_minutes_and_end_where_counting_had_come_to(city: City) -> None:
    commander = city.district.user(DistrictCommander)
    minute = clock.now().replace(second=0, microsecond=0) - dt.timedelta(minutes=5)
    span = (minute, minute + dt.timedelta(minutes=1))
    inside = [at_a_gate(city.device, at) for at in (minute, minute + dt.timedelta(seconds=59.9))]
    for outside in (minute - dt.timedelta(seconds=0.1), minute + dt.timedelta(minutes=1)):
        at_a_gate(city.device, outside)
    refused = at_a_gate(city.other_device, minute, "red")
    assert not rows.passes(commander, AsOf.now(), span), "nothing of it is counted yet"
    follow_all()
    as_of = AsOf.now()
    at_a_gate(city.device, minute)
    follow_all()
    assert set(rows.passes(commander, as_of, span)) == {*inside, refused}
    assert set(rows.passes(commander, as_of, span, result="refused")) == {refused}
    assert set(rows.passes(city.district.user(CommunityStaff), as_of, span)) == set(inside)
    assert rows.passes(commander, AsOf.now(), span).count() == 4
    never = AsOf(as_of.at, as_of.seen, None)
    assert not rows.passes(commander, never, span)


def test_pages_of_a_list_stay_at_its_moment(district: District) -> None:
    city = City(district)
    for number in range(60):
        make_person(f"居民{number + 100}", district.grid)
    client = browse(district.user(DistrictCommander))
    as_of = AsOf.now()
    expected = set(rows.persons(district.user(DistrictCommander), as_of, state="not_known"))
    link = figures.link_base(figures.PERSONS, state="not_known") + as_of.query
    found: list[Person] = []
    while link:
        response = client.get(link)
        found += _shown(response)
        for person in _shown(response)[:20]:
            tell(person, "declaration", WELL, clock.now())
        make_person("居民150", city.grid)
        following = response.context["next_page"]
        link = reverse(figures.PERSONS) + following if following else ""
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_a_list_opened_as_it_is_now_stays_at_its_moment_too(city: City) -> None:
    client = browse(city.district.user(DistrictCommander))
    for number in range(60):
        order_for(None, city.grid, subject=f"point:{number}")
    first = client.get(reverse("dashboard:cockpit_alerts"))
    Alert.objects.update(opened_at=clock.now())
    _everything_happens(city)
    second = client.get(reverse("dashboard:cockpit_alerts") + first.context["next_page"])
    assert second.context["count"] == first.context["count"] > 60
    assert second.context["as_of"] == first.context["as_of"]


# Who may see what


def test_rows_are_those_of_the_viewers_areas(city: City) -> None:
    as_of = AsOf.now()
    commander, street = city.district.user(DistrictCommander), city.district.user(StreetStaff, city.street)
    for found in (rows.persons, rows.alerts, rows.orders):
        all_areas = {row.area_id for row in found(commander, as_of)}
        own = {row.area_id for row in found(street, as_of)}
        assert {city.grid.pk} <= own < all_areas


@rolled_back
@pytest.mark.parametrize("name", PAGES)
def test_strangers_are_refused_on_record(district: District, name: str) -> None:
    url = reverse(f"dashboard:{name}")
    for role in (GridWorker, HealthOfficer):
        stranger = district.user(role)
        assert browse(stranger).get(url).status_code == 403
        row = AuditRow.objects.get(actor=stranger.pk, outcome="refused")
        assert row.target == f"page:dashboard:{name}"
    assert browse(None).get(url).status_code == 302


@pytest.mark.parametrize("name", ["cockpit_alerts", "cockpit_orders"])
def test_the_rows_of_another_ones_grid_are_refused_on_record(city: City, name: str) -> None:
    street = city.district.user(StreetStaff)
    url = reverse(f"dashboard:{name}")
    assert browse(street).get(url, {"area": city.grid.pk}).status_code == 404
    assert AuditRow.objects.get(actor=street.pk, outcome="refused").target == f"area:{city.grid.pk}"
    assert browse(street).get(url, {"area": city.district.grid.pk}).status_code == 200
    assert browse(street).get(url, {"area": 10**17}).status_code == 404


def test_a_row_among_those_due_first_opens_that_very_order_whatever_has_happened_since(city: City) -> None:
    client = browse(city.district.user(DistrictCommander))
    response = client.get(reverse("dashboard:cockpit"))
    first = next(row for row in response.context["first"] if row["state"] == "reported")
    as_of = AsOf.now()
    link = figures.link_base(figures.ORDERS, ref=first["ref"])
    assert link.replace("&", "&amp;") in response.content.decode()
    city.close(WorkOrder.objects.get(ref=first["ref"]))
    response = client.get(link + as_of.query)
    assert [str(row.ref) for row in _shown(response)] == [first["ref"]]
    assert first["short"] in response.content.decode()


def test_an_order_outside_the_viewers_areas_is_refused_on_record_and_a_damaged_ref_is_a_damaged_link(
    city: City,
) -> None:
    street, url = city.district.user(StreetStaff), reverse("dashboard:cockpit_orders")
    ref = str(WorkOrder.objects.filter(area=city.grid)[0].ref)
    assert browse(street).get(url, {"ref": ref}).status_code == 404
    assert AuditRow.objects.get(actor=street.pk, outcome="refused").target == f"order:{ref}"
    for damaged in (ref[:8], ref.replace("-", ""), ref + "0", "x\x00", "{" + ref + "}"):
        assert browse(street).get(url, {"ref": damaged}).status_code == 400


def test_the_number_of_rows_is_written_as_the_figure_is(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "capped_count", lambda _rows: 2002)
    client = browse(city.district.user(DistrictCommander))
    assert "2,002" in client.get(reverse("dashboard:cockpit_orders")).content.decode()


def test_residents_are_named_masked_for_a_purpose_and_on_record(city: City) -> None:
    commander = city.district.user(DistrictCommander)
    url = reverse("dashboard:cockpit_persons")
    assert browse(commander, purpose="").get(url).url.startswith(reverse("core:purpose"))  # type: ignore[attr-defined]
    response = browse(commander).get(url, {"state": "red"})
    people = _shown(response)
    assert people
    page = response.content.decode()
    assert not any(name in page for name in Person.objects.values_list("name", flat=True))
    row = AuditRow.objects.get(deed=Deed.SEE_LIST)
    assert row.subjects == sorted(person.pk for person in people)
    assert (row.role, row.purpose, row.detail) == ("district_commander", "visit", {"by": ["state"]})


@pytest.mark.parametrize(
    ("name", "deed"),
    [("cockpit_passes", Deed.SEE_PASSES), ("cockpit_alerts", Deed.SEE_ALERTS), ("cockpit_orders", Deed.SEE_ALERTS)],
)
def test_lists_of_what_happened_name_nobody_and_are_on_record(city: City, name: str, deed: Deed) -> None:
    response = browse(city.district.user(DistrictCommander), purpose="").get(reverse(f"dashboard:{name}"))
    page = response.content.decode()
    shown = _shown(response)
    assert shown
    for person in Person.objects.exclude(name__in=["新来"]):
        assert person.masked_name not in page
        assert str(person.ref) not in page
    row = AuditRow.objects.get(deed=deed)
    assert (row.subjects, row.detail) == ([], {"rows": len(shown)})
