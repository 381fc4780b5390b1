"""Stops of the walk: isolation with its daily check-in, and the care for those in it."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from django.urls import reverse

from citybrain.core import clock, photos, roles
from healthcode.actions import isolation
from healthcode.models import Guardianship
from tests import codes
from tests.orders import picture
from tests.people import make_person

if TYPE_CHECKING:
    from tests.walk import Stop, Walk

Make = Callable[..., "Stop"]


def isolation_stops(walk: "Walk", get: Make, post: Make) -> Iterator["Stop"]:
    """Let somebody in isolation check in and ask for things, with a child, under an officer and a grid worker."""
    now, district = clock.now(), walk.district
    person, child = make_person("钱八", district.grid), make_person("钱九", district.grid)
    mother = district.resident(person, "19900051111")
    officer = district.user(roles.HealthOfficer)
    for one in (person, child):
        codes.tell(one, "exposure", {"grade": "secondary"}, now, true_at=now - dt.timedelta(days=4))
    today = clock.today()
    order = isolation.Order("hotel", "汉庭酒店301室", today, today + dt.timedelta(days=7))
    begun = isolation.order_isolation(person=person, order=order, seen=0, by=officer)
    proof = photos.keep(jpeg=picture(), area=district.grid, by=mother)
    Guardianship.objects.create(
        guardian=mother,
        person=child,
        area=district.grid,
        named=child.name,
        relation="child",
        proof=proof,
        state="verified",
        asked_at=now,
    )
    who = "isolated"
    client = walk.client(who, mother, purpose="")
    yield get("healthcode:check_in", who)
    yield post("healthcode:check_in", who, says="with errors", data={"seen": 0, "celsius": "99"})
    yield get("healthcode:check_in", "green", says="not needed")
    yield get("healthcode:check_in_for", who, child.ref)
    client.post(reverse("healthcode:check_in_for", args=[child.ref]), {"seen": 0, "symptoms": "fever"})
    yield get("healthcode:check_in_for_done", who, child.ref)
    codes.tell(person, "check_in", {"symptoms": []}, now)
    yield get("healthcode:check_in_done", who)
    client.post(reverse("community:ask"), {"seen": 0, "wants": "food", "words": "米"})
    yield get("community:ask", who)
    yield post("community:ask", who, says="with errors", data={"seen": 0})
    yield get("community:ask", "green", says="not needed")
    yield get("community:ask_for", who, child.ref)
    health = walk.role(roles.HealthOfficer)
    yield get("healthcode:isolations", health)
    yield post("healthcode:isolation_find", health, says="with errors", data={"number": "1"})
    yield get("healthcode:isolation_order", health, person.ref)
    yield post("healthcode:isolation_order", health, person.ref, says="with errors", data={"place": "hotel"})
    yield get("healthcode:isolation_order", health, district.li.ref, says="without a ground")
    yield get("healthcode:isolation_release", health, begun.ref if begun else "")
    worker = walk.role(roles.GridWorker)
    yield get("community:care", worker)
    yield get("community:care", worker, query="?show=ending")
    yield get("healthcode:check_in_record", worker, child.ref)
    yield post("healthcode:check_in_record", worker, child.ref, says="with errors", data={})
