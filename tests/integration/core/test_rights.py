"""A person's rights: a copy of their data, its erasure, a human being instead of a machine."""

import datetime as dt
import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client

from citybrain.core import clock, retention
from citybrain.core.actions import erasure as actions
from citybrain.core.models import AuditRow, Document, ErasureRequest, Person, Phone, Photo, User
from citybrain.core.roles import GridWorker, HealthOfficer, Resident, StreetStaff
from community.models import HouseholdMember
from healthcode.actions.erasure import drop_drafts
from healthcode.actions.paper import issue
from healthcode.models import Appeal, CodeState, DeclarationDraft, Evidence, PaperCode
from tests.appeals import appeal_of, close_contact, decide
from tests.codes import WELL, adopt, tell
from tests.declarations import NEW_PHONE, account
from tests.orders import order_for, picture
from tests.passages import make_device, write_pass
from tests.people import LI_ID, LI_PHONE, ZHANG_ID, ZHANG_PHONE, District, browse, make_district

pytestmark = pytest.mark.django_db

WORDS = "疫情防控期间按规定保存，到期后系统自动删除。"


def _fresh(client: Client) -> Client:
    session = client.session
    session["entered_at"] = clock.now().timestamp()
    session.save()
    client.cookies["django_language"] = "en"
    return client


def _copy(client: Client) -> tuple[dict[str, Any], zipfile.ZipFile]:
    packed = zipfile.ZipFile(io.BytesIO(client.post("/me/data.zip").content))
    return json.loads(packed.read("data.json")), packed


def test_the_copy_holds_what_every_app_keeps_and_is_on_record(district: District) -> None:
    adopt()
    wrong = close_contact(district.zhang, district.user(HealthOfficer))
    appeal_of(district.zhang, district.user(Resident), text="我的话", pictures=[picture()])
    order_for(district.zhang, district.grid)
    write_pass(make_device(district.grid), district.zhang)
    told, packed = _copy(_fresh(browse(district.user(Resident), purpose="")))
    assert told["documents"][0]["number"] == ZHANG_ID
    assert told["phones"][0]["number"] == ZHANG_PHONE
    assert wrong.pk in {row["number"] for row in told["evidence"]}
    assert told["appeals"][0]["text"] == "我的话"
    assert packed.read(told["appeals"][0]["pictures"][0]).startswith(b"\xff\xd8")
    for section in ("person", "home", "alerts", "orders", "passes", "reasons", "code_changes", "looks"):
        assert told[section], section
    page = packed.read("data.html").decode()
    assert "Close contact of a case" in page
    assert LI_ID not in page
    row = AuditRow.objects.get(deed="export")
    assert (row.subjects, row.target) == ([district.zhang.pk], "own_data")


def test_the_copy_asks_for_a_fresh_sign_in_and_is_given_a_few_times_a_day(district: District, settings: Any) -> None:
    settings.OWN_DATA_A_DAY = 1
    client = browse(district.user(Resident), purpose="")
    assert client.post("/me/data.zip").headers["Location"] == "/me/data/"
    assert "/sign-in/?next=%2Fme%2Fdata%2F" in client.get("/me/data/").content.decode()
    _fresh(client)
    assert client.get("/me/data.zip").headers["Location"] == "/me/data/"
    assert client.post("/me/data.zip").headers["Content-Type"] == "application/zip"
    assert client.post("/me/data.zip").status_code == 302
    assert AuditRow.objects.filter(deed="export").count() == 1


def test_my_data_leads_to_every_right(district: District) -> None:
    page = browse(district.user(Resident), purpose="").get("/me/").content.decode()
    for address in ("/code/why/", "/appeal/review/", "/me/data/", "/me/erasure/", "/me/looks/"):
        assert address in page, address


def test_an_account_without_a_person_is_deleted_at_once_with_its_drafts(district: District) -> None:
    user = account(NEW_PHONE)
    draft = DeclarationDraft(user=user)
    draft.keep({"who": {}})
    client = browse(user, purpose="")
    assert client.get("/me/erasure/").status_code == 200
    assert client.post("/me/erasure/", follow=True).status_code == 200
    assert not User.objects.filter(pk=user.pk).exists()
    assert not DeclarationDraft.objects.exists()
    assert client.get("/me/").status_code == 302


def test_a_request_is_kept_with_a_number_and_answered_by_a_human_being_of_the_area(district: District) -> None:
    client = _fresh(browse(district.user(Resident), purpose=""))
    assert "E" in client.post("/me/erasure/", follow=True).content.decode()
    client.post("/me/erasure/")
    request = ErasureRequest.objects.get()
    url = f"/erasures/{request.ref}/"
    stranger = browse(district.user(StreetStaff, district.other_grid), "complaint")
    assert stranger.get(url).status_code == 404
    assert browse(district.user(GridWorker)).get("/erasures/").status_code == 403
    staff = _fresh(browse(district.user(StreetStaff), "complaint"))
    assert request.number in staff.get("/erasures/").content.decode()
    assert "at least 20" in staff.post(url, {"outcome": "keep", "words": "no"}).content.decode()
    staff.post(url, {"outcome": "keep", "words": WORDS})
    assert staff.post(url, {"outcome": "erase", "words": WORDS}).status_code == 409
    assert WORDS in client.get("/me/erasure/").content.decode()
    assert WORDS.encode() not in bytes(ErasureRequest.objects.get().answer_cipher)
    # Refused once, it can be asked for again.
    client.post("/me/erasure/")
    client.post("/me/erasure/take-back/")
    assert ErasureRequest.objects.filter(taken_back_at__isnull=False).count() == 1


def test_what_was_not_sent_goes_with_the_request(district: District) -> None:
    draft = DeclarationDraft(user=district.user(Resident))
    draft.keep({"who": {}})
    request = actions.ask(person=district.zhang, by=district.user(Resident))
    drop_drafts({"request": request.pk})
    assert not DeclarationDraft.objects.exists()


@pytest.mark.steady
@pytest.mark.django_db(transaction=True, databases=["default", "owner", "retention"])
def test_who_asked_is_erased_when_nothing_has_to_be_kept_any_more_and_nobody_else_is() -> None:
    district = make_district()
    adopt()
    officers = (district.user(HealthOfficer, district.street), district.user(StreetStaff))
    then = clock.now() - dt.timedelta(days=29)
    with clock.at(then):
        for person in (district.zhang, district.li):
            close_contact(person, district.user(HealthOfficer))
            tell(person, "declaration", WELL, then)
        case = appeal_of(district.zhang, district.user(Resident), pictures=[picture()])
        decide(case, *officers)
        decide(appeal_of(district.li, district.resident(district.li, LI_PHONE)), *officers)
        order_for(district.zhang, district.grid)
        for person in (district.zhang, district.li):
            issue(person=person, by=district.user(Resident))
        request = actions.ask(person=district.zhang, by=district.user(Resident))
        actions.ask(person=district.li, by=district.resident(district.li, LI_PHONE))
    retention.run()
    assert Person.objects.get(pk=district.zhang.pk).name == "张三", "nobody has answered yet"
    actions.answer(request=request, outcome="erase", words=WORDS, by=officers[0])
    with clock.at(then + dt.timedelta(days=27)):
        retention.run()
    assert Evidence.objects.filter(person=district.zhang).exists(), "its time is not over"
    gone = retention.run()
    assert gone["healthcode_evidence"] > 0
    for model in (Evidence, Appeal, CodeState, PaperCode, Document, Phone, HouseholdMember):
        assert [row.person_id for row in model.objects.all()].count(district.zhang.pk) == 0, model
        assert model.objects.filter(person=district.li).exists(), model
    assert not Photo.objects.exists()
    nobody = Person.objects.get(pk=district.zhang.pk)
    assert (nobody.name, nobody.address, nobody.born_on) == ("—", "", None)
    resident = User.objects.get(username=ZHANG_PHONE)
    assert (resident.is_active, resident.phone_index, resident.person_id) == (False, None, None)
    request.refresh_from_db()
    assert request.person_id is None
    assert request.erased_at is not None
    assert retention.run().get("core_person") is None
