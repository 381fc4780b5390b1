"""Helpers of the tests of services for programs: a key that is let in, signed requests, a consent with its code."""

import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from citybrain.core import clock, roles
from citybrain.core.models import Organisation, Person
from healthcode.actions.app_keys import decide_key, make_secret, propose_key
from healthcode.actions.consent import PAUSE
from healthcode.actions.correction import ask_correction, take_back
from healthcode.api import signing
from healthcode.models import AppKey, Consent
from healthcode.scopes import scopes_for
from tests.people import ZHANG_ID, District

BASE = "/api/v1/health-code/"
NONE = dt.timedelta()


@dataclass
class Program:
    """A program of an organisation, with its key."""

    key: AppKey
    secret: str
    client: Client = field(default_factory=Client)

    def post(self, path: str, said: Any = None, *, target: str = "", **signed: Any) -> Any:
        """Send a signed request; `signed` puts another value in the place of what is signed or sent."""
        body = signed.pop("body", json.dumps(said if said is not None else {}).encode())
        sent_body = signed.pop("sent_body", body)
        target = target or f"{BASE}{path}"
        headers = self.headers(target, body, **signed)
        return self.client.post(target, sent_body, content_type="application/json", headers=headers)

    def headers(self, target: str, body: bytes, **signed: Any) -> dict[str, str]:
        """Return the four headers of a request."""
        now = int(clock.now().timestamp())
        parts = {"time": str(now), "nonce": uuid.uuid4().hex, "key": str(self.key.ref), **signed}
        secret = parts.pop("secret", self.secret)
        method = parts.pop("method", "POST")
        text = signing.string_to_sign(method=method, target=target, body=body, **parts)
        signature = signing.sign(secret, text)
        return {
            signing.KEY: parts["key"],
            signing.TIME: parts["time"],
            signing.NONCE: parts["nonce"],
            signing.SIGNATURE: signature,
        }

    def consent(self, service: str, number: str = ZHANG_ID) -> dict[str, str]:
        """Ask for consent and have the person tell the code."""
        said = {"service": service, "document_type": "resident_id", "document_number": number}
        answer = self.post("consents/", said)
        assert answer.status_code == 202, answer.content
        ref = answer.json()["consent"]
        # The pause between two codes for one person is not what most tests are about.
        Consent.objects.filter(ref=ref).update(asked_at=clock.now() - 2 * PAUSE)
        return {"consent": ref, "code": Consent.objects.get(ref=ref).code()}


def program_of(district: District, organisation: Organisation, scopes: list[str] | None = None, **more: Any) -> Program:
    """Return a program whose key is let in; without scopes, it has all that the organisation can have."""
    key = propose_key(
        organisation=organisation,
        name="挂号终端",
        scopes=scopes or [scope for scope, _label in scopes_for(organisation)],
        by=district.user(roles.SystemAdministrator),
        **{"per_minute": 1000, "per_day": 10_000, "valid_until": clock.today(), **more},
    )
    key = decide_key(key=key, is_approved=True, by=district.user(roles.DistrictCommander))
    secret = make_secret(key=key, overlap=NONE, by=district.user(roles.SystemAdministrator))
    return Program(key, secret)


def laboratory(district: District) -> Organisation:
    """Return a hospital of the district."""
    return Organisation.objects.create(kind="hospital", name="东新医院检验科", area=district.community)


def fill_lists(district: District, person: Person, number: int) -> None:
    """Add a key that waits and one in use, a request for a correction that waits and one that was taken back."""
    terms: dict[str, Any] = {"per_minute": 1, "per_day": 1, "valid_until": clock.today(), "scopes": ["verify_code"]}
    propose_key(organisation=district.employer, name=f"{number}", by=district.user(roles.SystemAdministrator), **terms)
    program_of(district, district.employer, ["verify_code"])
    user = district.user(roles.Resident)
    ask_correction(person=person, field="sex", new=["2"], jpeg=None, by=user)
    take_back(correction=ask_correction(person=district.zhang, field="sex", new=["2"], jpeg=None, by=user), by=user)
