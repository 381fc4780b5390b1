"""Stops of the walk: recording what is known of others, and deciding on what is held."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from citybrain.core import roles
from citybrain.core.models import Person
from healthcode.models import Evidence, Hold
from tests.people import ZHANG_ID, make_person
from tests.recording import check, held_evidence, hidden, picture, record_url, send, today

if TYPE_CHECKING:
    from tests.walk import Stop, Walk

NO_PAGES = {
    "healthcode:hold_paper": "a picture",
    "healthcode:record_list_example": "a file",
}
Make = Callable[..., "Stop"]


def recording_stops(walk: "Walk", get: Make, post: Make) -> Iterator["Stop"]:
    """Let a health officer record, send too much, and be answered."""
    district, who = walk.district, walk.role(roles.HealthOfficer)
    officer, commander, auditor = walk.clients[who], walk.role(roles.DistrictCommander), walk.role(roles.Auditor)
    yield get("healthcode:holds", walk.role(roles.DistrictCommander, on=walk.nowhere), says="empty")
    person = make_person("储户", district.grid)
    done = send(officer, record_url(person, "temperature"), {"celsius": "37.9", "confirmed": "yes"}, paper=False)
    assert done.status_code == 302
    evidence = Evidence.objects.latest("pk")
    hold, refused = (held_evidence(district, one) for one in (district.li, person))
    Hold.objects.filter(pk=refused.pk).update(
        state="refused",
        decided_by=district.user(roles.DistrictCommander).pk,
        decided_under="x@area:1",
        decided_at=hold.made_at,
        note="没有流调报告",
    )
    yield get("healthcode:recording", who)
    yield post("healthcode:recording", who, says="with errors", data={"type": "resident_id", "number": "1"})
    yield get("healthcode:record_person", who, person.ref)
    for kind in ("exposure", "test_result", "temperature", "risk_area_stay", "trip"):
        yield get("healthcode:record", who, person.ref, kind, says=kind)
    yield post("healthcode:record", who, person.ref, "exposure", says="with errors", data={"go": "check"})
    yield _stop(get, "healthcode:record", who, (person.ref, "exposure"), "read once more", _review(person))
    yield get("healthcode:recorded", who, evidence.pk)
    yield get("healthcode:withdraw", who, evidence.pk)
    yield get("healthcode:record_list", who, "exposure")
    yield _stop(get, "healthcode:record_list", who, ("exposure",), "with errors", _upload("1.1E+17,朋友,2090-01-01"))
    yield _stop(
        get, "healthcode:record_list", who, ("exposure",), "read once more", _upload(f"{ZHANG_ID},密接,{today()}")
    )
    for one in (hold, refused):
        yield get("healthcode:held", who, one.ref, says=one.ref)
        yield get("healthcode:hold", commander, one.ref, says=one.ref)
    yield post("healthcode:decide_hold", commander, hold.ref, says="with errors", data={"go": "refuse"})
    yield get("healthcode:hold", who, hold.ref, says="not theirs to decide")
    yield get("healthcode:holds", commander)
    yield get("healthcode:holds_trail", auditor)


def _stop(get: Make, page: str, who: str, args: tuple[Any, ...], says: str, ask: Callable[[Client], Any]) -> "Stop":
    return replace(get(page, who, *args, says=says), ask=ask)


def _review(person: Person) -> Callable[[Client], Any]:
    return lambda client: check(client, record_url(person, "exposure"), {"grade": "close", "day": today()})


def _upload(rows: str) -> Callable[[Client], Any]:
    def ask(client: Client) -> Any:
        url = reverse("healthcode:record_list", args=["exposure"])
        file = SimpleUploadedFile("list.csv", f"证件号码,接触类型,日期\n{rows}\n".encode())
        return client.post(url, {"file": file, "document": picture(), "go": "check", **hidden(client.get(url))})

    return ask
