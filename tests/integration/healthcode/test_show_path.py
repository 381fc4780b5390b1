"""Showing a code: by cookie alone, with the database where it is there, and never anybody else's."""

import datetime as dt
import re
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from citybrain.core import clock, roles
from healthcode import queries, shedding, showing
from healthcode.actions.code import renew
from healthcode.models import CodeNumber
from tests.codes import WELL, adopt, noon, tell
from tests.people import LI_PHONE, District, browse

pytestmark = pytest.mark.django_db

NOW = noon(2, 13)
LATER = NOW + dt.timedelta(minutes=1)


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules; 张三 has declared."""
    adopt()
    tell(district.zhang, "declaration", WELL, noon(2, 12))
    return district


def _phone(people: District, at: dt.datetime = NOW) -> Client:
    """Return the phone of 张三, whose code page has just been opened."""
    client = browse(people.user(roles.Resident), purpose="")
    client.cookies["django_language"] = "en"
    with clock.at(at):
        assert client.get("/code/", follow=True).status_code == 200
    return client


def _state(html: str) -> str:
    found = re.search(r'data-state="(\w+)"', html)
    assert found
    return found[1]


def _shown(client: Client, at: dt.datetime = NOW) -> showing.Shown | None:
    return showing.unseal(client.cookies[settings.CODE_COOKIE_NAME].value, showing.milliseconds(at))


def _without_database() -> Any:
    return mock.patch.object(connection, "cursor", side_effect=OperationalError("the database is down"))


def test_the_first_look_asks_the_database_once_and_every_further_one_not_at_all(people: District) -> None:
    client = browse(people.user(roles.Resident), purpose="")
    with clock.at(NOW):
        chain = client.get("/code/", follow=True).redirect_chain
        assert [url for url, _status in chain] == ["/code/open/", "/code/?opened=1"]
        with CaptureQueriesContext(connection) as asked:
            pages = [client.get(path) for path in ("/code/", "/code/key/", "/code/picture.png", "/code/worker.js")]
    assert [page.status_code for page in pages] == [200] * 4
    assert not asked.captured_queries
    assert not any(page.wsgi_request.session.accessed for page in pages)


def test_to_open_the_page_costs_as_many_statements_as_to_renew_its_state(people: District) -> None:
    client = _phone(people)
    for path in ("/code/open/", "/code/state/"):
        with CaptureQueriesContext(connection) as asked:
            client.get(path)
        assert len(asked) == 6, [one["sql"] for one in asked]


def test_the_cookie_is_for_the_code_page_alone_and_no_script_reads_it(people: District) -> None:
    cookie = _phone(people).cookies[settings.CODE_COOKIE_NAME]
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/code/", "Lax", True)
    assert cookie["secure"] == (settings.SECURE_COOKIES or "")
    assert cookie["max-age"] == 24 * 3600
    shown = showing.unseal(cookie.value, showing.milliseconds(NOW))
    assert shown
    assert (shown.masked_name, shown.number) == ("张*", CodeNumber.objects.get(person=people.zhang).number)


def test_an_open_page_is_told_what_the_code_says_now_and_its_cookie_is_renewed(people: District) -> None:
    client = _phone(people)
    tell(people.zhang, "case", {"status": "suspected"}, LATER)
    with clock.at(LATER):
        assert _state(client.get("/code/").content.decode()) == "green"
        answer = client.get("/code/state/")
        told = answer.json()
        assert _state(client.get("/code/").content.decode()) == "red"
    code = queries.state_of(people.zhang)
    assert code.since
    assert told == {
        "state": "red",
        "since": code.since.isoformat(timespec="milliseconds"),
        "valid_until": None,
        "at": LATER.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
        "number": showing.number_text(CodeNumber.objects.get().number),
    }
    assert "no-store" in answer.headers["Cache-Control"]


def test_what_a_page_drawn_from_the_cookie_says_is_what_its_script_is_told(people: District) -> None:
    # Else it would be loaded anew for ever.
    client = _phone(people)
    with clock.at(NOW):
        told = client.get("/code/state/").json()
        facts = re.search(r'data-facts="([^"]+)"', client.get("/code/").content.decode())
    assert facts
    number, _key_id, _key, _day, _at, read, since, until = facts[1].split(" ")
    instants = [showing.milliseconds(dt.datetime.fromisoformat(told[name])) for name in ("at", "since", "valid_until")]
    assert (number, [int(read), int(since), int(until)]) == (told["number"], instants)


@pytest.mark.parametrize("path", ["/code/open/", "/code/state/", "/code/more/"])
def test_what_asks_the_database_is_for_residents_who_are_signed_in(people: District, path: str) -> None:
    assert Client().get(path).headers["Location"] == f"/sign-in/?next={path}"
    for role in roles.STAFF_ROLES:
        assert browse(people.user(role)).get(path).status_code == 403, role
    assert not CodeNumber.objects.exists()


# The database is away


def test_without_a_database_the_page_is_opened_by_what_the_cookie_says(people: District) -> None:
    client = _phone(people)
    with clock.at(NOW + dt.timedelta(minutes=10)), _without_database():
        answer = client.get("/code/open/", follow=True)
        assert [url for url, _status in answer.redirect_chain] == ["/code/?opened=1"]
        html = answer.content.decode()
        for path in ("/code/state/", "/code/more/"):
            late = client.get(path)
            assert (late.status_code, late.headers["Retry-After"]) == (503, "30"), path
    assert _state(html) == "green"
    assert "stale" in html
    assert "2020-02-13 12:00:00</time>.</strong> The gate will look it up." in html


def test_without_database_and_cookie_the_page_says_what_to_do(people: District) -> None:
    client = browse(people.user(roles.Resident), purpose="")
    client.cookies["django_language"] = "en"
    with _without_database():
        answer = client.get("/code/open/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "show your identity document" in answer.content.decode()


# Too many ask


def test_extras_are_sent_away_first_then_the_state_and_the_page_never(people: District) -> None:
    client = _phone(people)
    with clock.at(NOW), shedding.PLACES.place(99), shedding.PLACES.place(99):
        more = client.get("/code/more/")
        assert (more.status_code, more.headers["Retry-After"], more.content) == (503, "30", b"")
        assert client.get("/code/state/").status_code == 200
        with shedding.PLACES.place(99):
            assert client.get("/code/state/").status_code == 503
            assert client.get("/code/open/").headers["Location"] == "/code/?opened=1"
            assert client.get("/code/").status_code == 200
    assert client.get("/code/more/").status_code == 200


# Somebody else's phone


def test_whoever_signs_out_leaves_nothing_that_shows_their_code(people: District) -> None:
    client = _phone(people)
    answer = client.post("/sign-out/")
    assert client.cookies[settings.CODE_COOKIE_NAME].value == ""
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert client.get("/code/", follow=True).redirect_chain[-1][0] == "/sign-in/?next=/code/open/"
    # The page that follows wipes by script what a browser without that header has kept.
    assert "code_forget" in client.get("/sign-in/").content.decode()
    assert "code_forget" in client.get("/sign-in/staff/").content.decode()


def test_a_session_that_ended_by_itself_leaves_nothing_at_sign_out_either_and_staff_keep_their_settings(
    people: District,
) -> None:
    assert "Clear-Site-Data" in Client().post("/sign-out/").headers
    assert "Clear-Site-Data" not in browse(people.user(roles.GridWorker)).post("/sign-out/").headers


def test_whoever_signs_in_next_is_never_shown_the_code_of_the_one_before(
    people: District, capsys: pytest.CaptureFixture[str]
) -> None:
    client = _phone(people)
    people.resident(people.li, LI_PHONE)
    client.post("/sign-in/", {"phone": LI_PHONE})
    sent = re.search(r"SMS to \S+ .*?(\d{6})", capsys.readouterr().out)
    assert sent
    client.post("/sign-in/code/", {"code": sent[1]})
    assert client.cookies[settings.CODE_COOKIE_NAME].value == ""
    html = client.get("/code/", follow=True).content.decode()
    assert "李*" in html
    assert "张*" not in html


def test_another_persons_cookie_is_replaced_by_the_own_as_soon_as_the_state_is_asked(people: District) -> None:
    client = browse(people.resident(people.li, LI_PHONE), purpose="")
    client.cookies[settings.CODE_COOKIE_NAME] = _phone(people).cookies[settings.CODE_COOKIE_NAME].value
    with clock.at(NOW):
        client.get("/code/state/")
    shown = _shown(client)
    assert shown
    assert shown.masked_name == "李*"


# More


def test_more_says_each_reason_with_since_until_and_what_ends_it(people: District) -> None:
    client = _phone(people)
    tell(people.zhang, "exposure", {"grade": "secondary"}, NOW)
    with clock.at(NOW):
        html = client.get("/code/more/").content.decode()
    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    for said in (
        *("Contact of a close contact", "yellow", "2020-02-13 12:00", "2020-02-20 at the earliest"),
        "What ends it Ends with 7 consecutive normal daily check-ins",
    ):
        assert said in text, said
    # Language and type size, which take a form of ours.
    assert 'name="csrfmiddlewaretoken"' in html
    assert 'name="mode" value="elder"' in html


def test_a_new_code_is_shown_at_once_and_said_to_be_new(people: District) -> None:
    client = _phone(people)
    old = _shown(client)
    with clock.at(NOW):
        answer = client.post("/code/renew/", follow=True)
    new = _shown(client)
    assert old
    assert new
    assert new.number == CodeNumber.objects.get(revoked_at=None).number != old.number
    assert "You have a new code" in answer.content.decode()
    assert "You have a new code" not in client.get("/code/").content.decode()


def test_a_code_renewed_on_another_phone_reaches_this_one_with_its_next_question(people: District) -> None:
    client = _phone(people)
    number = renew(person=people.zhang, by=None).number
    with clock.at(LATER):
        assert client.get("/code/state/").json()["number"] == showing.number_text(number)
        assert showing.number_text(number) in client.get("/code/").content.decode()
