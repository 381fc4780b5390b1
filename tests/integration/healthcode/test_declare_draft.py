"""The draft of a declaration: kept while it is answered, sent once."""

import datetime as dt
import threading

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse

from citybrain.core import clock, crypto, keyring
from citybrain.core.actions.areas import create_area
from citybrain.core.models import Area, Person, User
from community.models import Building
from healthcode import answers
from healthcode.actions import declare as actions
from healthcode.actions import drafts
from healthcode.models import Declaration, DeclarationDraft, Evidence
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
    smoke_community,
)
from tests.people import SINCE, District, browse

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rules")]

SENT = dt.datetime(2020, 2, 13, 12, tzinfo=clock.SHANGHAI)


def test_going_back_keeps_what_was_typed_though_it_is_not_complete(newcomer: Client, district: District) -> None:
    response = newcomer.post(page_url("who"), {"go": "back", "name": "王", "number": "12"})
    assert response.headers["Location"] == reverse("healthcode:declare")
    form = newcomer.get(page_url("who")).context["form"]
    assert (form["name"].value(), form["number"].value()) == ("王", "12")
    assert not form.errors
    fill(newcomer, {**CALM, **place(district)}, until="health")
    back = newcomer.post(page_url("health"), {"go": "back", "symptoms": ["cough"], "celsius": "99"})
    assert back.headers["Location"] == page_url("contact")
    form = newcomer.get(page_url("health")).context["form"]
    assert (form["symptoms"].value(), form["celsius"].value()) == (["cough"], "99")


def test_the_draft_is_sealed(newcomer: Client, district: District) -> None:
    post(newcomer, "who", **CALM["who"])
    cipher = bytes(DeclarationDraft.objects.get().cipher)
    assert NEW_ID.encode() not in cipher
    assert "王五".encode() not in cipher
    for session in Session.objects.all():
        assert NEW_ID not in str(session.get_decoded())


def test_a_draft_waits_for_another_day_and_another_browser(newcomer: Client, district: District) -> None:
    fill(newcomer, {**CALM, **place(district)}, until="work")
    later = browse(User.objects.get(username=NEW_PHONE), "")
    start = later.get(reverse("healthcode:declare"))
    assert start.context["is_under_way"]
    assert start.context["onward"] == page_url("work")


def test_drafts_are_purged_after_seven_days(newcomer: Client, district: District) -> None:
    with clock.at(clock.now() - dt.timedelta(days=7, minutes=1)):
        post(newcomer, "who", **CALM["who"])
    other = browse(account("19900008888"), "")
    post(other, "who", **CALM["who"])
    assert drafts.purge_drafts() == 1
    assert DeclarationDraft.objects.get().user.username == "19900008888"


def test_an_answer_is_changed_from_the_review_and_leads_back_to_it(newcomer: Client, district: District) -> None:
    fill(newcomer, {**CALM, **place(district)})
    review = newcomer.get(reverse("healthcode:declare_review")).content.decode()
    assert f"{page_url('health')}?change" in review
    answered = newcomer.post(f"{page_url('health')}?change", {"go": "on", "symptoms": ["cough"]})
    assert answered.headers["Location"] == reverse("healthcode:declare_review")
    back = newcomer.post(f"{page_url('health')}?change", {"go": "back", "symptoms": ["cough"]})
    assert back.headers["Location"] == reverse("healthcode:declare_review")
    send(newcomer)
    assert colour(newcomer) == "yellow"


def test_a_change_that_opens_new_questions_asks_them_before_the_review(newcomer: Client, district: District) -> None:
    street = create_area(
        level=Area.Level.STREET,
        code="330103009000",
        name="潮鸣街道",
        parent=district.district,
        valid_from=SINCE,
        by=None,
    )
    community = create_area(
        level=Area.Level.COMMUNITY, code="330103009001", name="艮园社区", parent=street, valid_from=SINCE, by=None
    )
    fill(newcomer, {**CALM, **place(district)})
    url = f"{page_url('address')}?change"
    for page, answer in (("address", street.pk), ("community", community.pk)):
        assert url == f"{page_url(page)}?change"
        field = "street" if page == "address" else page
        url = newcomer.post(url, {"go": "on", field: answer}).headers["Location"]
    # The flat that was typed still holds: nothing else is asked again.
    assert url == reverse("healthcode:declare_review")
    send(newcomer)
    assert Declaration.objects.get().area == community


# Sending.


def test_sending_twice_makes_one_declaration(newcomer: Client, district: District) -> None:
    fill(newcomer, {**CALM, **place(district)})
    version = newcomer.get(reverse("healthcode:declare_review")).context["version"]
    for _time in range(2):
        sent = newcomer.post(reverse("healthcode:declare_review"), {"version": version, "pledge": "yes"})
        assert sent.headers["Location"] == reverse("healthcode:declare_done")
    assert newcomer.get(reverse("healthcode:declare_done")).status_code == 200
    assert Declaration.objects.count() == 1
    assert Evidence.objects.count() == 1


def test_answers_changed_in_another_window_are_read_again_before_they_are_sent(
    newcomer: Client, district: District
) -> None:
    fill(newcomer, {**CALM, **place(district)})
    version = newcomer.get(reverse("healthcode:declare_review")).context["version"]
    post(newcomer, "health", symptoms=["fever"])
    sent = newcomer.post(reverse("healthcode:declare_review"), {"version": version, "pledge": "yes"})
    assert sent.headers["Location"] == reverse("healthcode:declare_review")
    assert not Declaration.objects.exists()


def test_without_rules_in_force_the_page_says_so_and_the_draft_stays(newcomer: Client, district: District) -> None:
    fill(newcomer, {**CALM, **place(district)})
    review = reverse("healthcode:declare_review")
    version = newcomer.get(review).context["version"]
    with clock.at(dt.datetime(2019, 6, 1, tzinfo=dt.UTC)):
        answers = [newcomer.get(reverse("healthcode:declare")), newcomer.get(page_url("who"))]
        answers += [newcomer.get(review), newcomer.post(review, {"version": version, "pledge": "yes"})]
    assert [answer.status_code for answer in answers] == [503] * 4
    assert DeclarationDraft.objects.exists()
    assert not Declaration.objects.exists()
    assert not Person.objects.filter(name="王五").exists()


def test_the_page_at_the_end_leads_whoever_has_not_declared_to_the_beginning(newcomer: Client) -> None:
    done = newcomer.get(reverse("healthcode:declare_done"))
    assert done.headers["Location"] == reverse("healthcode:declare")


@pytest.mark.parametrize(("minutes", "is_said"), [(0, True), (9, True), (11, False)])
def test_whoever_comes_back_just_after_sending_is_told_that_it_was_sent(
    newcomer: Client, district: District, minutes: int, is_said: bool
) -> None:
    newcomer.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with clock.at(SENT):
        declare(newcomer, district)
    with clock.at(SENT + dt.timedelta(minutes=minutes)):
        for path in (reverse("healthcode:declare_review"), page_url("health")):
            page = newcomer.get(path, follow=True).content.decode()
            assert ("Sent at 12:00. What follows would be a new declaration." in page) == is_said, path


def test_whoever_has_begun_a_new_declaration_is_not_told_of_the_last_any_more(
    newcomer: Client, district: District
) -> None:
    newcomer.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    declare(newcomer, district)
    post(newcomer, "same", same="yes")
    assert "would be a new declaration" not in newcomer.get(page_url("arrival")).content.decode()


def test_the_page_at_the_end_says_that_a_new_declaration_did_not_end_earlier_reasons(
    newcomer: Client, district: District
) -> None:
    newcomer.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    said = "A new declaration does not end a reason that is there already."
    assert said not in declare(newcomer, district).content.decode()
    fill(newcomer, {"same": {"same": "yes"}})
    ill = declare(newcomer, district, health={"symptoms": ["fever"]}).content.decode()
    assert said in ill
    assert reverse("healthcode:check_in") in ill
    fill(newcomer, {**CALM, **place(district), "same": {"same": "yes"}})
    assert said in newcomer.get(send(newcomer).headers["Location"]).content.decode()


def test_the_page_at_the_end_says_the_last_day_of_a_green_code(newcomer: Client, district: District) -> None:
    newcomer.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with clock.at(SENT):
        assert "It holds through 2020-02-27; then declare again." in declare(newcomer, district).content.decode()


def test_every_page_leads_to_the_declaration_from_home_while_nothing_is_known(
    newcomer: Client, district: District
) -> None:
    for page in ("dashboard:home", "core:me", "core:looks"):
        assert reverse("healthcode:declare") in newcomer.get(reverse(page)).content.decode()


# Test accounts.


def test_a_test_account_lives_in_test_areas_only_and_nobody_else_does(district: District) -> None:
    community = smoke_community()
    smoke = browse(account("10000000000", is_smoke=True), "")
    fill(smoke, {**CALM, **place(district)}, until="address")
    assert post(smoke, "address", street=district.street.pk).status_code == 200
    assert post(smoke, "address", street=community.parent_id).status_code == 302
    assert post(smoke, "community", community=district.community.pk).status_code == 200
    assert post(smoke, "community", community=community.pk).status_code == 302
    fill(smoke, CALM)
    send(smoke)
    assert Declaration.objects.get().area == community
    other = browse(account(NEW_PHONE), "")
    fill(other, {**CALM, **place(district)}, until="address")
    assert post(other, "address", street=community.parent_id).status_code == 200


def test_the_action_itself_takes_no_home_outside_the_account_s_tree(district: District) -> None:
    community, user = smoke_community(), account(NEW_PHONE)
    who = answers.Identity("王五", "resident_id", NEW_ID)
    own, building = district.community.pk, Building.objects.get(area=district.grid).pk
    for home in (
        answers.Home(community.pk, None, "x"),
        answers.Home(district.grid.pk, None, "x"),
        answers.Home(own, 10**9, "x"),
        None,
    ):
        with pytest.raises(ValidationError):
            actions.declare(user=user, answers=answers.Answers(identity=who, home=home))
    with pytest.raises(ValidationError):
        actions.declare(user=user, answers=answers.Answers(home=answers.Home(own, building, "101")))
    assert not Declaration.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_make_one_declaration(district: District) -> None:
    user = account(NEW_PHONE)
    client = browse(user, "")
    fill(client, {**CALM, **place(district)})
    version = client.get(reverse("healthcode:declare_review")).context["version"]
    key = client.session.session_key
    answers: list[str] = []

    def click() -> None:
        try:
            one = Client()
            one.cookies["citybrain_session"] = str(key)
            sent = one.post(reverse("healthcode:declare_review"), {"version": version, "pledge": "yes"})
            answers.append(sent.headers["Location"])
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _click in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert answers == [reverse("healthcode:declare_done")] * 4
    assert Declaration.objects.count() == 1
    assert Person.objects.filter(name="王五").count() == 1


def test_a_draft_whose_key_was_retired_begins_anew(
    newcomer: Client, district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(newcomer, {**CALM, **place(district)})
    unseal, old = crypto.unseal, bytes(DeclarationDraft.objects.get().cipher)

    def retired(kind: str, sealed: bytes, *, owner: str = "") -> str:
        if sealed == old:
            raise keyring.KeyringError
        return unseal(kind, sealed, owner=owner)

    with monkeypatch.context() as patch:
        patch.setattr(crypto, "unseal", retired)
        assert newcomer.get(reverse("healthcode:declare")).context["onward"] == page_url("who")
        assert post(newcomer, "who", **CALM["who"]).status_code == 302
    assert newcomer.get(reverse("healthcode:declare")).context["onward"] == page_url("address")
