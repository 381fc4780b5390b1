"""Links of the cockpit's figures: what is damaged, from the future or from before a restore is told from what holds."""

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection, connections
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from citybrain.core import clock
from citybrain.core.models import Person, XidEra
from citybrain.core.roles import DistrictCommander
from community.models import Alert, OrderStep, WorkOrder
from dashboard import figures, queries, rows
from dashboard.as_of import AsOf, Counted, DamagedLinkError
from healthcode.models import CodeChange
from tests.cockpit import City, follow_all
from tests.people import District, browse

pytestmark = [pytest.mark.django_db(transaction=True, databases=["default", "owner"]), pytest.mark.steady]
# For tests that need no commits: they are rolled back, which is faster.
rolled_back = pytest.mark.django_db

PAGES = ("cockpit_persons", "cockpit_passes", "cockpit_alerts", "cockpit_orders")


@pytest.fixture
def city(district: District) -> City:
    made = City(district)
    made.pass_by()
    follow_all()
    return made


GOOD = {"at": "2026-01-01T00:00:00Z", "seen": "3:3:"}


@rolled_back
@pytest.mark.parametrize(
    "damage",
    [
        {"seen": ""},
        {"seen": "3"},
        {"seen": "3:3"},
        {"seen": "5:3:"},
        {"seen": "0:3:"},
        {"seen": "3:9:2"},
        {"seen": "3:9:9"},
        {"seen": "3:9:5,4"},
        {"seen": "3:9:4,,5"},
        {"seen": "３:３:"},
        {"seen": "3:99999999999999999999:"},
        {"seen": "3:9223372036854775807:"},
        {"seen": "3:9:\x00"},
        {"seen": "3:3:'); DROP TABLE core_person; --"},
        {"seen": "3:9:" + ",".join(["4"] * 20_000)},
        {"at": ""},
        {"at": "yesterday"},
        {"at": "2026-01-01T00:00:00"},
        {"at": "0001-01-01T00:00:00Z"},
        {"at": "9999-12-31T23:59:59Z"},
        {"at": "2150-01-01T00:00:00Z"},
        {"to": "1.2"},
        {"to": "1.2.3"},
        {"to": "a.b.c"},
        {"to": "1.2.3.4"},
    ],
)
@pytest.mark.parametrize("name", PAGES)
def test_a_damaged_link_says_so_and_what_to_do(district: District, name: str, damage: dict[str, str]) -> None:
    response = browse(district.user(DistrictCommander)).get(reverse(f"dashboard:{name}"), {**GOOD, **damage})
    assert response.status_code == 400
    assert reverse("dashboard:cockpit") in response.content.decode()


@rolled_back
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("cockpit_persons", {"state": "blue"}),
        ("cockpit_persons", {"state": "green\x00"}),
        ("cockpit_passes", {"result": "blue"}),
        ("cockpit_passes", {"from": "2026-01-01T00:00:00Z"}),
        ("cockpit_passes", {"until": "2026-01-01T00:00:00Z"}),
        ("cockpit_passes", {"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}),
        ("cockpit_passes", {"from": "2026-01-01T00:00:01Z", "until": "2026-01-01T00:01:01Z"}),
        ("cockpit_passes", {"from": "2025-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}),
        ("cockpit_alerts", {"kind": "blue"}),
        ("cockpit_alerts", {"area": "x"}),
        ("cockpit_alerts", {"area": "-1"}),
        ("cockpit_alerts", {"area": "1" * 30}),
        ("cockpit_orders", {"state": "closed"}),
        ("cockpit_orders", {"overdue": "0"}),
    ],
)
def test_a_link_that_narrows_to_what_there_is_not_says_so(
    district: District, name: str, damage: dict[str, str]
) -> None:
    assert browse(district.user(DistrictCommander)).get(reverse(f"dashboard:{name}"), damage).status_code == 400


@pytest.mark.parametrize("after", ["x", "\x00", "9" * 40, "00000000-0000-0000-0000-000000000001", "-1"])
def test_a_damaged_place_in_a_list_begins_it_anew_or_is_refused(city: City, after: str) -> None:
    client = browse(city.district.user(DistrictCommander))
    for name in PAGES:
        response = client.get(reverse(f"dashboard:{name}"), {"after": after})
        assert response.status_code in {200, 404}, name


@rolled_back
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seen=st.one_of(
        st.text(max_size=30),
        st.from_regex(r"[0-9]{1,20}:[0-9]{1,20}:([0-9]{1,20},?){0,3}", fullmatch=True),
        st.tuples(st.integers(0, 900), st.integers(0, 900), st.lists(st.integers(0, 900), max_size=3)).map(
            lambda parts: f"{parts[0]}:{parts[1]}:{','.join(map(str, parts[2]))}"
        ),
    ),
    at=st.one_of(st.text(max_size=30), st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")),
    to=st.one_of(
        st.just(""), st.text(max_size=12), st.from_regex(r"[0-9]{1,19}\.[0-9]{1,19}\.[0-9]{1,19}", fullmatch=True)
    ),
)
def test_no_text_in_a_link_is_more_than_a_damaged_link(db: None, seen: str, at: str, to: str) -> None:
    try:
        as_of = AsOf.read({"seen": seen, "at": at, "to": to})
    except DamagedLinkError:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::pg_snapshot::text", [as_of.seen])
        assert cursor.fetchone()


def test_a_link_of_what_has_not_been_yet_is_damaged(district: District) -> None:
    now = AsOf.now()
    end = int(now.seen.split(":")[1])
    for params in (
        {**now.params, "seen": f"{end + 9}:{end + 9}:"},
        {**now.params, "at": "2100-01-01T00:00:00Z"},
        {**now.params, "to": "0.9999.1"},
    ):
        with pytest.raises(DamagedLinkError):
            AsOf.read(params)
    assert AsOf.read(now.params) == now


def test_a_link_from_before_a_restore_is_damaged_and_one_made_since_is_not(city: City) -> None:
    before = AsOf.now().params
    eras = XidEra.objects.using("owner")
    eras.create(system_identifier="1", started_at=clock.now())
    assert AsOf.read(before), "the first era only says that nothing was restored yet"
    eras.create(system_identifier="2", started_at=clock.now(), after_row=1)
    with pytest.raises(DamagedLinkError):
        AsOf.read(before)
    assert AsOf.read(AsOf.now().params)


def test_what_was_written_before_a_restore_is_among_the_rows_after_it(city: City) -> None:
    """A restored cluster counts its transactions anew, so the rows that it was given have numbers yet to come."""
    commander = city.district.user(DistrictCommander)
    with connections["owner"].cursor() as cursor:
        for table, column in {
            Alert: "opened_in",
            WorkOrder: "opened_in",
            Person: "entered_in",
            CodeChange: "xid",
            OrderStep: "xid",
        }.items():
            cursor.execute(f"UPDATE {table._meta.db_table} SET {column} = '9000000000000'")
    page = browse(commander).get(reverse("dashboard:cockpit")).context
    for one in page["all"]:
        if one.href and one.figure.list != figures.PASSES:
            count = browse(commander).get(one.href).context["count"]
            assert count == page["picture"]["figures"][one.figure.name], one.figure.name


def test_passes_of_an_era_are_told_from_those_of_the_next_by_when_they_were_received(city: City) -> None:
    commander = city.district.user(DistrictCommander)
    now = clock.now()
    eras = XidEra.objects.using("owner")
    first = eras.create(system_identifier="1", started_at=now - dt.timedelta(days=9))
    second = eras.create(system_identifier="2", started_at=now + dt.timedelta(hours=1), after_row=1)
    span = queries.spans_at(now)["today"]
    all_counted = rows.passes(commander, AsOf(now, "3:3:", Counted(first.pk, 2**60, 0)), span).count()
    assert all_counted == 4
    assert rows.passes(commander, AsOf(now, "3:3:", Counted(first.pk, 1, 0)), span).count() == 0
    assert rows.passes(commander, AsOf(now, "3:3:", Counted(second.pk, 1, 0)), span).count() == all_counted


def test_the_link_survives_being_parsed_as_browsers_do(district: District) -> None:
    as_of = AsOf.now()
    parsed = {name: value[0] for name, value in parse_qs(urlsplit(f"/?{as_of.query}").query).items()}
    assert AsOf.read(parsed) == as_of
    assert "+" not in as_of.query
