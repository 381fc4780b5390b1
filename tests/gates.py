"""Gates with a guard and an enrolled device, codes of persons, and scans, for tests of the gate."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.test import Client

from accesslog.actions import devices, passes, places
from accesslog.actions.passes import CertificateScan, Decision, DocumentScan, PaperScan, TokenScan
from accesslog.devices import COOKIE
from accesslog.models import Device, Place
from citybrain.core import clock
from citybrain.core.models import Area, Organisation, Person, User
from citybrain.core.roles import GateStaff
from healthcode import paper_queries, rules, tokens
from healthcode.actions.code import number_of
from healthcode.actions.paper import issue
from healthcode.models import CodeState, RuleSet
from tests.people import ZHANG_ID, District, browse

JPEG = b"\xff\xd8\xff\xe0 a picture"


@dataclass
class Gate:
    """An enrolled device at a point, with the guard who works there."""

    place: Place
    device: Device
    secret: str
    guard: User

    def client(self, user: User | None = None, **options: Any) -> Client:
        """Return the device's browser, with the guard (or somebody else) signed in."""
        client = browse(user or self.guard, purpose="")
        client.handler.enforce_csrf_checks = options.get("csrf", False)
        client.cookies[COOKIE] = f"{self.device.ref}.{self.secret}"
        return client

    def decide(self, scan: passes.Scan) -> Decision:
        """Decide on a scan at this gate."""
        return passes.decide(device=self.device, scan=scan, by=self.guard)

    def scan(self, text: str, **more: Any) -> Decision:
        """Scan a text now."""
        return self.decide(token_scan(text, **more))


def make_gate(
    district: District,
    name: str = "东新园东门",
    *,
    area: Area | None = None,
    organisation: Organisation | None = None,
    yellow: bool = False,
) -> Gate:
    """Set up a place with one point and enrol a device there."""
    admits = ["green", "yellow"] if yellow else ["green"]
    place = places.make_place(
        kind="residential", name=name, area=area or district.grid, organisation=organisation, admits=admits, by=None
    )
    guard = district.user(GateStaff, organisation or district.community)
    return add_gate(place, guard)


def add_gate(place: Place, guard: User, name: str = "1号门") -> Gate:
    """Add a point with an enrolled device to a place."""
    point = places.add_point(place=place, name=name, direction="in", by=None)
    _made, code = devices.add_device(point=point, name="平板", by=None)
    device, secret = devices.enrol_device(code=code, by=guard)
    return Gate(place, device, secret, guard)


def set_state(person: Person, state: str, valid_until: dt.datetime | None = None) -> None:
    """Let a person's code say something, whatever is known of them; the rules have tests of their own."""
    shipped = {"body": rules.load(rules.SHIPPED), "digest": "", "created_at": clock.now()}
    rule_set, _made = RuleSet.objects.get_or_create(name="for tests of the gate", version="1", defaults=shipped)
    said = {"state": state, "since": clock.now(), "valid_until": valid_until, "evaluated_at": clock.now()}
    CodeState.objects.update_or_create(person=person, defaults={**said, "rule_set": rule_set})


def token_of(person: Person, at: dt.datetime | None = None) -> str:
    """Return the token on a person's phone at an instant."""
    return tokens.make(number_of(person=person, by=None).number, at or clock.now())


def token_scan(text: str, **more: Any) -> TokenScan:
    """Return a scan of now."""
    return TokenScan(**{"text": text, **_now(), **more})


def document_scan(number: str = ZHANG_ID, **more: Any) -> DocumentScan:
    """Return a look at a document, now."""
    return DocumentScan(**{"type": "resident_id", "number": number, **_now(), **more})


def paper_text(person: Person, by: User) -> str:
    """Return the text of a paper code that is made for a person."""
    return paper_queries.text_of(issue(person=person, by=by))


def paper_scan(text: str, is_holder: bool = True, **more: Any) -> PaperScan:
    """Return a look at a paper code, now."""
    return PaperScan(**{"text": text, "is_holder": is_holder, **_now(), **more})


def certificate_scan(accepted: bool = True, **more: Any) -> CertificateScan:
    """Return a look at a certificate of another region, now."""
    told: dict[str, Any] = {"number": "沪-2020-17", "issuer": "上海市", "jpeg": JPEG, "accepted": accepted}
    return CertificateScan(**{**told, **_now(), **more})


def _now() -> dict[str, Any]:
    now = clock.now()
    return {"nonce": uuid.uuid4(), "scanned_at": now, "sent_at": now}


def payload_of(text: str, **more: Any) -> dict[str, Any]:
    """Return what the gate's page sends for a text."""
    now = clock.now().isoformat()
    return {"lane": "token", "token": text, "nonce": str(uuid.uuid4()), "scanned_at": now, "sent_at": now, **more}
