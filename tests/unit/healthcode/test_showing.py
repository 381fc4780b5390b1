"""The code page's cookie, and what is drawn from it: no database, no session, and nothing that is not signed."""

import datetime as dt
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.test import Client

from citybrain.core import clock, keyring
from healthcode import show_page, showing, tokens
from healthcode.models import State
from healthcode.showing import Shown

NOW = dt.datetime(2020, 2, 13, 4, 0, tzinfo=dt.UTC)
AT = showing.milliseconds(NOW)
MINUTE, HOUR = 60_000, 3_600_000
ZHANG = Shown(-5_000_000_000_123, "张*", State.GREEN, AT - HOUR, AT + HOUR, AT)
LI = ZHANG._replace(number=77, masked_name="李*", state=State.RED, valid_until=None)


def _phone(shown: Shown | None, **cookies: str) -> Client:
    """Return a browser with a session that nobody may ask for: these tests have no database."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    if shown:
        client.cookies[settings.CODE_COOKIE_NAME] = showing.seal(shown)
    for name, value in cookies.items():
        client.cookies[name] = value
    return client


def _page(shown: Shown, at: dt.datetime = NOW, path: str = "/code/", **cookies: str) -> str:
    with clock.at(at):
        answer = _phone(shown, django_language="en", **cookies).get(path)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return answer.content.decode()


@pytest.mark.parametrize(
    "shown", [ZHANG, LI, Shown(2**63 - 1, "", State.NOT_KNOWN, None, None, AT), ZHANG._replace(masked_name="<b>.*")]
)
def test_what_was_sealed_is_read_again(shown: Shown) -> None:
    assert showing.unseal(showing.seal(shown), AT) == shown


def test_no_character_of_a_cookie_can_be_changed_nor_one_cookies_parts_put_into_another() -> None:
    text = showing.seal(ZHANG)
    for place, old in enumerate(text):
        for new in {"0", "A", ".", "é"} - {old}:
            assert showing.unseal(text[:place] + new + text[place + 1 :], AT) is None, (place, new)
    other = showing.seal(LI)
    mixed = text.rpartition(".")[0] + "." + other.rpartition(".")[2]
    for wrong in ("", ".", "x", "...", mixed, text + "0", text[1:], text + ".", "9" + text):
        assert showing.unseal(wrong, AT) is None, wrong


def test_what_is_signed_for_something_else_under_the_same_key_is_no_cookie_of_ours() -> None:
    with mock.patch.object(showing, "_own_secret", lambda key: key.secret):
        text = showing.seal(ZHANG)
    assert showing.unseal(text, AT) is None


def test_a_cookie_holds_for_a_day_and_not_before_it_was_made() -> None:
    text = showing.seal(ZHANG)
    assert showing.unseal(text, AT + 24 * HOUR)
    assert showing.unseal(text, AT + 24 * HOUR + 1) is None
    assert showing.unseal(text, AT - MINUTE)
    assert showing.unseal(text, AT - MINUTE - 1) is None


def test_keys_are_rotated_and_a_retired_one_ends_its_cookies(tmp_path: Path, settings: Any) -> None:
    settings.KEYRING_FILE = tmp_path / "keyring.json"
    keyring.make(settings.KEYRING_FILE)
    old = showing.seal(ZHANG)
    keyring.rotate(settings.KEYRING_FILE, "cookie")
    new = showing.seal(ZHANG)
    assert (old[:2], new[:2]) == ("1.", "2.")
    assert showing.unseal(old, AT) == showing.unseal(new, AT) == ZHANG
    keyring.retire(settings.KEYRING_FILE, "cookie", 1)
    assert showing.unseal(old, AT) is None
    assert showing.unseal(new, AT) == ZHANG


def test_the_page_is_drawn_without_a_database_and_without_asking_for_the_session() -> None:
    with mock.patch("django.contrib.sessions.backends.base.SessionBase._get_session", side_effect=AssertionError):
        for path in ("/code/", "/code/key/", "/code/picture.png", "/code/worker.js"):
            with clock.at(NOW):
                assert _phone(ZHANG).get(path).status_code == 200, path


@pytest.mark.parametrize("path", ["/code/", "/code/key/", "/code/picture.png"])
def test_who_has_no_cookie_or_a_forged_one_is_led_to_where_one_is_given(path: str) -> None:
    forged = showing.seal(ZHANG)[:-1] + "?"
    with clock.at(NOW):
        for client in (_phone(None), _phone(None, **{settings.CODE_COOKIE_NAME: forged})):
            assert client.get(path).headers["Location"] == "/code/open/"


def test_a_browser_that_keeps_no_cookie_is_told_so_and_not_led_in_circles() -> None:
    answer = _phone(None, django_language="en").get("/code/?opened=1")
    assert answer.status_code == 400
    assert "Allow cookies" in answer.content.decode()


def test_a_name_cannot_put_anything_into_the_page() -> None:
    html = _page(ZHANG._replace(masked_name="<i>*"))
    assert "&lt;i&gt;*" in html
    assert "<i>" not in html


def test_no_blank_is_left_and_phones_share_nothing_but_the_words() -> None:
    for state in State:
        for mode in ("standard", "elder"):
            own = _page(LI._replace(state=state), citybrain_mode=mode)
            assert show_page.EDGE not in own
            assert f'data-mode="{mode}"' in own
            assert "李*" in own
            assert "张*" not in own
    assert showing.number_text(ZHANG.number) in _page(ZHANG)
    assert showing.number_text(ZHANG.number) not in _page(LI)


def test_past_its_time_a_code_says_by_itself_that_it_has_run_out() -> None:
    assert 'data-state="green"' in _page(ZHANG, NOW + dt.timedelta(minutes=59, seconds=59))
    html = _page(ZHANG, NOW + dt.timedelta(hours=1))
    assert 'data-state="expired"' in html
    assert "Since 2020-02-13 13:00" in html


def test_an_old_state_is_shown_with_its_time_and_looks_like_none_that_is_fresh() -> None:
    fresh, old = _page(ZHANG, NOW + dt.timedelta(minutes=2)), _page(ZHANG, NOW + dt.timedelta(minutes=2, seconds=1))
    assert 'class="code-card green"' in fresh
    assert 'class="code-card green stale"' in old
    assert "2020-02-13 12:00:00</time>.</strong> The gate will look it up." in old
    # Without scripts: at once by way of the database, and in half a minute when that was just tried.
    assert 'content="0; url=/code/open/"' in old
    assert 'content="30; url=/code/open/"' in fresh
    assert 'content="30; url=/code/open/"' in _page(ZHANG, NOW + dt.timedelta(hours=9), "/code/?opened=1")


def test_the_key_in_the_page_makes_tokens_of_its_day_alone() -> None:
    ring = keyring.load(settings.KEYRING_FILE)
    late = dt.datetime(2020, 2, 13, 15, 59, 59, tzinfo=dt.UTC)
    keys = {}
    for at in (late, late + dt.timedelta(seconds=1)):
        with clock.at(at):
            told = _phone(ZHANG._replace(valid_until=None)).get("/code/key/").json()
        keys[told["day"]] = told["key"]
        assert told["number"] == showing.number_text(ZHANG.number)
        assert told["key_id"] == ring.current("token").id
    days = [dt.date(2020, 2, 13), dt.date(2020, 2, 14)]
    key = ring.current("token")
    assert keys == {day.isoformat(): tokens.day_key(ZHANG.number, day, key).hex() for day in days}
