"""A report with a mistake in it is kept with its photos until it is mended; whose it is not sees nothing of it."""

import datetime as dt
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from citybrain.core import clock
from citybrain.core.keyring import KeyringError
from citybrain.core.models import AuditRow, Photo
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, GridWorker, StreetStaff
from community.actions import orders
from community.models import OrderStep, Visit, VisitDraft, VisitDraftPhoto, WorkOrder
from tests.orders import FOUND, bring_to, order_for, picture
from tests.people import District, browse

pytestmark = pytest.mark.django_db

WRONG = {"seen": "0", "outcome": "met", "feedback": "在家", "celsius": "99"}
JSON = {"accept": "application/json"}


@pytest.fixture
def order(district: District) -> WorkOrder:
    """An order about 张三 whose worker is on site."""
    worker = district.user(GridWorker)
    made = order_for(district.zhang, district.grid)
    return bring_to(made, "arrived", worker=worker, verifier=district.user(CommunityStaff))


@pytest.fixture
def client(district: District) -> Client:
    """The worker's browser."""
    return browse(district.user(GridWorker))


def _photo(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{name}.jpg", picture())


def _send(client: Client, order: WorkOrder, form: dict[str, Any], **headers: str) -> Any:
    return client.post(reverse("community:report", args=[order.ref]), form, headers=headers)


def test_photos_of_a_report_with_a_mistake_are_kept_sealed_and_go_with_the_mended_one(
    order: WorkOrder, client: Client
) -> None:
    _send(client, order, {**WRONG, "photo_1": _photo("1"), "photo_2": _photo("2")})
    sealed = [bytes(photo.cipher) for photo in VisitDraftPhoto.objects.all()]
    assert len(sealed) == 2
    assert not any(b"JFIF" in cipher for cipher in sealed)
    assert "在家".encode() not in bytes(VisitDraft.objects.get().cipher)
    page = client.get(reverse("community:order", args=[order.ref]))
    assert page.context["form"].errors.keys() == {"celsius"}
    assert page.content.decode().count('name="drop_') == 2
    _send(client, order, {**WRONG, "celsius": "36.8"})
    assert Visit.objects.get().photos.count() == Photo.objects.count() == 2
    assert not VisitDraft.objects.exists()
    assert not VisitDraftPhoto.objects.exists()


def test_a_kept_photo_is_left_out_or_replaced_at_will(order: WorkOrder, client: Client) -> None:
    _send(client, order, {**WRONG, "photo_1": _photo("1"), "photo_2": _photo("2")})
    _send(client, order, {**WRONG, "drop_2": "on", "photo_1": SimpleUploadedFile("b.jpg", picture("blue"))})
    kept = VisitDraftPhoto.objects.get()
    assert kept.number == 1
    second = kept.reveal()
    _send(client, order, {**WRONG, "celsius": ""})
    assert Photo.objects.get().reveal() == second


def test_what_was_wrong_with_a_photo_is_still_said_when_the_page_is_opened_again(
    order: WorkOrder, client: Client
) -> None:
    _send(client, order, {**WRONG, "celsius": "", "photo_3": SimpleUploadedFile("a.jpg", b"text")})
    for _time in range(2):
        page = client.get(reverse("community:order", args=[order.ref]))
        assert page.context["form"].errors.keys() == {"photo_3"}


def test_a_form_without_its_hidden_number_is_not_taken_and_nothing_typed_is_lost(
    order: WorkOrder, client: Client
) -> None:
    for seen in ({"seen": "x"}, {}):
        _send(client, order, {"outcome": "met", "feedback": "在家", **seen})
        assert "在家" in client.get(reverse("community:order", args=[order.ref])).content.decode()
    assert not Visit.objects.exists()


def test_a_draft_is_its_workers_alone_and_goes_when_the_order_is_given_to_somebody_else(
    district: District, order: WorkOrder, client: Client
) -> None:
    _send(client, order, {**WRONG, "feedback": "只有我知道", "photo_1": _photo("1")})
    staff = browse(district.user(CommunityStaff))
    assert "只有我知道" not in staff.get(reverse("community:order", args=[order.ref])).content.decode()
    assert _send(staff, order, WRONG).status_code == 409
    assert "只有我知道" in client.get(reverse("community:order", args=[order.ref])).content.decode()
    orders.assign(order=order, to=district.user(CommunityStaff), by=district.user(StreetStaff))
    assert not VisitDraft.objects.exists()


def test_phrases_are_enough_and_stand_before_what_is_written(order: WorkOrder, client: Client) -> None:
    english = {"accept-language": "en"}
    url = reverse("community:report", args=[order.ref])
    client.post(url, {"seen": "0", "outcome": "met", "celsius": "368", "done": ["explained", "stay"]}, headers=english)
    visit = Visit.objects.get()
    assert visit.feedback == "explained the code and what to do now; asked the person to stay at home"
    assert str(visit.celsius) == "36.8"


@pytest.mark.parametrize("typed", ["36.8", "368", "３６．８", "36,8", "36。8", " 36.8 "])
def test_a_temperature_is_read_however_a_phone_writes_it(order: WorkOrder, client: Client, typed: str) -> None:
    _send(client, order, {**WRONG, "celsius": typed})
    assert str(Visit.objects.get().celsius) == "36.8"


def test_phrases_and_words_that_are_too_long_together_are_refused_and_kept(order: WorkOrder, client: Client) -> None:
    _send(client, order, {**WRONG, "celsius": "", "feedback": "长" * 499, "done": ["explained"]})
    form = client.get(reverse("community:order", args=[order.ref])).context["form"]
    assert form.errors.keys() == {"feedback"}
    assert form["feedback"].value() == "长" * 499
    assert form["done"].value() == ["explained"]


def test_a_script_is_told_where_to_go_on_and_somebody_who_was_slower_why(order: WorkOrder, client: Client) -> None:
    page = reverse("community:order", args=[order.ref])
    assert _send(client, order, WRONG, **JSON).json() == {"to": f"{page}#report"}
    assert _send(client, order, {**WRONG, "celsius": ""}, **JSON).json() == {"to": reverse("community:orders")}
    assert _send(client, order, {**WRONG, "celsius": ""}, **JSON).json() == {"to": page}
    shown = client.get(page)
    assert [message.level_tag for message in shown.context["messages"]] == ["success", "warning"]


def test_a_returned_report_is_offered_as_it_was_but_for_the_temperature_which_is_measured_anew(
    district: District, order: WorkOrder, client: Client
) -> None:
    _send(client, order, {**WRONG, "celsius": "36.9", "needs": "买药", "symptoms": ["cough"]})
    orders.return_to_worker(order=order, note="缺照片", by=district.user(CommunityStaff))
    form = client.get(reverse("community:order", args=[order.ref])).context["form"]
    values = [form[name].value() for name in ("outcome", "celsius", "needs", "symptoms", "feedback")]
    assert list(map(str, values)) == ["met", "None", "买药", "['cough']", "在家"]
    assert not form.is_bound


def test_whoever_takes_an_order_over_finds_nothing_filled_in_that_another_one_reported(
    district: District, order: WorkOrder, client: Client
) -> None:
    _send(client, order, {**WRONG, "celsius": "36.9"})
    staff, other = district.user(CommunityStaff), district.user(StreetStaff)
    orders.return_to_worker(order=order, note="没见到人", by=staff)
    orders.assign(order=order, to=other, by=staff)
    orders.accept(order=order, by=other)
    orders.arrive(order=order, by=other)
    form = browse(other).get(reverse("community:order", args=[order.ref])).context["form"]
    assert not any(form[name].value() for name in ("outcome", "celsius", "needs", "symptoms", "feedback"))


def test_a_photo_whose_key_is_retired_is_gone_and_the_others_are_kept(
    order: WorkOrder, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    _send(client, order, {**WRONG, "photo_1": _photo("a.jpg"), "photo_2": _photo("b.jpg")})
    reveal = VisitDraftPhoto.reveal

    def retired(photo: VisitDraftPhoto) -> bytes:
        if photo.number == 1:
            raise KeyringError("retired")
        return reveal(photo)

    monkeypatch.setattr(VisitDraftPhoto, "reveal", retired)
    page = client.get(reverse("community:order", args=[order.ref]))
    assert page.context["form"].kept == {2}


# Taking a step back


def test_the_page_offers_to_take_the_last_step_back_for_ten_minutes(
    district: District, order: WorkOrder, client: Client
) -> None:
    url, page = (reverse(f"community:{name}", args=[order.ref]) for name in ("take_back", "order"))
    assert url in client.get(page).content.decode()
    assert url not in browse(district.user(CommunityStaff)).get(page).content.decode()
    assert client.post(url).status_code == 302
    order.refresh_from_db()
    assert order.state == "accepted"
    assert url not in client.get(page).content.decode()
    assert client.post(url).status_code == 409
    orders.arrive(order=order, by=district.user(GridWorker))
    with clock.at(clock.now() + dt.timedelta(minutes=11)):
        assert url not in browse(district.user(GridWorker)).get(page).content.decode()


def test_a_colleague_takes_nothing_back(district: District, order: WorkOrder) -> None:
    url = reverse("community:take_back", args=[order.ref])
    assert browse(district.user(CommunityStaff)).post(url).status_code == 409
    order.refresh_from_db()
    assert order.state == "arrived"


# Calling


def test_whoever_calls_from_an_order_comes_back_to_it_and_the_look_is_on_record(
    district: District, order: WorkOrder, client: Client
) -> None:
    page, unmask = reverse("community:order", args=[order.ref]), reverse("community:unmask", args=[district.zhang.ref])
    assert unmask in client.get(page).content.decode()
    shown = client.post(unmask, {"order": order.ref}).content.decode()
    assert 'href="tel:' in shown
    assert f'href="{page}"' in shown
    assert AuditRow.objects.get(deed=Deed.UNMASK).subjects == [district.zhang.pk]
    for wrong in ("", "x", "\x00", "0" * 36):
        assert f'href="{page}"' not in client.post(unmask, {"order": wrong}).content.decode()


# Verifying one after the other


def test_whoever_closes_or_returns_a_report_is_led_to_the_next_one_that_is_not_their_own(
    district: District, order: WorkOrder
) -> None:
    staff, worker = district.user(CommunityStaff), district.user(GridWorker)
    orders.report(order=order, found=FOUND, pictures=(), visits_seen=0, by=worker)
    second, third, own = (order_for(None, district.grid, subject=f"point:{number}") for number in (1, 2, 3))
    for one in (second, third):
        bring_to(one, "reported", worker=worker, verifier=staff)
    orders.assign(order=own, to=staff, by=district.user(StreetStaff))
    bring_to(own, "reported", worker=staff, verifier=worker)
    client = browse(staff)
    response: Any = client.post(reverse("community:close", args=[order.ref]))
    assert response.url == reverse("community:verify", args=[second.ref])
    missing = {"missing": ["temperature", "again"], "note": "敲门"}
    response = client.post(reverse("community:return", args=[second.ref]), missing, headers={"accept-language": "en"})
    assert response.url == reverse("community:verify", args=[third.ref])
    told = OrderStep.objects.filter(order=second).latest("id").note
    assert told == "the temperature; nobody was met: go there again; 敲门"
    response = client.post(reverse("community:close", args=[third.ref]))
    assert response.url == reverse("community:to_verify")
