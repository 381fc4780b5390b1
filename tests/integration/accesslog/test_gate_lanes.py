"""Checking by hand: an identity document, or a certificate of another region; the answer is a page."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from accesslog import forms, queries
from accesslog.actions import passes
from accesslog.models import Certificate, Pass, Result, TokenUse
from citybrain.core import clock
from citybrain.core.models import Person, Photo
from citybrain.core.roles import GateStaff, GridWorker
from tests.gates import Gate, add_gate, document_scan, set_state
from tests.people import ZHANG_ID, District, browse

pytestmark = pytest.mark.django_db

GATE, DOCUMENT, CERTIFICATE = "/gate/", "/gate/document/", "/gate/certificate/"


def _opened(client: Client, url: str) -> str:
    value: str = client.get(url).context["form"]["opened"].value()
    return value


def _by_document(client: Client, number: str = ZHANG_ID, **changes: str) -> Any:
    form = {"opened": _opened(client, DOCUMENT), "type": "resident_id", "number": number, "is_compared": "on"}
    return client.post(DOCUMENT, {**form, **changes}, follow=True)


def _picture() -> SimpleUploadedFile:
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(drawn, "PNG")
    return SimpleUploadedFile("证明.png", drawn.getvalue(), "image/png")


def _by_certificate(client: Client, **changes: Any) -> Any:
    form = {"opened": _opened(client, CERTIFICATE), "number": "沪-17", "issuer": "上海市", "accepted": "yes"}
    return client.post(CERTIFICATE, {"photo": _picture(), **form, **changes}, follow=True)


@pytest.mark.parametrize(
    ("state", "shape"), [("green", "good"), ("yellow", "warn"), ("red", "bad"), ("not_known", "warn")]
)
def test_a_document_is_answered_with_a_page_that_says_what_to_do(
    district: District, gate: Gate, state: str, shape: str
) -> None:
    set_state(district.zhang, state)
    response = _by_document(gate.client(), f"{ZHANG_ID[:6]} {ZHANG_ID[6:]}")
    text = response.content.decode()
    assert f'class="gate-answer {shape}"' in text
    said = response.context["words"]
    assert all(str(words) in text for words in (said.verdict, said.headline, said.advice))
    assert "张*" in text
    assert "张三" not in text
    kept = Pass.objects.get()
    assert (kept.lane, kept.result, kept.person_id) == ("document", state, district.zhang.pk)
    assert abs(kept.skew_ms) < 5000


def test_the_result_of_a_check_by_hand_has_an_address_of_its_own_so_that_going_back_sends_nothing_again(
    gate: Gate, green: Person
) -> None:
    client = gate.client()
    shown = _by_document(client)
    (where,) = shown.redirect_chain
    again = client.get(where[0])
    assert again.status_code == 200
    assert again.context["decision"] == shown.context["decision"]
    assert "张*" in again.content.decode()
    assert Pass.objects.count() == 1
    assert green.pk


def test_a_result_is_shown_to_the_guard_who_checked_at_the_device_they_checked_with_for_some_hours(
    district: District, gate: Gate, green: Person
) -> None:
    (where,) = _by_document(gate.client()).redirect_chain
    url = where[0]
    same_device = gate.client(district.user(GateStaff))
    other_device = add_gate(gate.place, gate.guard, "2号门").client()
    for client in (same_device, other_device):
        assert client.get(url).headers["Location"] == GATE
    stranger = gate.client(district.user(GateStaff, district.other_grid)).get(url)
    assert (stranger.status_code, "张" in stranger.content.decode()) == (403, False)
    assert browse(gate.guard, "").get(url).headers["Location"] == reverse("accesslog:enrol")
    assert Client().get(url).headers["Location"].startswith(reverse("core:sign_in"))
    assert gate.client(district.user(GridWorker)).get(url).status_code == 403
    with clock.at(clock.now() + queries.A_MOMENT * 1.1):
        assert gate.client().get(url).headers["Location"] == GATE
    assert green.pk


def test_a_document_page_sent_twice_is_one_pass(gate: Gate, green: Person) -> None:
    client = gate.client()
    opened = _opened(client, DOCUMENT)
    for _twice in range(2):
        assert _by_document(client, opened=opened).context["decision"].result == Result.GREEN
    assert Pass.objects.count() == 1
    assert green.pk


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": ""}, "number"),
        ({"number": "330199198001010018"}, "number"),
        ({"number": "330199209901010017"}, "number"),
        ({"number": "\x00"}, "number"),
        ({"number": "x" * 41}, "number"),
        ({"type": "library_card"}, "type"),
        ({"is_compared": ""}, "is_compared"),
    ],
)
def test_a_wrong_document_is_said_so_kept_in_the_form_and_nobody_is_looked_up(
    gate: Gate, changes: dict[str, str], field: str
) -> None:
    response = _by_document(gate.client(), **changes)
    assert field in response.context["form"].errors
    assert changes.get("number", ZHANG_ID).strip("\x00") in response.content.decode()
    assert not Pass.objects.exists()


@pytest.mark.parametrize("spoil", ["old", "", "x", "é", "AAAA"])
def test_a_page_that_was_open_for_long_asks_to_look_again_and_keeps_what_was_typed(
    gate: Gate, green: Person, spoil: str
) -> None:
    client = gate.client()
    opened = _opened(client, DOCUMENT) if spoil == "old" else spoil
    with clock.at(clock.now() + forms.LANE_LIFE * 1.1):
        form = {"opened": opened, "type": "resident_id", "number": ZHANG_ID, "is_compared": "on"}
        response = client.post(DOCUMENT, form)
        assert response.context["form"].non_field_errors()
        assert ZHANG_ID in response.content.decode()
        renewed = response.context["form"]["opened"].value()
        assert client.post(DOCUMENT, {**form, "opened": renewed}, follow=True).context["decision"].is_admitted
    assert green.pk


def test_too_many_documents_are_answered_with_the_form_that_says_to_wait(gate: Gate, green: Person) -> None:
    client = gate.client()
    for _each in range(passes.DOCUMENTS_A_MINUTE):
        gate.decide(document_scan(ZHANG_ID))
    response = _by_document(client)
    assert response.context["form"].non_field_errors()
    assert ZHANG_ID in response.content.decode()
    assert Pass.objects.count() == passes.DOCUMENTS_A_MINUTE
    assert green.pk


@pytest.mark.parametrize(("answer", "result"), [("yes", "certificate"), ("no", "certificate_refused")])
def test_a_certificate_is_kept_with_its_photo_and_answered_with_a_page(gate: Gate, answer: str, result: str) -> None:
    response = _by_certificate(gate.client(), accepted=answer)
    assert response.context["decision"].result == result
    kept = Certificate.objects.get()
    assert (kept.number, kept.issuer) == ("沪-17", "上海市")
    with Image.open(io.BytesIO(kept.photo.reveal())) as photo:
        assert (photo.format, photo.size) == ("JPEG", (40, 30))
    assert Pass.objects.get().certificate_id == kept.pk


@pytest.mark.parametrize("field", ["number", "issuer", "photo", "accepted"], ids=lambda field: f"without {field}")
def test_a_certificate_needs_every_part_and_what_was_typed_stays(gate: Gate, field: str) -> None:
    response = _by_certificate(gate.client(), **{field: ""})
    assert response.context["form"].errors.keys() == {field}
    assert ("沪-17" if field != "number" else "上海市") in response.content.decode()
    assert not Photo.objects.exists()
    assert not Pass.objects.exists()


def test_a_certificate_with_a_file_that_is_no_picture_or_far_too_large_is_refused_and_the_rest_kept(
    gate: Gate, settings: Any
) -> None:
    client = gate.client()
    settings.UPLOAD_LIMIT = 20_000
    for content in (b"%PDF-1.4", b"\xff" * 50_000):
        response = _by_certificate(client, photo=SimpleUploadedFile("证明.jpg", content, "image/jpeg"))
        assert response.status_code == 200
        assert response.context["form"].errors.keys() == {"photo"}
        assert "沪-17" in response.content.decode()
    assert not Pass.objects.exists()


def test_uses_of_tokens_are_not_touched_by_the_lanes(gate: Gate, green: Person) -> None:
    _by_document(gate.client())
    assert not TokenUse.objects.exists()
    assert green.pk


def test_there_is_no_search_by_name_at_the_gate(gate: Gate) -> None:
    fields = {*forms.DocumentLaneForm.base_fields, *forms.CertificateLaneForm.base_fields}
    assert fields == {"opened", "type", "number", "is_compared", "issuer", "photo", "accepted"}
    assert _by_document(gate.client(), "张三").context["form"].errors.keys() == {"number"}
