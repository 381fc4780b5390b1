"""Each list page asks the database a known number of statements, however many rows it shows."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from citybrain.core import audit, clock, roles
from citybrain.core.models import Delivery, Event, Membership, RefusalNotice, User
from citybrain.core.models.audit import Deed
from community.models import Building, Estate, Household, HouseholdMember, Room
from tests.people import District, browse, make_person
from tests.repo.pages import pages

KNOWN = Path(__file__).with_name("query_counts.json")
ROWS = 30
LISTS = (
    ("community:residents", roles.CommunityStaff),
    ("community:map", roles.CommunityStaff),
    ("community:estates", roles.CommunityStaff),
    ("community:estates", roles.PropertyCompany),
    ("community:api_residents", roles.CommunityStaff),
    ("community:api_map", roles.CommunityStaff),
    ("core:areas", roles.GridWorker),
    ("core:audit", roles.Auditor),
    ("core:looks", roles.Resident),
    ("core:members", roles.Employer),
    ("core:status", roles.SystemAdministrator),
    ("dashboard:home", roles.Resident),
    ("dashboard:home", roles.CommunityStaff),
    ("dashboard:home", roles.Employer),
    ("dashboard:home", roles.Auditor),
)
# Pages that show one thing or do one thing.
NO_LISTS = {
    "community:api_resident",
    "community:export",
    "community:find",
    "community:resident",
    "community:unmask",
    "core:me",
    "core:purpose",
    "core:requeue",
}


@pytest.mark.parametrize(("name", "role"), LISTS, ids=[f"{name}-{role.codename}" for name, role in LISTS])
def test_a_list_page_asks_as_many_statements_as_are_pinned_however_many_rows_there_are(
    name: str, role: type[roles.Role], district: District
) -> None:
    url = reverse(name, kwargs={"pk": district.employer.pk} if name == "core:members" else {})
    client = browse(district.user(role))
    key = f"{name} as {role.codename}"
    few = _statements(client, url)
    known = json.loads(KNOWN.read_text()).get(key)
    assert len(few) == known, _advice(f"{key}: {len(few)} statements, {KNOWN.name} says {known}", few)
    _fill(district)
    many = _statements(client, url)
    assert len(many) == known, _advice(f"{key}: {len(many)} statements with {ROWS} more rows, {known} without", many)


def test_every_list_page_has_its_count_pinned() -> None:
    listed = {name for name, _role in LISTS}
    assert listed | NO_LISTS == {page.name for page in pages() if page.needs_act}, (
        "name a new page in LISTS or NO_LISTS"
    )
    assert set(json.loads(KNOWN.read_text())) == {f"{name} as {role.codename}" for name, role in LISTS}


def _statements(client: Client, url: str) -> list[str]:
    """Return the SQL of the second visit: the first one fills the process's caches."""
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        client.get(url)
    return [query["sql"] for query in captured.captured_queries]


def _advice(problem: str, statements: list[str]) -> str:
    advice = f"if that is meant, set the figure in tests/integration/{KNOWN.name} and give the reason in the commit"
    return "\n  ".join([f"{problem}; {advice}", *(sql[:200] for sql in statements)])


def _fill(district: District) -> None:
    """Add rows to every list: residents with households and employer, looks by different staff, parked deliveries."""
    estate = Estate.objects.get()
    now: dict[str, Any] = {"at": clock.now(), "on": clock.today()}
    for number in range(ROWS):
        person = make_person(f"居民{number}", district.grid, phone=f"1990001{number:04}")
        building = Building.objects.create(estate=estate, area=district.grid, name=f"{number + 10}幢")
        room = Room.objects.create(building=building, unit=1, floor=1, number="101")
        household = Household.objects.create(room=room)
        HouseholdMember.objects.create(household=household, person=person, relation="head")
        Membership.objects.create(person=person, organisation=district.employer)
        staff = User.objects.create(username=f"staff-{number}", password="!")
        audit.record(Deed.SEE_PERSON, by=staff, purpose="visit", subjects=[district.zhang.pk])
        RefusalNotice.objects.create(actor=staff.pk, on=now["on"], count=99, first_at=now["at"], last_at=now["at"])
        event = Event.objects.create(kind="look.refused", payload={})
        Delivery.objects.create(event=event, handler="planted", state=Delivery.State.PARKED, due_at=now["at"])
