"""Stops of the walk: the family, who checks it, and somebody present without a phone."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from citybrain.core import clock, roles
from healthcode import declaring
from healthcode.actions import family
from healthcode.answers import Identity
from healthcode.models import Guardianship
from tests import declarations, families
from tests.declarations import CALM, NEW_ID, fill, place
from tests.families import CHILD, CHILD_ID
from tests.people import LI_ID, LI_PHONE, ZHANG_ID

if TYPE_CHECKING:
    from tests.walk import Stop, Walk

NO_PAGES = {
    "healthcode:family_end": "redirects",
    "healthcode:family_picture": "a picture",
    "healthcode:family_proof": "a picture",
    "healthcode:present_no_document": "redirects",
}
Make = Callable[..., "Stop"]


def family_stops(walk: "Walk", get: Make, post: Make) -> Iterator["Stop"]:
    """Let 张三 act for 李四 and add others, and grid workers and guards do their part."""
    district = walk.district
    mother, worker = district.user(roles.Resident), district.user(roles.GridWorker, district.other_grid)
    who = "mother"
    client = walk.client(who, mother, purpose="")
    yield get("healthcode:family", "green", says="empty")
    yield get("healthcode:family", "newcomer", says="without a person")
    li = families.guard(mother, district.li, worker, LI_ID).person
    refused = families.ask(mother, district, Identity("张丢", "resident_id", NEW_ID))
    family.refuse(guardianship=refused, note="The names cannot be read.", by=worker)
    waiting = families.ask(mother, district, Identity("张小宝", "resident_id", CHILD_ID))
    grown = Guardianship.objects.create(
        guardian=mother,
        person=walk.city.people[0],
        area=district.grid,
        named="张大",
        relation="child",
        proof=waiting.proof,
        state="verified",
        until=clock.today() - dt.timedelta(days=1),
        asked_at=clock.now(),
        decided_at=clock.now(),
    )
    for page in ("family", "family_new"):
        yield get(f"healthcode:{page}", who)
    walk.client("acted-for", district.resident(district.li, LI_PHONE), purpose="")
    yield get("healthcode:family", "acted-for", says="acted for")
    yield get("healthcode:family_again", who, grown.ref)
    yield post("healthcode:family_again", who, grown.ref, says="with errors", data={})
    for page in ("family_code", "family_why", "family_declare"):
        yield get(f"healthcode:{page}", who, li.ref if li else "")
    yield from _declared(walk, get, client, str(district.li.ref))
    yield from _added(walk, get, client)
    checker = walk.role(roles.CommunityStaff)
    yield get("healthcode:family_to_check", checker)
    yield get("healthcode:family_to_check", f"{checker}-elsewhere", says="empty")
    yield get("healthcode:family_check", checker, waiting.ref)
    yield post("healthcode:family_check", checker, waiting.ref, says="with errors", data={"outcome": "refuse"})
    yield from _present(walk, get, post)


def _declared(walk: "Walk", get: Make, client: Any, key: str) -> Iterator["Stop"]:
    ref = walk.district.li.ref
    fill(client, CALM, whom=key)
    review = reverse("healthcode:family_declare_review", args=[ref])
    version = client.get(review).context["version"]
    client.post(review, {"version": version, "pledge": "yes"})
    yield get("healthcode:family_declare_done", "mother", ref)
    fill(client, CALM, whom=key)
    yield get("healthcode:family_declare_page", "mother", ref, "same")
    yield get("healthcode:family_declare_review", "mother", ref)


def _added(walk: "Walk", get: Make, client: Any) -> Iterator["Stop"]:
    fill(client, {"relation": CHILD["relation"]}, whom="new")
    families.upload(client)
    typed = {**CALM, **CHILD, "together": {"together": "no"}, **place(walk.district)}
    fill(client, {page: answer for page, answer in typed.items() if page != "proof"}, whom="new")
    pages = [page for page in declaring.PAGES if page in {"relation", "proof", "together"}]
    for page in (*pages, "who", "health"):
        yield get("healthcode:family_new_page", "mother", page)
        yield get("healthcode:family_new_page", "mother", page, query="?wrong", says=f"{page} judged")
    walk.asked |= set(pages)
    yield get("healthcode:family_new_review", "mother")


def _present(walk: "Walk", get: Make, post: Make) -> Iterator["Stop"]:
    who = walk.role(roles.GridWorker)
    client, zhang = walk.clients[who], walk.district.zhang
    find = reverse("healthcode:present")
    yield get("healthcode:present", who)
    yield post("healthcode:present", who, says="with errors", data={"number": "12"})
    for _time in range(2):
        client.post(find, {"kind": "resident_id", "number": ZHANG_ID, "is_compared": "on"})
        key = f"present:{zhang.ref.hex}"
        fill(client, CALM, whom=key)
        review = reverse("healthcode:present_declare_review", args=[zhang.ref])
        if not _time:
            version = client.get(review).context["version"]
            client.post(review, {"version": version, "pledge": "yes"})
    for page in ("present_declare", "present_declare_review", "present_declare_done"):
        yield get(f"healthcode:{page}", who, zhang.ref)
    yield get("healthcode:present_declare_page", who, zhang.ref, "same")
    client.post(reverse("healthcode:present_no_document"))
    nobody = {"name": "无名老人", "kind": "no_document", "because": "unknown", "age": "75"}
    fill(client, {**CALM, **declarations.place(walk.district), "who": nobody}, whom="present:new")
    yield get("healthcode:present_new", who)
    yield get("healthcode:present_new_page", who, "who")
    yield get("healthcode:present_new_review", who)
