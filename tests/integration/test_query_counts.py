"""Each list page asks the database a known number of statements, however many rows it shows."""

import datetime as dt
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accesslog.models import PassCursor
from citybrain.core import audit, clock, roles
from citybrain.core.actions import erasure
from citybrain.core.actions.areas import create_area
from citybrain.core.models import Area, Delivery, Event, Membership, RefusalNotice, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community.models import Building, CareRequest, Estate, Household, HouseholdMember, Room
from healthcode.actions import appeal
from healthcode.models import CodeChange, Isolation, RuleActivation, RuleSet
from tests.appeals import appeal_of
from tests.changed_rules import approved, proposed, tried
from tests.codes import WELL, adopt, tell
from tests.families import acts_for
from tests.gates import make_gate
from tests.orders import bring_to, order_for
from tests.orders import tell as raise_alert
from tests.passages import make_device, write_pass
from tests.people import SINCE, SQUARE, District, browse, make_person
from tests.programs import fill_lists
from tests.recording import held_evidence
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
    ("healthcode:own_appeals", roles.Resident),
    ("healthcode:appeals", roles.StreetStaff),
    ("core:erasures", roles.StreetStaff),
    ("healthcode:check_in", roles.Resident),
    ("healthcode:family", roles.Resident),
    ("healthcode:family_to_check", roles.CommunityStaff),
    ("healthcode:isolations", roles.HealthOfficer),
    ("community:care", roles.GridWorker),
    ("community:ask", roles.Resident),
    ("healthcode:rule_changes", roles.HealthOfficer),
    ("healthcode:rule_proposals", roles.DistrictCommander),
    ("healthcode:recording", roles.HealthOfficer),
    ("healthcode:holds", roles.DistrictCommander),
    ("healthcode:holds_trail", roles.Auditor),
    ("healthcode:corrections", roles.Resident),
    ("healthcode:corrections_to_decide", roles.CommunityStaff),
    ("healthcode:app_keys", roles.SystemAdministrator),
    ("healthcode:app_key_proposals", roles.DistrictCommander),
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
    "healthcode:family_again",
    "healthcode:family_check",
    "healthcode:family_code",
    "healthcode:family_declare",
    "healthcode:family_declare_done",
    "healthcode:family_declare_page",
    "healthcode:family_declare_review",
    "healthcode:family_end",
    "healthcode:family_new",
    "healthcode:family_new_page",
    "healthcode:family_new_review",
    "healthcode:family_picture",
    "healthcode:family_proof",
    "healthcode:family_why",
    "healthcode:present",
    "healthcode:present_declare",
    "healthcode:present_declare_done",
    "healthcode:present_declare_page",
    "healthcode:present_declare_review",
    "healthcode:present_new",
    "healthcode:present_new_page",
    "healthcode:present_new_review",
    "healthcode:present_no_document",
    "core:erasure",
    "core:erasure_answer",
    "core:erasure_take_back",
    "core:own_data",
    "core:own_data_file",
    "healthcode:appeal",
    "healthcode:appeal_add",
    "healthcode:appeal_ask",
    "healthcode:appeal_case",
    "healthcode:appeal_confirm",
    "healthcode:appeal_new",
    "healthcode:appeal_paper",
    "healthcode:appeal_photo",
    "healthcode:appeal_propose",
    "healthcode:appeal_review",
    "healthcode:appeal_send_back",
    "healthcode:appeal_take",
    "healthcode:appeal_take_back",
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
    "accesslog:paper",
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
    "community:ask_for",
    "healthcode:check_in_record",
    "healthcode:check_in_done",
    "healthcode:check_in_for",
    "healthcode:check_in_for_done",
    "healthcode:isolation_confirm",
    "healthcode:isolation_find",
    "healthcode:isolation_order",
    "healthcode:isolation_release",
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
    "healthcode:code_more",
    "healthcode:code_open",
    "healthcode:code_state",
    "healthcode:api_code_call",
    "healthcode:api_consents",
    "healthcode:api_correction",
    "healthcode:api_evidence",
    "healthcode:api_health_declaration",
    "healthcode:api_health_query",
    "healthcode:api_make_code",
    "healthcode:api_trip_declaration",
    "healthcode:api_verify_code",
    "healthcode:app_key",
    "healthcode:app_key_decide",
    "healthcode:app_key_new",
    "healthcode:app_key_proposal",
    "healthcode:app_key_revoke",
    "healthcode:app_key_secret",
    "healthcode:app_key_stop",
    "healthcode:correction",
    "healthcode:correction_case",
    "healthcode:correction_decide",
    "healthcode:correction_new",
    "healthcode:correction_paper",
    "healthcode:correction_photo",
    "healthcode:correction_take_back",
    "healthcode:declare",
    "healthcode:declare_done",
    "healthcode:declare_page",
    "healthcode:declare_review",
    "healthcode:paper",
    "healthcode:paper_give_up",
    "healthcode:paper_lost",
    "healthcode:paper_make",
    "healthcode:paper_of",
    "healthcode:paper_of_make",
    "healthcode:paper_of_print",
    "healthcode:paper_of_void",
    "healthcode:paper_print",
    "healthcode:renew",
    "healthcode:decide_hold",
    "healthcode:decide_rules",
    "healthcode:held",
    "healthcode:hold",
    "healthcode:hold_paper",
    "healthcode:record",
    "healthcode:record_list",
    "healthcode:record_list_example",
    "healthcode:record_person",
    "healthcode:recorded",
    "healthcode:withdraw",
    "healthcode:new_risk_list",
    "healthcode:new_rule_set",
    "healthcode:propose_rules",
    "healthcode:risk_list",
    "healthcode:rule_proposal",
    "healthcode:rule_proposal_people",
    "healthcode:rule_set",
    "healthcode:rule_trial",
    "healthcode:rule_trial_people",
    "healthcode:take_back_rules",
    "healthcode:try_rules",
}


@pytest.mark.steady
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
    trial = tried(district, RuleSet.objects.earliest("pk"))
    # As if the consumer had read every pass.
    counted = {"era": 0, "xid": 2**62, "last_pass": 0, "moved_at": at}
    PassCursor.objects.get_or_create(name="watch", defaults=counted)
    for number in numbers:
        tell(district.zhang, "declaration", {**WELL, "symptoms": ["cough"]}, at)
        isolated = make_person(f"隔离{number}", district.grid)
        held_evidence(district, isolated)
        fill_lists(district, isolated, number)
        exposure = tell(isolated, "exposure", {"grade": "secondary"}, at, true_at=at - timedelta(days=2))
        Isolation.objects.create(
            person=isolated, order=exposure, place="home", area=district.grid, first_day=on, last_day=on, grounds=["x"]
        )
        alert = raise_alert(district.zhang, district.grid, kind="care_needed")
        CareRequest.objects.create(person=district.zhang, alert=alert, wants=["food"], asked_at=at, asked_by=worker.pk)
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
        acts_for(district.user(roles.Resident), person, grid)
        order_for(person, grid)
        order_for(person, district.grid, kind="open_reason_passed")
        bring_to(order_for(None, district.grid, subject=f"point:{number}"), "reported", worker=hand, verifier=eyes)
        resident = district.user(roles.Resident)
        appeal.take_back(appeal=appeal_of(district.zhang, resident, ""), by=resident)
        appeal_of(person, resident)
        erasure.ask(person=person, by=resident)
        make_gate(district, f"店{number}")
        write_pass(make_device(grid, f"门{number}"), person)
        event = Event.objects.create(kind="look.refused", payload={}, created_at=at)
        Delivery.objects.create(event=event, handler="planted", state=Delivery.State.PARKED, due_at=at)
        proposed(district, trial)
        approved(district, proposed(district, trial, at + dt.timedelta(days=1, minutes=number)))
        RuleSet.objects.create(name=f"r{number}", version="1", body=trial.rule_set.body, digest="x", created_at=at)
