"""The resident's declaration: from the questions to evidence, a colour and what others are told."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from citybrain.core import clock
from citybrain.core.actions.areas import create_area
from citybrain.core.models import Area, AuditRow, Document, Event, Organisation, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import GridWorker, Resident
from community.models import Building, Estate
from community.queries import AddressRegister
from healthcode.address_book import AddressBook
from healthcode.models import Declaration, DeclarationDraft, Evidence
from tests.codes import AREAS, adopt
from tests.declarations import (
    CALM,
    NEW_ID,
    NEW_PHONE,
    account,
    colour,
    declare,
    fill,
    page_url,
    place,
    post,
    send,
    stayed,
    today,
)
from tests.people import SINCE, ZHANG_ID, District, browse

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rules")]


# Who may: a resident. Not: staff, nobody.


def test_a_resident_opens_each_page_in_turn(newcomer: Client, district: District) -> None:
    typed = {**CALM, **place(district)}
    url = newcomer.get(reverse("healthcode:declare")).context["onward"]
    seen = []
    while "review" not in url:
        page = newcomer.get(url)
        assert page.status_code == 200
        seen.append((page.context["page"].name, page.context["step"], page.context["steps"]))
        url = newcomer.post(url, {"go": "on", **typed[seen[-1][0]]}).headers["Location"]
    assert [name for name, _step, _steps in seen] == [
        *["who", "address", "community", "estate", "building", "room"],
        *["household", "work", "arrival", "stays", "contact", "health"],
    ]
    assert [step for _name, step, _steps in seen] == list(range(1, 13))
    assert {steps for _name, _step, steps in seen} == {12}
    assert newcomer.get(url).status_code == 200


PAGES = ["declare", "declare_review", "declare_done"]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("page", [*PAGES, "who", "health"])
def test_staff_cannot_declare_and_the_attempt_is_on_record(district: District, page: str, method: str) -> None:
    worker = district.user(GridWorker)
    url = reverse(f"healthcode:{page}") if page in PAGES else page_url(page)
    assert getattr(browse(worker), method)(url).status_code == 403
    assert AuditRow.objects.get(outcome="refused").actor == worker.pk


@pytest.mark.parametrize("page", [*PAGES, "who"])
def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(district: District, page: str) -> None:
    url = reverse(f"healthcode:{page}") if page in PAGES else page_url(page)
    assert browse(None, "").get(url).headers["Location"] == f"{reverse('core:sign_in')}?next={url}"


def test_a_page_that_there_is_not_is_not_found(newcomer: Client) -> None:
    assert newcomer.get(page_url("nothing")).status_code == 404


# The first declaration.


def test_the_first_declaration_of_a_fresh_phone_makes_a_green_code(newcomer: Client, district: District) -> None:
    page = declare(newcomer, district)
    assert page.status_code == 200
    assert reverse("healthcode:code") in page.content.decode()
    person = User.objects.get(username=NEW_PHONE).person
    assert person is not None
    assert (person.name, person.area, person.address) == ("王五", district.grid, "东新园1幢2单元301室")
    assert person.born_on == dt.date(1990, 3, 7)
    assert person.phones.get().reveal() == NEW_PHONE
    assert person.documents.get().reveal() == NEW_ID
    assert person.documents.get().verified_at is None
    assert colour(newcomer) == "green"
    declaration = Declaration.objects.get()
    assert declaration.evidence.facts == {"symptoms": [], "explained": [], "pledged": True}
    assert (declaration.area, declaration.building) == (district.grid, Building.objects.get(area=district.grid).pk)
    assert not DeclarationDraft.objects.exists()
    assert not Event.objects.filter(kind__startswith="declaration.").exists()


def test_a_declaration_is_on_record_as_the_resident_s_own_deed(newcomer: Client, district: District) -> None:
    declare(newcomer, district)
    user = User.objects.get(username=NEW_PHONE)
    row = AuditRow.objects.get(deed=Deed.DECLARE)
    assert (row.actor, row.role, row.subjects) == (user.pk, "resident", [user.person_id])
    assert row.target == f"declaration:{Declaration.objects.get().pk}"
    assert not AuditRow.objects.filter(deed=Deed.CHANGE_ADDRESS).exists()


def test_what_is_declared_comes_from_the_person_and_is_known_to_be_so(newcomer: Client, district: District) -> None:
    declare(newcomer, district)
    user = User.objects.get(username=NEW_PHONE)
    assert set(Evidence.objects.values_list("source", "author")) == {("self", user.pk)}


def test_a_fever_makes_the_code_yellow(newcomer: Client, district: District) -> None:
    declare(newcomer, district, health={"symptoms": ["fever"], "celsius": "38,2℃"})
    assert Declaration.objects.get().evidence.facts["celsius"] == 38.2
    assert colour(newcomer) == "yellow"


def test_a_temperature_alone_makes_the_code_yellow(newcomer: Client, district: District) -> None:
    declare(newcomer, district, health={"symptoms": "none", "celsius": "37.3"})
    assert colour(newcomer) == "yellow"


def test_a_cough_from_a_chronic_illness_leaves_the_code_green(newcomer: Client, district: District) -> None:
    declare(newcomer, district, health={"symptoms": ["cough"], "explained": ["cough"]})
    assert colour(newcomer) == "green"


def test_an_illness_behind_a_symptom_that_is_not_there_is_not_kept(newcomer: Client, district: District) -> None:
    declare(newcomer, district, health={"symptoms": ["cough"], "explained": ["fever"]})
    assert Declaration.objects.get().evidence.facts["explained"] == []
    assert colour(newcomer) == "yellow"


def test_a_stay_in_a_listed_high_risk_area_makes_the_code_red(newcomer: Client, district: District) -> None:
    declare(newcomer, district, stays=stayed("42", 9, 5))
    assert colour(newcomer) == "red"
    stay = Evidence.objects.get(kind="risk_area_stay")
    assert stay.facts == {"code": "420000000000", "from": today(9), "to": today(5)}
    assert stay.true_at.astimezone(clock.SHANGHAI).date().isoformat() == today(5)


def test_a_stay_that_ended_earlier_is_kept_and_said_not_to_count(newcomer: Client, district: District) -> None:
    fill(newcomer, {**CALM, **place(district), "stays": stayed("42", 30, 15)})
    lines = newcomer.get(reverse("healthcode:declare_review")).context["lines"]
    assert [bool(line.note) for line in lines if line.page == "stays"] == [True]
    send(newcomer)
    assert Evidence.objects.filter(kind="risk_area_stay").exists()
    assert colour(newcomer) == "green"


def test_a_stay_that_ended_fourteen_days_ago_still_counts(newcomer: Client, district: District) -> None:
    declare(newcomer, district, stays=stayed("42", 14, 14))
    assert colour(newcomer) == "red"


@pytest.mark.parametrize(("grade", "state"), [("close", "red"), ("secondary", "yellow")])
def test_a_contact_colours_the_code_by_its_grade(newcomer: Client, district: District, grade: str, state: str) -> None:
    declare(newcomer, district, contact={"contact": grade, "day": today(3)})
    assert colour(newcomer) == state
    exposure = Evidence.objects.get(kind="exposure")
    assert exposure.facts == {"grade": grade}
    assert exposure.true_at.astimezone(clock.SHANGHAI) == dt.datetime.combine(
        clock.today() - dt.timedelta(days=3), dt.time.max, clock.SHANGHAI
    )


def test_a_contact_of_today_is_true_now_and_not_later(newcomer: Client, district: District) -> None:
    declare(newcomer, district, contact={"contact": "close", "day": today()})
    exposure = Evidence.objects.get(kind="exposure")
    assert exposure.true_at <= exposure.known_at <= clock.now()


def test_nobody_is_green_for_a_moment_before_they_are_red(newcomer: Client, district: District) -> None:
    person_of = declare(newcomer, district, stays=stayed("42", 9, 5), contact={"contact": "secondary", "day": today()})
    assert person_of.context["code"].state == "red"
    changes = User.objects.get(username=NEW_PHONE).person
    assert changes is not None
    assert list(changes.code_changes.order_by("id").values_list("before", "after")) == [("not_known", "red")]


def test_a_trip_is_kept_with_its_number(newcomer: Client, district: District) -> None:
    trip = {"arrived": "yes", "day": today(2), "origin": " 武汉   市 ", "transport": "train", "number": "G587"}
    declare(newcomer, district, arrival=trip)
    assert Evidence.objects.get(kind="trip").facts == {
        "from": "武汉 市",
        "day": today(2),
        "transport": "train",
        "number": "G587",
    }


def test_a_typed_birth_date_counts_for_a_passport_and_is_ignored_beside_an_identity_card(
    newcomer: Client, district: District
) -> None:
    passport = {"name": "Maria Silva", "kind": "passport", "number": "ab 123456", "born_on": "1988-02-29"}
    declare(newcomer, district, who=passport)
    person = Person.objects.get(name="Maria Silva")
    assert person.born_on == dt.date(1988, 2, 29)
    assert person.documents.get().reveal() == "AB123456"
    other = browse(account("19900008888"), "")
    declare(other, district, who={**CALM["who"], "born_on": "1960-01-01"})
    assert Person.objects.get(name="王五").born_on == dt.date(1990, 3, 7)


def test_without_risk_areas_the_question_is_left_out_and_the_review_says_so(
    newcomer: Client, district: District
) -> None:
    adopt(areas=[])
    ended = [{**AREAS[0], "valid_to": today(14)}]
    adopt(areas=ended)
    fill(newcomer, {**CALM, **place(district)})
    assert newcomer.get(page_url("stays")).status_code == 302
    lines = newcomer.get(reverse("healthcode:declare_review")).context["lines"]
    assert [bool(line.page) for line in lines].count(False) == 2, "phone and stays have nothing to change"
    assert newcomer.get(page_url("health")).context["steps"] == 11


def test_an_area_that_was_a_risk_area_within_the_days_asked_about_is_still_asked(
    newcomer: Client, district: District
) -> None:
    adopt(areas=[{**AREAS[0], "valid_to": today(13)}])
    fill(newcomer, {**CALM, **place(district)}, until="stays")
    assert newcomer.get(page_url("stays")).status_code == 200


# A document that somebody else holds.


def test_a_document_on_record_for_somebody_else_is_left_out_and_becomes_a_task(
    newcomer: Client, district: District
) -> None:
    page = declare(newcomer, district, who={**CALM["who"], "number": ZHANG_ID})
    assert colour(newcomer) == "green"
    person = User.objects.get(username=NEW_PHONE).person
    assert person is not None
    assert person != district.zhang
    assert not person.documents.exists()
    assert Document.objects.filter(person=district.zhang).count() == 1
    assert Event.objects.get(kind="declaration.document_taken").payload == {"person": person.pk}
    text = page.content.decode()
    assert not page.context["documents"]
    assert "张" not in text
    assert ZHANG_ID not in text


# A building that the register does not have.


def test_a_building_that_is_not_in_the_register_is_told_to_the_community(newcomer: Client, district: District) -> None:
    page = declare(newcomer, district, estate={"estate": "none"}, room={"room": "东新路 9 号 2 幢 101 室"})
    declaration = Declaration.objects.get()
    assert (declaration.area, declaration.building) == (district.community, None)
    assert declaration.person.area == district.community
    assert declaration.address == "东新路 9 号 2 幢 101 室"
    assert Event.objects.get(kind="declaration.address_not_found").payload == {"declaration": declaration.pk}
    assert not page.context["is_found"]


def test_a_building_that_is_missing_in_a_known_estate_keeps_the_estate_s_name(
    newcomer: Client, district: District
) -> None:
    declare(newcomer, district, building={"building": "none"}, room={"room": "9幢101室"})
    assert Declaration.objects.get().address == "东新园9幢101室"
    assert Event.objects.filter(kind="declaration.address_not_found").exists()


def test_a_community_without_estates_is_asked_for_the_address_in_words(newcomer: Client, district: District) -> None:
    bare = create_area(
        level=Area.Level.COMMUNITY,
        code="330103008009",
        name="华丰社区",
        parent=district.street,
        valid_from=SINCE,
        by=None,
    )
    declare(newcomer, district, community={"community": bare.pk}, room={"room": "华丰村 12 号"})
    assert Declaration.objects.get().area == bare


def test_the_register_of_the_community_answers_as_an_address_book(district: District) -> None:
    book: AddressBook = AddressRegister()
    estate, building = Estate.objects.get(), Building.objects.get(area=district.grid)
    Estate.objects.create(name="空园", area=district.community)
    assert book.estates(district.community.pk) == [(estate.pk, "东新园")]
    assert (building.pk, "1幢") in book.buildings(estate.pk)
    place = book.building(building.pk)
    assert place is not None
    assert (place.area_id, place.community_id, place.text) == (district.grid.pk, district.community.pk, "东新园1幢")
    assert book.building(0) is None


# Asked once.


def test_whoever_is_known_sees_name_and_masked_document_and_is_not_asked(district: District) -> None:
    client = browse(district.user(Resident), "")
    text = client.get(reverse("healthcode:declare")).content.decode()
    assert "张三" in text
    assert ZHANG_ID not in text
    assert ZHANG_ID[-4:] in text
    assert client.get(page_url("who")).status_code == 302


def test_the_second_declaration_asks_whether_address_and_work_still_hold(newcomer: Client, district: District) -> None:
    declare(newcomer, district, work={"kind": "employer", "name": "东新电子"})
    first = Declaration.objects.get()
    assert newcomer.get(reverse("healthcode:declare")).context["onward"] == page_url("same")
    declare(newcomer, district)
    second = Declaration.objects.latest("id")
    assert first.pk != second.pk
    for name in ("person", "area", "address", "building", "work", "organisation"):
        assert getattr(first, name) == getattr(second, name), name
    assert not AuditRow.objects.filter(deed=Deed.CHANGE_ADDRESS).exists()


def test_a_person_on_record_who_never_declared_is_asked_whether_they_still_live_there(district: District) -> None:
    client = browse(district.user(Resident), "")
    page = client.get(page_url("same"))
    assert "1幢101室" in page.content.decode()
    declare(client, district)
    assert Declaration.objects.get().person == district.zhang
    assert Declaration.objects.get().area == district.grid


def test_whoever_has_moved_is_brought_up_to_date_on_record(district: District) -> None:
    client = browse(district.user(Resident), "")
    other = Building.objects.get(area=district.other_grid)
    declare(client, district, same={"same": "address"}, building={"building": other.pk})
    person = Person.objects.get(pk=district.zhang.pk)
    assert (person.area, person.address) == (district.other_grid, "东新园2幢2单元301室")
    row = AuditRow.objects.get(deed=Deed.CHANGE_ADDRESS)
    assert row.subjects == [person.pk]
    assert row.detail == {"from": district.grid.pk, "to": district.other_grid.pk}


# Employer or school.


def test_an_employer_is_found_by_its_name(newcomer: Client, district: District) -> None:
    declare(newcomer, district, work={"kind": "employer", "name": "东新电子"})
    declaration = Declaration.objects.get()
    assert (declaration.organisation, declaration.work) == (district.employer, "东新电子")


@pytest.mark.parametrize("choice", ["found", "none"])
def test_of_similar_names_one_is_chosen_or_the_words_are_kept(
    newcomer: Client, district: District, choice: str
) -> None:
    other = Organisation.objects.create(kind="employer", name="东新电器", area=district.community)
    chosen = {"organisation": other.pk if choice == "found" else "none"}
    declare(newcomer, district, work={"kind": "employer", "name": "东新"}, organisation=chosen)
    declaration = Declaration.objects.get()
    expected = (other, "东新电器") if choice == "found" else (None, "东新")
    assert (declaration.organisation, declaration.work) == expected


def test_an_employer_that_nobody_knows_is_kept_in_words(newcomer: Client, district: District) -> None:
    declare(newcomer, district, work={"kind": "school", "name": "东新电子"})
    assert (Declaration.objects.get().organisation, Declaration.objects.get().work) == (None, "东新电子")


def test_a_page_that_is_jumped_to_leads_to_the_first_open_one(newcomer: Client, district: District) -> None:
    for page in ("health", "community", "room", "organisation", "same"):
        assert newcomer.get(page_url(page)).headers["Location"] == page_url("who")
        assert post(newcomer, page, **CALM.get(page, {})).headers["Location"] == page_url("who")
    assert newcomer.get(reverse("healthcode:declare_review")).headers["Location"] == page_url("who")
    fill(newcomer, {**CALM, **place(district)}, until="arrival")
    assert newcomer.get(page_url("health")).headers["Location"] == page_url("arrival")
    assert newcomer.get(page_url("work")).status_code == 200


def test_nothing_can_be_sent_before_everything_is_answered(newcomer: Client, district: District) -> None:
    fill(newcomer, {**CALM, **place(district)}, until="health")
    review = reverse("healthcode:declare_review")
    assert newcomer.post(review, {"pledge": "yes"}).headers["Location"] == page_url("health")
    assert not Declaration.objects.exists()


@pytest.mark.parametrize("pledge", [[], ["no"]])
def test_nothing_can_be_sent_without_the_promise(newcomer: Client, district: District, pledge: list[str]) -> None:
    fill(newcomer, {**CALM, **place(district)})
    review = reverse("healthcode:declare_review")
    version = newcomer.get(review).context["version"]
    page = newcomer.post(review, {"version": version, "pledge": pledge}, follow=True)
    assert "pledge" in page.context["form"].errors
    assert page.context["version"] == version
    assert not Declaration.objects.exists()


# The receipt.


def test_the_receipt_says_all_that_was_sent_and_nothing_of_another_declaration(
    newcomer: Client, district: District
) -> None:
    newcomer.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    trip = {"arrived": "yes", "day": today(2), "origin": "武汉市", "transport": "train", "number": "G587"}
    contact = {"contact": "secondary", "day": today(3)}
    first = declare(newcomer, district, arrival=trip, stays=stayed("42", 9, 5), contact=contact).content.decode()
    for said in ("G587", "湖北省", "contact of a close contact", "No symptoms", "东新园1幢2单元301室", NEW_ID[-4:]):
        assert said in first, said
    assert NEW_ID not in first
    assert f"No. {Declaration.objects.get().pk}" in first
    with clock.at(clock.now() + dt.timedelta(hours=1)):
        second = declare(newcomer, district, health={"symptoms": ["cough"]}).content.decode()
    assert "Symptoms: cough" in second
    assert "G587" not in second
    assert "湖北省" not in second
