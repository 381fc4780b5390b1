"""Residents see what is on record and say what is wrong; the community's staff compare, decide, and all of it stays."""

import io
import threading
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation
from PIL import Image

from citybrain.core import clock, roles
from citybrain.core.models import AuditRow, Document, Person, Phone
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import correction_queries
from healthcode.actions import correction as actions
from healthcode.actions.correction import CorrectionError
from healthcode.models import Correction, Evidence
from tests.codes import adopt
from tests.people import LI_ID, ZHANG_ID, ZHANG_PHONE, District, browse, make_district

pytestmark = pytest.mark.django_db
RIGHT_ID = "330199198001010033"


@pytest.fixture
def people(district: District) -> District:
    adopt()
    return district


def ask(district: District, field: str = "name", *new: str, jpeg: bytes | None = b"jpeg") -> Correction:
    user = district.user(roles.Resident)
    return actions.ask_correction(person=district.zhang, field=field, new=new or ["张叁"], jpeg=jpeg, by=user)


def approve(district: District, correction: Correction, compared: str = "picture") -> Correction:
    by = district.user(roles.CommunityStaff)
    return actions.approve(correction=correction, compared=compared, by=by)


def picture() -> SimpleUploadedFile:
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(drawn, "PNG")
    return SimpleUploadedFile("id.png", drawn.getvalue(), "image/png")


def test_a_resident_reads_all_that_is_on_record_each_with_a_way_to_put_it_right(people: District) -> None:
    page = browse(people.user(roles.Resident), purpose="").get(reverse("healthcode:corrections")).content.decode()
    for shown in ("张三", "1980-01-01", ZHANG_ID, ZHANG_PHONE, "1幢101室"):
        assert shown in page
    for field in Correction.Field.values:
        assert reverse("healthcode:correction_new", args=[field]) in page
    assert page.count(f'href="{reverse("healthcode:declare")}"') >= 2
    assert reverse("healthcode:appeal_new") in page


def test_what_is_asked_waits_with_both_values_sealed_and_changes_nothing(people: District) -> None:
    client = browse(people.user(roles.Resident), purpose="")
    url = reverse("healthcode:correction_new", args=["name"])
    wrong = client.post(url, {"value": "张叁"})
    assert "张叁" in wrong.content.decode()
    assert not Correction.objects.exists()
    answer = client.post(url, {"value": " 张叁 ", "picture": picture()})
    asked = Correction.objects.get()
    assert answer.headers["Location"] == reverse("healthcode:correction", args=[asked.ref])
    assert (asked.old(), asked.new(), asked.state) == (["张三"], ["张叁"], "open")
    assert "张叁".encode() not in bytes(asked.new_cipher)
    assert Person.objects.get(pk=people.zhang.pk).name == "张三"
    assert client.get(reverse("healthcode:correction_photo", args=[asked.ref])).headers["Content-Type"] == "image/jpeg"
    again = client.post(url, {"value": "张四", "picture": picture()})
    assert again.status_code == 200
    assert Correction.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("document", {"type": "resident_id", "number": "330199198001010018"}),
        ("document", {"type": "x", "number": RIGHT_ID}),
        ("sex", {"value": "7"}),
        ("born_on", {"value": "2199-01-01"}),
        ("born_on", {"value": "x"}),
        ("name", {"value": "  "}),
        ("name", {"value": "张三"}),
        ("phone", {"value": "12"}),
    ],
)
def test_a_value_that_cannot_be_is_told_and_what_was_typed_is_kept(
    people: District, field: str, typed: dict[str, str]
) -> None:
    client = browse(people.user(roles.Resident), purpose="")
    answer = client.post(reverse("healthcode:correction_new", args=[field]), {**typed, "picture": picture()})
    assert answer.status_code == 200
    assert not Correction.objects.exists()
    assert client.get(reverse("healthcode:correction_new", args=["colour"])).status_code == 404


def test_an_approved_correction_changes_the_data_and_is_evidence_that_it_did(people: District) -> None:
    values = {"name": ["欧阳叁"], "sex": ["1"], "born_on": ["1980-02-03"], "phone": ["19900004321"]}
    for field, new in values.items():
        done = approve(people, ask(people, field, *new), "document")
        assert done.evidence_id is not None
        evidence = Evidence.objects.get(pk=done.evidence_id)
        assert (evidence.kind, evidence.facts) == ("correction", {"field": field, "request": done.pk})
        assert (evidence.author, evidence.unit) == (
            people.user(roles.CommunityStaff).pk,
            f"community_staff@area:{people.community.pk}",
        )
        assert correction_queries.compared(done).old
    zhang = Person.objects.get(pk=people.zhang.pk)
    assert (zhang.name, zhang.name_sort, zhang.sex) == ("欧阳叁", "ou1 yang2 san1", "1")
    assert zhang.born_on is not None
    assert zhang.born_on.isoformat() == "1980-02-03"
    assert [phone.reveal() for phone in Phone.objects.filter(person=zhang)] == ["19900004321"]


def test_a_corrected_document_stands_beside_the_old_one(people: District) -> None:
    done = approve(people, ask(people, "document", "resident_id", RIGHT_ID), "document")
    held = Document.objects.filter(person=people.zhang).order_by("pk")
    assert [one.reveal() for one in held] == [ZHANG_ID, RIGHT_ID]
    assert [one.verified_at is not None for one in held] == [False, True]
    assert done.old() == ["resident_id", ZHANG_ID]


def test_nobody_gets_the_document_of_somebody_else(people: District) -> None:
    asked = ask(people, "document", "resident_id", LI_ID)
    with pytest.raises(CorrectionError):
        approve(people, asked)
    assert Document.objects.get(person=people.li).reveal() == LI_ID
    assert Correction.objects.get().state == "open"


@translation.override("en")
def test_an_approval_that_came_too_late_or_twice_or_from_oneself_is_refused(people: District) -> None:
    staff = people.user(roles.CommunityStaff)
    asked = ask(people)
    Person.objects.filter(pk=people.zhang.pk).update(name="张山")
    with pytest.raises(CorrectionError, match="changed since"):
        approve(people, asked)
    staff.person = people.zhang
    staff.save()
    with pytest.raises(CorrectionError, match="yourself"):
        actions.refuse(correction=asked, answer="x", by=staff)
    staff.person = None
    staff.save()
    refused = actions.refuse(correction=asked, answer="Bring the card.", by=staff)
    assert refused.answer() == "Bring the card."
    with pytest.raises(CorrectionError):
        approve(people, asked)
    with pytest.raises(CorrectionError):
        actions.take_back(correction=asked, by=people.user(roles.Resident))
    without = ask(people, "sex", "2", jpeg=None)
    with pytest.raises(CorrectionError, match="no picture"):
        approve(people, without)


def test_the_database_refuses_a_decision_by_whoever_asked(people: District) -> None:
    asked = ask(people)
    with pytest.raises(IntegrityError), transaction.atomic():
        Correction.objects.filter(pk=asked.pk).update(
            state="approved", decided_by=asked.made_by, decided_at=clock.now()
        )


def test_one_sees_ones_own_requests_and_staff_those_of_their_area_alone(people: District) -> None:
    asked = ask(people, "born_on", "1981-01-01")
    own, case = (
        reverse("healthcode:correction", args=[asked.ref]),
        reverse("healthcode:correction_case", args=[asked.ref]),
    )
    pictures = [reverse(f"healthcode:correction_{name}", args=[asked.ref]) for name in ("photo", "paper")]
    other = people.resident(people.li, "19900005678")
    elsewhere = people.user(roles.CommunityStaff, people.other_grid)
    staff = people.user(roles.CommunityStaff)
    assert browse(people.user(roles.Resident)).get(own).status_code == 200
    for url in (own, pictures[0]):
        assert browse(other, purpose="").get(url).status_code == 404
    listed = browse(staff).get(reverse("healthcode:corrections_to_decide")).content.decode()
    assert "张*" in listed
    assert "张三" not in listed
    assert "1981-01-01" in browse(staff).get(case).content.decode()
    assert browse(staff).get(pictures[1]).headers["Content-Type"] == "image/jpeg"
    for url in (case, pictures[1]):
        assert browse(elsewhere).get(url).status_code == 404
        assert browse(people.user(roles.GridWorker)).get(url).status_code == 403
        assert browse(staff, purpose="").get(url).headers["Location"].startswith(reverse("core:purpose"))
        assert Client().get(url).status_code == 302
    refused = browse(elsewhere).post(reverse("healthcode:correction_decide", args=[asked.ref]), {"answer": "x"})
    assert refused.status_code == 404
    looks = AuditRow.objects.naming(people.zhang.pk).filter(actor=staff.pk)
    assert {Deed.SEE_LIST, Deed.SEE_CORRECTION, Deed.SEE_PHOTO} <= set(looks.values_list("deed", flat=True))
    assert set(looks.values_list("purpose", flat=True)) == {"correction"}


def test_staff_compare_before_they_correct_and_say_why_they_do_not(people: District) -> None:
    asked = ask(people)
    client, url = browse(people.user(roles.CommunityStaff)), reverse("healthcode:correction_decide", args=[asked.ref])
    for typed in ({"answer_is": "approve"}, {"answer_is": "refuse"}, {"answer_is": "approve", "compared": "call"}, {}):
        assert client.post(url, typed).status_code == 200
    assert Correction.objects.get().state == "open"
    assert client.post(url, {"answer_is": "approve", "compared": "picture"}).status_code == 302
    assert client.post(url, {"answer_is": "approve", "compared": "picture"}).status_code == 409
    page = browse(people.user(roles.Resident), purpose="").get(reverse("healthcode:correction", args=[asked.ref]))
    assert "张叁" in page.content.decode()
    assert Person.objects.get(pk=people.zhang.pk).name == "张叁"


def test_without_rules_a_correction_waits_and_says_why(district: District) -> None:
    asked = ask(district)
    url = reverse("healthcode:correction_decide", args=[asked.ref])
    answer = browse(district.user(roles.CommunityStaff)).post(url, {"answer_is": "approve", "compared": "picture"})
    assert answer.status_code == 409
    assert Person.objects.get(pk=district.zhang.pk).name == "张三"


@pytest.mark.steady
@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_does() -> None:
    people = make_district()
    adopt()
    asked = ask(people)
    staff = [people.user(roles.CommunityStaff), people.user(roles.StreetStaff)]
    became: list[Any] = []

    def decide(number: int) -> None:
        try:
            became.append(actions.approve(correction=asked, compared="picture", by=staff[number]).state)
        except CorrectionError:
            became.append("too late")
        connection.close()

    threads = [threading.Thread(target=decide, args=[number]) for number in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(became) == ["approved", "too late"]
    assert Evidence.objects.filter(kind="correction").count() == 1


# --- Keys, as pages ---


def test_a_key_goes_from_the_proposal_to_the_secret_that_is_shown_once(people: District) -> None:
    admin = browse(people.user(roles.SystemAdministrator), purpose="")
    commander = browse(people.user(roles.DistrictCommander), purpose="")
    typed = {
        "organisation": people.employer.pk,
        "name": "考勤机",
        "scopes": ["health_query"],
        "per_minute": 5,
        "per_day": 50,
        "valid_until": clock.today().isoformat(),
    }
    new = reverse("healthcode:app_key_new")
    assert admin.post(new, {**typed, "scopes": ["evidence:test_result"]}).status_code == 200
    assert admin.post(new, {**typed, "per_day": "0", "valid_until": "1999-01-01"}).status_code == 200
    page = admin.post(new, typed).headers["Location"]
    ref = uuid.UUID(page.rstrip("/").rpartition("/")[2])
    secret, decide = reverse("healthcode:app_key_secret", args=[ref]), reverse("healthcode:app_key_decide", args=[ref])
    assert admin.post(secret).status_code == 409
    assert admin.post(decide, {"answer": "approve"}).status_code == 403
    assert commander.post(decide, {"answer": "refuse"}).status_code == 200
    assert commander.post(decide, {"answer": "approve"}).status_code == 302
    assert commander.post(decide, {"answer": "approve"}).status_code == 409
    shown = admin.post(secret).content.decode()
    plain = shown.split('class="clear-number">')[2].split("<")[0]
    assert len(plain) == 43
    assert plain not in admin.get(page).content.decode()
    assert commander.post(secret, {"hours": "24"}).status_code == 403
    assert admin.post(secret).status_code == 200
    assert "clear-number" in admin.post(secret, {"hours": "24"}).content.decode()
    assert commander.post(reverse("healthcode:app_key_stop", args=[ref])).status_code == 302
    assert admin.post(reverse("healthcode:app_key_revoke", args=[ref])).status_code == 409


def test_keys_are_nobody_elses_business(people: District) -> None:
    for role in (roles.Resident, roles.HealthOfficer, roles.CommunityStaff, roles.Auditor):
        for name in ("app_keys", "app_key_new", "app_key_proposals"):
            assert browse(people.user(role)).get(reverse(f"healthcode:{name}")).status_code == 403
    url = reverse("healthcode:app_key_proposal", args=[uuid.uuid4()])
    assert browse(people.user(roles.DistrictCommander)).get(url).status_code == 404
    assert Act.APPROVE_KEYS not in roles.SystemAdministrator.may
