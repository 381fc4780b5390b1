"""Every page of the product in its states, each as whoever meets it, with a district at work behind it."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from cryptography.exceptions import InvalidTag
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accesslog import devices
from citybrain.core import audit, clock, roles
from citybrain.core.actions import erasure
from citybrain.core.models import AuditRow, Delivery, Event, Person, RefusalNotice, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community.models import Duty, WorkOrder
from healthcode import declaring
from healthcode.actions import appeal_case
from healthcode.actions import trial as trials
from tests import (
    appeals,
    changed_rules,
    codes,
    declarations,
    gates,
    walk_family,
    walk_isolation,
    walk_paper,
    walk_programs,
    walk_recording,
)
from tests.cockpit import City, follow_all
from tests.declarations import CALM, NEW_PHONE, account
from tests.orders import order_for, picture
from tests.passages import write_pass
from tests.people import LI_ID, ZHANG_ID, District, browse

SENT_PHONE = "19900008888"
# Addresses that answer with no page: data, pictures, or a redirect to a page of the walk.
NO_PAGES = {
    "accesslog:add_device": "redirects, or shows the page of the place",
    "accesslog:revoke_device": "redirects",
    "accesslog:scan": "JSON",
    "community:accept": "redirects",
    "community:api_map": "JSON",
    "community:api_resident": "JSON",
    "community:api_residents": "JSON",
    "community:arrive": "redirects",
    "community:assign": "redirects, or shows the page to verify",
    "community:close": "redirects",
    "community:export": "a file",
    "community:orders_state": "JSON",
    "community:orders_ticket": "JSON",
    "community:visit_photo": "a picture",
    "community:take_back": "redirects",
    "core:api_schema": "JSON",
    "core:healthz": "JSON",
    "core:language": "redirects",
    "core:mode": "redirects",
    "core:out": "redirects",
    "core:requeue": "redirects",
    "core:ticket": "JSON",
    "healthcode:isolation_confirm": "redirects",
    "dashboard:cockpit_shapes": "JSON",
    "dashboard:cockpit_ticket": "JSON",
    "healthcode:code_key": "JSON",
    "healthcode:code_more": "a part of the code page",
    "healthcode:code_open": "redirects",
    "healthcode:code_state": "JSON",
    "healthcode:code_worker": "a script",
    "core:erasure_take_back": "redirects",
    "core:own_data_file": "a file",
    "healthcode:appeal_confirm": "redirects, or shows the case",
    "healthcode:appeal_paper": "a picture",
    "healthcode:appeal_photo": "a picture",
    "healthcode:appeal_review": "redirects",
    "healthcode:appeal_take": "redirects, or shows the case",
    "healthcode:appeal_take_back": "redirects",
    "healthcode:picture": "a picture",
    "healthcode:decide_rules": "redirects, or shows the proposal",
    "healthcode:risk_areas_file": "a file",
    "healthcode:rules_file": "JSON",
    "healthcode:take_back_rules": "redirects",
    "healthcode:try_rules": "redirects, or shows the page of changes",
}
NO_PAGES |= walk_family.NO_PAGES | walk_paper.NO_PAGES | walk_recording.NO_PAGES | walk_programs.NO_PAGES
Ask = Callable[[Client], HttpResponse]


@dataclass(frozen=True)
class Stop:
    """One page in one state. With `ask`, a test client asks for it: pages that only a form or a fault brings forth."""

    page: str
    who: str
    url: str
    says: str = ""
    status: int = 200
    ask: Ask | None = None

    @property
    def name(self) -> str:
        """What a fault is reported under."""
        return f"{self.page} as {self.who}{f' ({self.says})' if self.says else ''}"


@dataclass
class Walk:
    """All stops, and the browser of each who walks."""

    district: District
    clients: dict[str, Client] = field(default_factory=dict)
    stops: list[Stop] = field(default_factory=list)
    # Questions of the declaration that are stops already.
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Let the district work, then name every page of it."""
        self.city = City(self.district)
        self.nowhere = self.city.area("community", "330103009002", self.city.street)
        self.clients["nobody"] = Client()
        for part in (
            _visitors,
            _residents,
            _isolated,
            _declaring,
            _gates,
            _grid_workers,
            _community,
            _command,
            _rules,
            _recording,
            _appeals,
            _families,
            _programs,
            _faults,
        ):
            self.stops += part(self)

    def client(self, who: str, user: User, purpose: str = "visit") -> Client:
        """Return the browser of somebody, signed in at first use."""
        return self.clients.setdefault(who, browse(user, purpose))

    def role(self, role: type[roles.Role], **on: Any) -> str:
        """Sign in somebody of a role; return who that is."""
        who = f"{role.codename}{'-elsewhere' if on else ''}"
        self.client(who, self.district.user(role, **on))
        return who


def _get(page: str, who: str, *args: Any, query: str = "", says: str = "", status: int = 200) -> Stop:
    return Stop(page, who, f"{reverse(page, args=args)}{query}", says or query, status)


def _post(page: str, who: str, *args: Any, says: str, data: Mapping[str, Any], status: int = 200) -> Stop:
    url = reverse(page, args=args)
    return Stop(page, who, url, says, status, lambda client: client.post(url, data))  # type: ignore[arg-type,return-value]


def _visitors(walk: Walk) -> Iterator[Stop]:
    yield _get("core:design", "nobody")
    yield _get("core:sign_in", "nobody")
    yield _post("core:sign_in", "nobody", says="with errors", data={"phone": "12"})
    yield _get("core:staff", "nobody")
    yield _post("core:staff", "nobody", says="with errors", data={"username": "x", "password": "y"})
    walk.clients["waiting"] = waiting = Client()
    waiting.post(reverse("core:sign_in"), {"phone": "19900003456"})
    yield _get("core:code", "waiting")
    yield _post("core:code", "waiting", says="with errors", data={"code": "12"})


def _residents(walk: Walk) -> Iterator[Stop]:
    people: list[Person] = walk.city.people
    states = dict(zip(("not_known", "green", "yellow", "red", "expired"), people, strict=False))
    gates.set_state(states["expired"], "expired")
    for number, (state, person) in enumerate(states.items()):
        walk.client(state, walk.district.resident(person, f"1990000{number:04}"), purpose="")
        yield _get("healthcode:code", state)
        yield _get("healthcode:why", state)
        yield _get("dashboard:home", state)
    yellow = states["yellow"]
    codes.tell(yellow, "exposure", {"grade": "secondary"}, clock.now())
    write_pass(walk.city.device, yellow)
    write_pass(walk.city.device, yellow, result="red")
    for user, outcome in ((walk.city.worker, AuditRow.Outcome.DONE), (walk.city.verifier, AuditRow.Outcome.REFUSED)):
        audit.record(Deed.SEE_PERSON, by=user, under=Act.SEE_PEOPLE, subjects=[yellow.pk], outcome=outcome)
    walk.client("resident", walk.district.user(roles.Resident), purpose="")
    for page in ("accesslog:own_passes", "core:looks"):
        yield _get(page, "yellow")
        yield _get(page, "green", says="empty")
    yield _get("healthcode:code", "nobody", query="?opened=1", status=400)
    yield _get("core:me", "resident")
    yield _get("healthcode:renew", "resident")
    walk.client("newcomer", account(NEW_PHONE), purpose="")
    for page in ("dashboard:home", "core:me", "core:looks", "accesslog:own_passes"):
        yield _get(page, "newcomer", says="without a person")


def _isolated(walk: Walk) -> Iterator[Stop]:
    yield from walk_isolation.isolation_stops(walk, _get, _post)


def _declaring(walk: Walk) -> Iterator[Stop]:
    answers = {**CALM, **declarations.place(walk.district), "work": {"kind": "employer", "name": "东新"}}
    answers["organisation"] = {"organisation": "none"}
    newcomer = walk.clients["newcomer"]
    yield _get("healthcode:declare", "resident")
    declarations.fill(newcomer, answers)
    sent = walk.client("sent", account(SENT_PHONE), purpose="")
    declarations.declare(sent, walk.district)
    yield _get("healthcode:declare_done", "sent")
    yield _get("healthcode:declare", "newcomer", says="under way")
    declarations.fill(sent, {**answers, "same": {"same": "none"}})
    for who in ("newcomer", "sent"):
        for page in declaring.PAGES:
            if page not in walk.asked and walk.clients[who].get(declarations.page_url(page)).status_code == 200:
                walk.asked.add(page)
                yield _get("healthcode:declare_page", who, page, says=page)
    for number, page in enumerate(("who", "room", "stays", "health")):
        who = f"careless-{page}"
        careless = walk.client(who, account(f"1990004{number:04}"), purpose="")
        declarations.fill(careless, answers, page)
        typed = {"go": "on", "areas": ["1", "x"], "celsius": "99"}
        wrong = careless.post(declarations.page_url(page), typed).headers["Location"]
        yield Stop("healthcode:declare_page", who, wrong, f"{page} with errors")
    complete = walk.client("complete", account("19900049999"), purpose="")
    declarations.fill(complete, {**CALM, **declarations.place(walk.district)})
    yield _get("healthcode:declare_review", "complete")


def _gates(walk: Walk) -> Iterator[Stop]:
    gate = gates.make_gate(walk.district, yellow=True)
    walk.clients["guard"] = gate.client()
    for person, state in ((walk.district.zhang, "green"), (walk.district.li, "red")):
        gates.set_state(person, state)
    gate.decide(gates.document_scan(LI_ID))
    for page in ("gate", "document", "certificate", "enrol"):
        yield _get(f"accesslog:{page}", "guard")
    for page in ("document", "certificate", "enrol"):
        yield _post(f"accesslog:{page}", "guard", says="with errors", data={"number": "1", "code": "1"})
    for number, says in ((ZHANG_ID, "admitted"), (LI_ID, "refused")):
        url = reverse("accesslog:document")
        yield Stop("accesslog:result", "guard", url, says, ask=_checked(url, number))
    walk.clients["guard-elsewhere"] = other = browse(walk.district.user(roles.GateStaff, walk.city.community))
    other.cookies[devices.COOKIE] = walk.clients["guard"].cookies[devices.COOKIE].value
    yield _get("accesslog:gate", "guard-elsewhere", status=403)
    walk.clients["guard-new"] = browse(gate.guard, purpose="")
    yield _get("accesslog:enrol", "guard-new")
    staff, empty = walk.role(roles.CommunityStaff), walk.role(roles.CommunityStaff, on=walk.nowhere)
    yield _get("accesslog:places", staff)
    yield _get("accesslog:places", empty, says="empty")
    yield _get("accesslog:new_place", staff)
    yield _post("accesslog:new_place", staff, says="with errors", data={})
    yield _get("accesslog:place", staff, gate.place.pk)
    yield _post("accesslog:add_point", staff, gate.place.pk, says="with errors", data={})
    yield _get("accesslog:change_place", staff, gate.place.pk)
    yield _post("accesslog:offer_code", staff, gate.place.pk, gate.device.pk, says="the code", data={})


def _checked(url: str, number: str) -> Ask:
    def ask(client: Client) -> Any:
        opened = client.get(url).context["form"]["opened"].value()
        return client.post(url, {"opened": opened, "type": "resident_id", "number": number, "is_compared": "on"})

    return ask


def _grid_workers(walk: Walk) -> Iterator[Stop]:
    who, idle = walk.role(roles.GridWorker), walk.role(roles.GridWorker, on=walk.nowhere)
    walk.client("without-purpose", walk.district.user(roles.GridWorker), purpose="")
    yield _get("core:purpose", "without-purpose")
    yield _post("core:purpose", "without-purpose", says="with errors", data={})
    for page in ("dashboard:home", "community:orders", "community:residents", "community:map", "core:areas"):
        yield _get(page, who)
    for page in ("dashboard:home", "community:orders", "community:residents", "community:map", "community:alerts"):
        yield _get(page, idle, says="empty")
    yield _get("community:orders", who, query="?show=done")
    yield _get("community:orders", idle, query="?show=done")
    for state in ("open", "accepted", "arrived", "reported", "returned", "closed"):
        order = WorkOrder.objects.filter(state=state, assignee=walk.city.worker).first()
        if order:
            yield _get("community:order", who, order.ref, says=state)
        if order and state == "arrived":
            yield _post("community:report", who, order.ref, says="with errors", data={})
    yield _get("core:areas", who, query="?on=1990-01-01")
    zhang = walk.district.zhang
    yield _get("community:resident", who, zhang.ref)
    yield _post("community:find", who, says="nobody", data={"number": LI_ID})
    yield _post("community:find", who, says="with errors", data={"number": "x"})
    yield _post("community:unmask", who, zhang.ref, says="unmasked", data={})


def _community(walk: Walk) -> Iterator[Stop]:
    Duty.objects.all().delete()
    order_for(walk.district.li, walk.district.other_grid)
    who = walk.role(roles.CommunityStaff)
    for page in ("dashboard:home", "community:to_verify", "community:alerts", "community:duty", "community:estates"):
        yield _get(page, who)
    yield _get("community:to_verify", f"{who}-elsewhere", says="empty")
    yield _get("community:duty", f"{who}-elsewhere", says="empty")
    yield _get("community:estates", f"{who}-elsewhere", says="empty")
    for state in ("open", "reported"):
        order = WorkOrder.objects.filter(state=state, area__parent=walk.district.community).latest("pk")
        yield _get("community:verify", who, order.ref, says=state)
        if state == "reported":
            yield _post("community:return", who, order.ref, says="with errors", data={})
    employer = walk.role(roles.Employer)
    yield _get("dashboard:home", employer)
    yield _get("core:members", employer, walk.district.employer.pk)


def _command(walk: Walk) -> Iterator[Stop]:
    walk.city.pass_by()
    follow_all()
    who = walk.role(roles.DistrictCommander)
    yield _get("dashboard:home", who)
    yield _get("dashboard:cockpit", who)
    for page in ("persons", "passes", "alerts", "orders"):
        yield _get(f"dashboard:cockpit_{page}", who)
    yield _get("dashboard:cockpit_passes", who, query="?result=replayed", says="empty")
    yield _get("dashboard:cockpit_passes", who, query="?seen=x&at=x", says="damaged", status=400)
    auditor, admin = walk.role(roles.Auditor), walk.role(roles.SystemAdministrator)
    at, on = clock.now(), clock.today()
    RefusalNotice.objects.create(actor=walk.city.worker.pk, on=on, count=99, first_at=at, last_at=at)
    event = Event.objects.create(kind="look.refused", payload={}, created_at=at)
    error = "Traceback: " + "a long line " * 40
    Delivery.objects.create(
        event=event, handler="planted", state=Delivery.State.PARKED, due_at=at, attempts=8, last_error=error
    )
    yield _get("dashboard:home", auditor)
    yield _get("core:audit", auditor)
    yield _get("core:audit", auditor, query="?staff=nobody-here")
    yield _get("core:status", admin)
    yield _get("dashboard:home", admin)
    yield _get("core:password", admin)
    yield _post("core:password", admin, says="with errors", data={})


def _rules(walk: Walk) -> Iterator[Stop]:
    yield _get("healthcode:rules", "nobody")
    first = codes.put_in_force(codes.BODY, codes.AREAS, clock.now())
    yield _get("healthcode:rules_version", "nobody", first.pk)
    officer, commander = walk.role(roles.HealthOfficer), walk.role(roles.DistrictCommander)
    trial = changed_rules.tried(walk.district, changed_rules.LOOSE)
    waiting = changed_rules.proposed(walk.district, trial)
    later = changed_rules.proposed(walk.district, trial, clock.now() + dt.timedelta(days=1))
    coming = changed_rules.approved(walk.district, later)
    yield _get("healthcode:rules_version", "nobody", coming.pk, says="to come")
    for page in ("rule_changes", "new_rule_set", "new_risk_list"):
        yield _get(f"healthcode:{page}", officer)
    for page in ("new_rule_set", "new_risk_list"):
        yield _post(f"healthcode:{page}", officer, says="with errors", data={})
    yield _get("healthcode:rule_set", officer, trial.rule_set_id)
    yield _get("healthcode:risk_list", officer, first.risk_list)
    yield _post("healthcode:risk_list", officer, first.risk_list, says="with errors", data={"code": "1"})
    for page in ("rule_trial", "rule_trial_people", "propose_rules"):
        yield _get(f"healthcode:{page}", officer, trial.ref)
    yield _post("healthcode:propose_rules", officer, trial.ref, says="with errors", data={})
    running = trials.try_out(rule_set=trial.rule_set, risk_list=0, by=walk.district.user(roles.HealthOfficer))
    yield _get("healthcode:rule_trial", officer, running.ref, says="waiting")
    yield _get("healthcode:rule_proposals", commander)
    for page in ("rule_proposal", "rule_proposal_people"):
        yield _get(f"healthcode:{page}", commander, waiting.ref)
    decide, refuse = reverse("healthcode:decide_rules", args=[waiting.ref]), {"answer": "refuse"}
    yield Stop("healthcode:rule_proposal", commander, decide, "with errors", ask=_posting(decide, refuse))


def _posting(url: str, data: Mapping[str, Any]) -> Ask:
    def ask(client: Client) -> Any:
        return client.post(url, data)

    return ask


def _appeals(walk: Walk) -> Iterator[Stop]:
    person, people = walk.city.people[6], walk.city.people
    walk.client("appealing", user := walk.district.resident(person, "19900006543"), purpose="")
    officer, street = walk.role(roles.HealthOfficer), walk.role(roles.StreetStaff)
    decides = walk.district.user(roles.StreetStaff)
    second = walk.district.user(roles.HealthOfficer)
    cases = {
        state: appeals.appeal_of(one, user, "") for state, one in zip(("open", "taken"), people[:4:2], strict=True)
    }
    appeal_case.take(appeal=cases["taken"], by=decides)
    codes.tell(person, "exposure", {"grade": "close"}, clock.now())
    yield _get("healthcode:appeal_new", "appealing")
    yield _get("healthcode:appeal_new", "newcomer", says="without a person")
    yield _post("healthcode:appeal_new", "appealing", says="with errors", data={"text": "字" * 1001})
    mine = appeals.appeal_of(person, user, pictures=[picture()])
    appeal_case.take(appeal=mine, by=decides)
    appeal_case.ask(appeal=mine, question="您那天几点下班？", by=decides)
    cases["proposed"] = appeal_case.propose(
        appeal=mine, outcome="rejected", withdraws=[], answer=appeals.ANSWER, by=decides
    )
    whole = appeals.appeal_of(person, user, "", about="machine", text="")
    cases["decided"] = appeals.decide(whole, second, decides, outcome="rejected")
    yield _get("healthcode:own_appeals", "appealing")
    yield _get("healthcode:own_appeals", "green", says="empty")
    for case in (mine, whole):
        yield _get("healthcode:appeal", "appealing", case.ref, says=case.number)
    yield _post("healthcode:appeal_add", "appealing", mine.ref, says="with errors", data={}, status=409)
    yield _get("healthcode:appeal_figures", "nobody")
    yield _get("healthcode:appeals", street, query="?show=open")
    yield _get("healthcode:appeals", walk.role(roles.StreetStaff, on=walk.nowhere), says="empty")
    for says, case in cases.items():
        yield _get("healthcode:appeal_case", street, case.ref, says=says)
    yield _get("healthcode:appeal_case", officer, mine.ref, says="to confirm")
    for step in ("ask", "propose"):
        yield _post(f"healthcode:appeal_{step}", street, cases["taken"].ref, says="with errors", data={})
    yield _post("healthcode:appeal_send_back", officer, mine.ref, says="with errors", data={})
    yield _get("core:own_data", "appealing")
    yield _get("core:erasure", "appealing")
    yield _get("core:erasure", "newcomer", says="without a person")
    yield _get("core:gone", "nobody")
    asked = erasure.ask(person=people[0], by=user)
    yield _get("core:erasures", street)
    yield _get("core:erasures", f"{roles.StreetStaff.codename}-elsewhere", says="empty")
    yield _get("core:erasure_answer", street, asked.ref)
    yield _post("core:erasure_answer", street, asked.ref, says="with errors", data={})


def _families(walk: Walk) -> Iterator[Stop]:
    yield from walk_family.family_stops(walk, _get, _post)
    yield from walk_paper.paper_stops(walk, _get, _post)
    assert walk.asked == set(declaring.PAGES)


def _programs(walk: Walk) -> Iterator[Stop]:
    yield from walk_programs.program_stops(walk, _get, _post)


def _recording(walk: Walk) -> Iterator[Stop]:
    yield from walk_recording.recording_stops(walk, _get, _post)


def _faults(walk: Walk) -> Iterator[Stop]:
    worker = roles.GridWorker.codename
    yield Stop("404", worker, "/nothing-here/", status=404)
    yield Stop("404", "nobody", "/nothing-here/", status=404)
    yield Stop("405", "nobody", reverse("core:out"), status=405)
    yield Stop("403", worker, reverse("core:audit"), status=403)
    home, me, language = reverse("dashboard:home"), reverse("core:me"), reverse("core:language")
    damaged = {"data": b"damaged", "content_type": "multipart/form-data"}
    yield Stop("400", worker, language, status=400, ask=lambda client: client.post(language, **damaged))  # type: ignore[arg-type,return-value]
    sign_in, much = reverse("core:sign_in"), {"phone": "1" * 3_000_000}
    yield Stop("413", "nobody", sign_in, status=413, ask=lambda client: client.post(sign_in, much))  # type: ignore[arg-type,return-value]
    for says, fault, status in (("500", RuntimeError, 500), ("unreadable", InvalidTag, 500)):
        yield Stop(says, "resident", me, status=status, ask=_failing(me, fault))
    yield Stop("csrf", "resident", home, status=403, ask=_forged)


def _failing(url: str, fault: type[Exception]) -> Ask:
    def ask(client: Client) -> Any:
        client.raise_request_exception = False
        with mock.patch("citybrain.core.views.me.render", side_effect=fault):
            return client.get(url)

    return ask


def _forged(client: Client) -> Any:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    return strict.post(reverse("core:language"))
