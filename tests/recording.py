"""Helpers of the tests of recording: pictures of papers, and the steps of the form."""

import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from citybrain.core import clock
from citybrain.core.models import Person
from citybrain.core.roles import HealthOfficer
from healthcode.models import Evidence, HeldItem, Hold, Impact
from tests.people import District


def picture() -> SimpleUploadedFile:
    """Return a small picture of a paper."""
    written = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(written, "JPEG")
    return SimpleUploadedFile("paper.jpg", written.getvalue(), "image/jpeg")


def hidden(answer: Any) -> dict[str, str]:
    """Return what a page carries on besides its fields."""
    keeper = answer.context["form"].keeper
    return {"at": keeper.at_text, "kept": keeper.kept_text}


def record_url(person: Person, kind: str) -> str:
    """Return the address of a form."""
    return reverse("healthcode:record", args=[person.ref, kind])


def check(client: Client, url: str, data: dict[str, Any], *, paper: bool = True) -> Any:
    """Fill in a form and ask what it would mean."""
    files = {"document": picture()} if paper else {}
    return client.post(url, {**data, **hidden(client.get(url)), **files, "go": "check"})


def send(client: Client, url: str, data: dict[str, Any], *, paper: bool = True) -> Any:
    """Fill in a form, read it once more, and record it."""
    review = check(client, url, data, paper=paper)
    return client.post(url, {**data, **hidden(review), "go": "record"})


def today() -> str:
    """Return the present day as forms take it."""
    return clock.today().isoformat()


def held_evidence(district: District, person: Person) -> Hold:
    """Let a health officer's evidence about a person wait, when another had an effect already."""
    officer, now = district.user(HealthOfficer), clock.now()
    unit = f"health_officer@area:{district.district.pk}"
    hold = Hold.objects.create(
        because=["burst", "author"], made_by=officer.pk, made_under=unit, made_at=now, worse=1, better=0
    )
    facts = {"grade": "close"}
    HeldItem.objects.create(
        hold=hold, person=person, kind="exposure", facts=facts, true_at=now, source="disease_control"
    )
    evidence = Evidence.objects.filter(person=person).first() or Evidence.objects.latest("pk")
    Impact.objects.create(
        at=now, person=person, evidence=evidence, effect="worse", area=person.area_id, author=officer.pk, unit=unit
    )
    return hold
