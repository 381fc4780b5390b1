"""Each list page asks the database a known number of statements, however many rows it shows."""

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accesslog.models import PassCursor
from citybrain.core import audit, clock, roles
from citybrain.core.actions.areas import create_area
from citybrain.core.models import Area, Delivery, Event, Membership, RefusalNotice, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community.models import Building, Estate, Household, HouseholdMember, Room
from healthcode.models import CodeChange, RuleActivation
from tests.codes import WELL, adopt, tell
from tests.gates import make_gate
from tests.orders import bring_to, order_for
from tests.passages import make_device, write_pass
from tests.people import SINCE, SQUARE, District, browse, make_person
from tests.repo import tree
from tests.repo.pages import pages

KNOWN = Path(__file__).with_name("query_counts.json")
FEW, MANY = 2, 32
LISTS = (
    ("accesslog:own_passes", roles.Resident),
    ("accesslog:places", roles.CommunityStaff),
    ("community:residents", roles.CommunityStaff),
    ("community:map", roles.CommunityStaff),
    ("community:estates", roles.CommunityStaff),
    ("community:estates", roles.PropertyCompany),
    ("community:orders", roles.GridWorker),
    ("community:to_verify", roles.CommunityStaff),
    ("community:alerts", roles.CommunityStaff),
    ("community:duty", roles.CommunityStaff),
    ("community:api_residents", roles.CommunityStaff),
    ("community:api_map", roles.CommunityStaff),
    ("core:areas", roles.GridWorker),
    ("core:audit", roles.Auditor),
    ("core:looks", roles.Resident),
    ("core:members", roles.Employer),
    ("core:status", roles.SystemAdministrator),
    ("healthcode:why", roles.Resident),
    ("dashboard:home", roles.Resident),
    ("dashboard:home", roles.CommunityStaff),
    ("dashboard:home", roles.Employer),
    ("dashboard:home", roles.Auditor),
    ("dashboard:cockpit", roles.DistrictCommander),
    ("dashboard:cockpit_alerts", roles.DistrictCommander),
    ("dashboard:cockpit_orders", roles.DistrictCommander),
    ("dashboard:cockpit_passes", roles.DistrictCommander),
    ("dashboard:cockpit_persons", roles.DistrictCommander),
    ("dashboard:cockpit_shapes", roles.DistrictCommander),
)
# Pages that show one thing or do one thing.
NO_LISTS = {
    "accesslog:add_device",
    "accesslog:add_point",
    "accesslog:certificate",
    "accesslog:change_place",
    "accesslog:document",
    "accesslog:enrol",
    "accesslog:gate",
    "accesslog:new_place",
    "accesslog:offer_code",
    "accesslog:place",
    "accesslog:result",
    "accesslog:revoke_device",
    "accesslog:scan",
    "community:accept",
    "community:api_resident",
    "community:arrive",
    "community:assign",
    "community:close",
    "community:order",
    "community:orders_state",
    "community:orders_ticket",
    "community:report",
    "community:return",
    "community:take_back",
    "community:verify",
    "community:visit_photo",
    "community:export",
    "community:find",
    "community:resident",
    "community:unmask",
    "core:api_schema",
    "core:me",
    "core:password",
    "core:purpose",
    "core:requeue",
    "core:ticket",
    "dashboard:cockpit_ticket",
    "healthcode:code",
    "healthcode:declare",
    "healthcode:declare_done",
    "healthcode:declare_page",
    "healthcode:declare_review",
    "healthcode:picture",
    "healthcode:renew",
}


@pytest.mark.slow
def test_list_pages_ask_as_many_statements_as_are_pinned_however_many_rows_there_are(district: District) -> None:
    _fill(district, range(FEW))
    few = _statements(district)
    _fill(district, range(FEW, MANY))
    many = _statements(district)
    known = json.loads(KNOWN.read_text())
    changed = (
        "\n    ".join([f"{page}: {len(statements)} statements instead of {known.get(page)}", *statements])
        for page in few
        for statements in (few[page], many[page])
        if len(statements) != known.get(page)
    )
    advice = f"if that is meant, set the figure in tests/integration/{KNOWN.name} and give the reason in the commit"
    tree.expect_none(changed, advice)


def test_every_list_page_has_its_count_pinned() -> None:
    listed = {name for name, _role in LISTS}
    assert listed | NO_LISTS == {page.name for page in pages() if page.needs_act}, (
        "name a new page in LISTS or NO_LISTS"
    )
    assert set(json.loads(KNOWN.read_text())) == {f"{name} as {role.codename}" for name, role in LISTS}


def _statements(district: District) -> dict[str, list[str]]:
    """Return each page's SQL at the second visit: the first one fills the process's caches."""
    asked = {}
    for name, role in LISTS:
        client = browse(district.user(role))
        url = reverse(name, kwargs={"pk": district.employer.pk} if name == "core:members" else {})
        assert client.get(url).status_code == 200, f"{name} as {role.codename}"
        with CaptureQueriesContext(connection) as captured:
            client.get(url)
        asked[f"{name} as {role.codename}"] = [" ".join(query["sql"].split())[:160] for query in captured]
    return asked


def _fill(district: District, numbers: range) -> None:
    """Add a row for each number to every list: grids, residents, orders, looks, refusals and so on."""
    estate = Estate.objects.get()
    at, on = clock.now(), clock.today()
    worker = district.user(roles.CommunityStaff)
    rules = (RuleActivation.objects.first() or adopt()).rule_set
    # As if the consumer had read every pass.
    counted = {"era": 0, "xid": 2**62, "last_pass": 0, "moved_at": at}
    PassCursor.objects.get_or_create(name="watch", defaults=counted)
    for number in numbers:
        tell(district.zhang, "declaration", {**WELL, "symptoms": ["cough"]}, at)
        CodeChange.objects.create(person=district.zhang, before="green", after="yellow", at=at, rule_set=rules)
        grid = create_area(
            level=Area.Level.GRID,
            code=f"{district.community.code}{number + 100}",
            name=f"第{number}网格",
            parent=district.community,
            valid_from=SINCE,
            by=None,
        )
        Area.objects.filter(pk=grid.pk).update(boundary=SQUARE)
        person = make_person(f"居民{number}", grid, phone=f"1990002{number:04}")
        building = Building.objects.create(estate=estate, area=grid, name=f"{number + 10}幢")
        room = Room.objects.create(building=building, unit=1, floor=1, number="101")
        household = Household.objects.create(room=room)
        HouseholdMember.objects.create(household=household, person=person, relation="head")
        Membership.objects.create(person=person, organisation=district.employer)
        stranger = User.objects.create(username=f"staff-{number}", password="!")
        for looking in (stranger, worker):
            audit.record(Deed.SEE_PERSON, by=looking, under=Act.SEE_PEOPLE, subjects=[district.zhang.pk])
        RefusalNotice.objects.create(actor=stranger.pk, on=on, count=99, first_at=at, last_at=at)
        hand, eyes = district.user(roles.GridWorker), worker
        order_for(person, grid)
        order_for(person, district.grid, kind="open_reason_passed")
        bring_to(order_for(None, district.grid, subject=f"point:{number}"), "reported", worker=hand, verifier=eyes)
        make_gate(district, f"店{number}")
        write_pass(make_device(grid, f"门{number}"), person)
        event = Event.objects.create(kind="look.refused", payload={}, created_at=at)
        Delivery.objects.create(event=event, handler="planted", state=Delivery.State.PARKED, due_at=at)
