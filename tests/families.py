"""Helpers of the family's tests: a guardian who adds somebody, and the grid worker who checks it."""

import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from citybrain.core import clock, photos
from citybrain.core.models import Area, Person, User
from community.actions.alerts import tell_family_to_check
from healthcode.actions import family
from healthcode.answers import Answers, Home, Identity
from healthcode.models import Guardianship
from tests.declarations import CALM, fill
from tests.people import District

CHILD_ID = "330199201503070014"
CHILD: dict[str, dict[str, Any]] = {
    "relation": {"relation": "child"},
    "proof": {},
    "who": {"name": "张小宝", "kind": "resident_id", "number": CHILD_ID},
    "together": {"together": "yes"},
    **{page: CALM[page] for page in ("household", "work", "arrival", "stays", "contact", "health")},
}


def picture() -> bytes:
    """Return a photo as a phone sends it."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "gray").save(out, "JPEG")
    return out.getvalue()


def upload(client: Client, content: bytes | None = None) -> Any:
    """Send the photo of the proof."""
    photo = SimpleUploadedFile("book.jpg", content or picture(), "image/jpeg")
    url = reverse("healthcode:family_new_page", args=["proof"])
    return client.post(url, {"go": "on", "photo": photo})


def add(client: Client, **pages: dict[str, Any]) -> Any:
    """Add somebody to the family of whoever uses this browser; return the page that it leads to."""
    answers = {**CHILD, **pages}
    fill(client, {"relation": answers.pop("relation")}, whom="new")
    upload(client)
    fill(client, {page: typed for page, typed in answers.items() if page != "proof"}, whom="new")
    review = client.get(reverse("healthcode:family_new_review"))
    assert review.status_code == 200, review.headers
    data = {"version": review.context["version"], "pledge": "yes"}
    return client.post(reverse("healthcode:family_new_review"), data)


def asked() -> Guardianship:
    """Return what was asked last, after the grid has been told."""
    held = Guardianship.objects.latest("id")
    tell_family_to_check({"guardianship": held.pk})
    held.refresh_from_db()
    return held


def ask(user: User, district: District, identity: Identity, relation: str = "child", **more: Any) -> Guardianship:
    """Let an account ask to act for somebody who lives in the community, by the action."""
    home = Home(district.community.pk, None, "东新路 9 号")
    answers = Answers(identity=identity, home=home, **more)
    family.ask(user=user, relation=relation, jpeg=picture(), answers=answers)
    return asked()


def acts_for(user: User, person: Person, area: Area) -> None:
    """Let an account act for a person, be acted for by another, and wait for a third, as if all had been asked for."""
    proof, now = photos.keep(jpeg=picture(), area=area, by=user), clock.now()
    other = User.objects.create(username=f"family-{person.pk}", person=person)
    rows = (
        (user, person, "verified", now),
        (user, None, "waiting", None),
        (other, user.person, "verified", now),
    )
    for guardian, about, state, decided_at in rows:
        Guardianship.objects.create(
            guardian=guardian,
            person=about,
            area=area,
            named=person.name,
            relation="parent",
            proof=proof,
            state=state,
            asked_at=now,
            decided_at=decided_at,
        )


def guard(user: User, person: Person, by: User, number: str, relation: str = "parent") -> Guardianship:
    """Let an account act for somebody on record: asked for by their number, checked by a worker."""
    identity = Identity("写错的名字", "resident_id", number)
    home = Home(person.area.parent_id or 0, None, "东新路 9 号")
    family.ask(user=user, relation=relation, jpeg=picture(), answers=Answers(identity=identity, home=home))
    held = asked()
    assert family.accept(guardianship=held, note="", by=by) == person
    held.refresh_from_db()
    return held
