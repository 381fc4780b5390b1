"""Somebody stands before staff and has no phone: found by the document in their hand, and taken down on record."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client, override_settings
from django.urls import reverse

from citybrain.core import clock
from citybrain.core.models import AuditRow, Document, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, GateStaff, GridWorker, HealthOfficer, Resident
from community.models import Building
from healthcode.actions import present
from healthcode.models import CodeState, Declaration, DeclarationDraft, Evidence, Hold
from tests.declarations import CALM, NEW_ID, fill, place, today
from tests.gates import document_scan, make_gate
from tests.people import LI_ID, ZHANG_ID, District, browse, make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rules")]

ELDER = {"name": "王奶奶", "kind": "resident_id", "number": "330199194001010019"}


@pytest.fixture
def guard(district: District) -> Client:
    """Return the browser of a guard; no purpose is asked: the person stands there and wants it."""
    client = browse(district.user(GateStaff, district.community), purpose="")
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def worker(district: District) -> Client:
    """Return the browser of the grid worker of 张三's grid."""
    return browse(district.user(GridWorker), purpose="")


def _find(client: Client, number: str, kind: str = "resident_id", **more: str) -> Any:
    return client.post(reverse("healthcode:present"), {"kind": kind, "number": number, "is_compared": "on", **more})


def _key(person: Person) -> str:
    return f"present:{person.ref.hex}"


def _take_down(client: Client, answers: dict[str, dict[str, Any]], person: Person | None = None) -> Any:
    fill(client, answers, whom=_key(person) if person else "present:new")
    name, args = ("present_declare", [person.ref]) if person else ("present_new", [])
    review = reverse(f"healthcode:{name}_review", args=args)
    page = client.get(review)
    assert page.status_code == 200, page.headers
    return client.post(review, {"version": page.context["version"], "pledge": "yes"})


def test_a_guard_takes_down_an_elder_without_a_phone_who_is_then_admitted_by_the_document(
    guard: Client, district: District
) -> None:
    gate = make_gate(district)
    assert _find(guard, ELDER["number"]).headers["Location"] == reverse("healthcode:present_new")
    page = guard.get(reverse("healthcode:present_new_page", args=["who"]))
    assert page.context["form"]["number"].value() == ELDER["number"], "typed once"
    done = _take_down(guard, {**CALM, **place(district), "who": ELDER})
    elder = Person.objects.get(name="王奶奶")
    assert done.headers["Location"] == reverse("healthcode:present_declare_done", args=[elder.ref])
    text = guard.get(done.headers["Location"]).content.decode()
    assert "green" in text
    assert ELDER["name"] not in text
    said = Evidence.objects.get()
    assert (said.source, said.author, said.unit.partition("@")[0]) == ("gate", _user(guard).pk, "gate_staff")
    assert not elder.phones.exists(), "no phone of the staff's is the person's"
    assert not elder.users.exists()
    row = AuditRow.objects.get(deed=Deed.DECLARE)
    assert (row.actor, row.subjects, row.purpose, row.role) == (_user(guard).pk, [elder.pk], "help", "gate_staff")
    assert gate.decide(document_scan(ELDER["number"])).is_admitted


def _user(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def test_staff_see_of_whoever_stands_there_no_more_than_their_role_lets_them(
    guard: Client, worker: Client, district: District
) -> None:
    for client, is_shown in ((guard, False), (worker, True)):
        start = _find(client, ZHANG_ID).headers["Location"]
        assert start == reverse("healthcode:present_declare", args=[district.zhang.ref])
        same = reverse("healthcode:present_declare_page", args=[district.zhang.ref, "same"])
        pages = "".join(client.get(url).content.decode() for url in (start, same))
        assert ("1幢101室" in pages) == is_shown
        assert "张三" not in pages
        fill(client, CALM, whom=_key(district.zhang))
        review = client.get(reverse("healthcode:present_declare_review", args=[district.zhang.ref])).content.decode()
        assert ("1幢101室" in review) == is_shown


def test_the_source_says_who_took_it_down(worker: Client, district: District) -> None:
    _find(worker, ZHANG_ID)
    _take_down(worker, CALM, district.zhang)
    assert Evidence.objects.get().source == "grid_worker"
    assert Declaration.objects.get().person == district.zhang
    shown = Document.objects.get(person=district.zhang)
    assert shown.verified_at is not None, "it was compared with its holder"


def test_without_the_document_in_the_hand_nobody_is_found(guard: Client, district: District) -> None:
    assert "is_compared" in _find(guard, ZHANG_ID, is_compared="").context["form"].errors
    for number in ("12", "", "\x00"):
        assert "number" in _find(guard, number).context["form"].errors
    assert not AuditRow.objects.filter(deed=Deed.SEE_PERSON).exists()
    for name in ("present_declare", "present_declare_review", "present_declare_done"):
        assert guard.get(reverse(f"healthcode:{name}", args=[district.zhang.ref])).status_code == 404, name
    assert AuditRow.objects.filter(outcome="refused", subjects=[district.zhang.pk]).count() == 3


def test_whoever_has_gone_cannot_be_declared_for_any_more(guard: Client, district: District) -> None:
    _find(guard, ZHANG_ID)
    url = reverse("healthcode:present_declare", args=[district.zhang.ref])
    assert guard.get(url).status_code == 200
    with clock.at(clock.now() + dt.timedelta(minutes=31)):
        assert guard.get(url).status_code == 404
    other = browse(district.user(GateStaff, district.other_grid), purpose="")
    assert other.get(url).status_code == 404, "another guard has not seen the document"


def test_nobody_goes_through_numbers(guard: Client, district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(present, "LOOK_UPS_A_MINUTE", 2)
    assert [_find(guard, number).status_code for number in (ZHANG_ID, NEW_ID, LI_ID)] == [302, 302, 200]
    assert [row.subjects for row in AuditRow.objects.filter(deed=Deed.SEE_PERSON).order_by("id")] == [
        [district.zhang.pk],
        [],
    ]


def test_a_person_without_any_document_is_entered_with_why_and_how_old_they_seem(
    guard: Client, district: District
) -> None:
    url = guard.post(reverse("healthcode:present_no_document")).headers["Location"]
    assert guard.get(url).status_code == 200
    who = {"name": "无名老人", "kind": "no_document", "because": "unknown", "age": "75"}
    _take_down(guard, {**CALM, **place(district), "who": who})
    person = Person.objects.get(name="无名老人")
    assert (person.born_on, person.documents.count()) == (None, 0)
    declaration = Declaration.objects.get()
    assert (declaration.no_document, declaration.age_guessed) == ("unknown", 75)
    assert CodeState.objects.get(person=person).state == "green"


@pytest.mark.parametrize(
    ("who", "field"),
    [
        ({"kind": "no_document", "because": "", "age": "75"}, "because"),
        ({"kind": "no_document", "because": "lost"}, "born_on"),
        ({"kind": "no_document", "because": "lost", "age": "old"}, "age"),
        ({"kind": "resident_id", "number": ""}, "number"),
        ({"kind": "passport", "number": "AB123456"}, "born_on"),
    ],
)
def test_what_is_missing_of_somebody_new_is_asked_for(guard: Client, who: dict[str, str], field: str) -> None:
    url = reverse("healthcode:present_new_page", args=["who"])
    page = guard.get(guard.post(url, {"go": "on", "name": "无名老人", **who}).headers["Location"])
    assert field in page.context["form"].errors
    assert page.context["form"]["name"].value() == "无名老人"


def test_a_number_on_record_is_not_entered_a_second_time(guard: Client, district: District) -> None:
    who = {**ELDER, "number": ZHANG_ID}
    sent = _take_down(guard, {**CALM, **place(district), "who": who})
    assert sent.headers["Location"] == reverse("healthcode:present_new")
    assert not Person.objects.filter(name="王奶奶").exists()
    assert DeclarationDraft.objects.exists(), "the answers are still there"


def test_a_grid_worker_takes_down_whoever_lives_in_the_grid_now_and_nobody_else(
    worker: Client, district: District
) -> None:
    elsewhere = make_person("赵六", district.other_grid, NEW_ID)
    _find(worker, NEW_ID)
    own = place(district)
    there = {**own, "building": {"building": Building.objects.get(area=district.other_grid).pk}}
    _take_down(worker, {**CALM, **there}, elsewhere)
    assert not Evidence.objects.exists()
    _take_down(worker, {**CALM, **own}, elsewhere)
    elsewhere.refresh_from_db()
    assert Evidence.objects.get().person == elsewhere
    assert elsewhere.area == district.grid
    assert AuditRow.objects.filter(deed=Deed.CHANGE_ADDRESS, subjects=[elsewhere.pk]).exists()


@override_settings(
    HOLD_LIMITS=dict.fromkeys(
        ("burst", "author_day", "unit_day", "feed_day", "district_hour", "organisation_day", "grid_day"), 1
    )
)
def test_a_crowd_is_not_taken_down_by_one_hand(guard: Client, district: District) -> None:
    ill = {**CALM, "contact": {"contact": "close", "day": today(1)}}
    moves = {"same": {"same": "address"}, **place(district)}
    before = district.li.area, district.li.address
    for person, number, more in ((district.zhang, ZHANG_ID, {}), (district.li, LI_ID, moves)):
        _find(guard, number)
        sent = _take_down(guard, {**ill, **more}, person)
    assert sent.headers["Location"] == reverse("healthcode:present")
    assert Hold.objects.get().made_by == _user(guard).pk
    district.li.refresh_from_db()
    assert (district.li.area, district.li.address) == before, "whose declaration waits has not moved either"
    assert not Evidence.objects.filter(person=district.li).exists()
    assert CodeState.objects.filter(state="red").count() == 1


# Who may.


@pytest.mark.parametrize("role", [Resident, HealthOfficer])
@pytest.mark.parametrize("page", ["present", "present_new"])
def test_whoever_takes_nothing_down_is_refused_on_record(district: District, role: Any, page: str) -> None:
    client = browse(district.user(role), purpose="")
    assert client.get(reverse(f"healthcode:{page}")).status_code == 403
    assert AuditRow.objects.filter(outcome="refused", deed=Deed.OPEN_PAGE).exists()


def test_community_staff_take_down_too_and_nobody_without_signing_in(district: District) -> None:
    assert browse(district.user(CommunityStaff), "").get(reverse("healthcode:present")).status_code == 200
    assert browse(None, "").get(reverse("healthcode:present")).status_code == 302


def test_the_action_checks_the_limit_itself(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(present, "LOOK_UPS_A_MINUTE", 0)
    with pytest.raises(ValidationError):
        present.find_present(kind="resident_id", number=ZHANG_ID, by=district.user(GridWorker))
