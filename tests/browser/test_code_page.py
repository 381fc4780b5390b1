"""The code on a phone: it can be scanned from the screen, renews itself, and says of when it is when it cannot."""

import datetime as dt
import io
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import zxingcpp
from django.conf import settings
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from playwright.sync_api import Error as PlaywrightError

from citybrain.core import clock, keyring, roles
from healthcode import queries, shedding, showing, tokens
from healthcode.tokens import Token
from tests.browser.conftest import Open
from tests.codes import WELL, adopt, noon, tell
from tests.people import District, browse

pytestmark = pytest.mark.browser

NOW = noon(2, 13)
PERIOD = dt.timedelta(seconds=tokens.PERIOD)
# Longer than an open page waits with its next question, whatever it draws.
NEXT_QUESTION = 61_000
OLD = ".code-stale"


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules; 张三 has declared."""
    adopt()
    tell(district.zhang, "declaration", WELL, noon(2, 12))
    return district


@pytest.fixture
def phone(browser: Browser, live_server: Any) -> Iterator[BrowserContext]:
    """A phone whose network may fail: unlike `open_window`, it takes errors in the console for granted."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=live_server.url, locale="en-GB")
    yield context
    context.close()


def _enter(context: BrowserContext, people: District, url: str) -> None:
    session = browse(people.user(roles.Resident), purpose="").cookies["citybrain_session"].value
    context.add_cookies([{"name": "citybrain_session", "value": session, "url": url}])


def _open(page: Page, people: District, live_server: Any) -> None:
    """Open the code page with the page's timers in our hands, and its chance as well.

    A question comes near the end of its span, or its patience would run out within the same step of the clock.
    """
    _enter(page.context, people, live_server.url)
    page.add_init_script("Math.random = () => 0.95")
    page.clock.install(time=clock.now())
    _look(page)


def _look(page: Page) -> None:
    page.goto("/code/")
    expect(page.locator(".code-picture")).to_be_visible()
    page.wait_for_load_state("networkidle")


def _scan(page: Page, at: dt.datetime, part: Locator | None = None) -> Token:
    """Read the code from a screenshot (of a part, wherever on the page it stands), as a camera would."""
    page.wait_for_load_state()
    screen = Image.open(io.BytesIO((part or page).screenshot())).convert("L")
    (found,) = zxingcpp.read_barcodes(screen)
    return tokens.read(found.text, at)


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
@pytest.mark.parametrize("width", [320, 390])
def test_a_gate_reads_from_the_screen_whose_code_it_is(
    people: District, open_window: Open, live_server: Any, script: bool, width: int
) -> None:
    page = open_window(width, java_script_enabled=script)
    with clock.at(NOW):
        _enter(page.context, people, live_server.url)
        page.goto("/code/")
        holder = queries.holder_by_number(_scan(page, NOW).number)
    assert holder
    assert (holder.person_id, holder.state) == (people.zhang.pk, "green")
    expect(page.get_by_text("绿码")).to_be_visible()
    expect(page.get_by_text("张*")).to_be_visible()
    expect(page.locator("[data-clock]")).to_contain_text("12:00:")
    expect(page.locator(OLD)).to_be_hidden()
    # What a page without scripts needs to be renewed, and to say of what time it is.
    assert page.locator("noscript meta[http-equiv=refresh], meta[http-equiv=refresh]").count() == (0 if script else 1)
    assert page.locator(".code-paper > p.soft, .code-paper noscript p.soft").count() == (0 if script else 1)


def test_the_clock_ticks_and_the_code_is_another_after_30_seconds_without_the_server(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390)
    with clock.at(NOW):
        _open(page, people, live_server)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        first = _scan(page, NOW)
        page.clock.run_for(7000)
        # On top of the seven seconds runs the time that the machine takes.
        expect(page.locator("[data-clock]")).to_contain_text(re.compile("12:00:(0[7-9]|1[0-9]|2[0-9])"))
        assert _scan(page, NOW) == first
        page.clock.run_for(22_500)
        second = _scan(page, NOW + PERIOD)
    assert (second.number, second.counter) == (first.number, first.counter + 1)
    assert not [url for url in asked if "/code/" in url and "/code/state/" not in url]


def test_the_browser_makes_the_tokens_that_the_server_makes(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390)
    _enter(page.context, people, live_server.url)
    page.goto("/code/")
    key = keyring.load(settings.KEYRING_FILE).current("token")
    chance = random.Random(20200211)
    midnight = dt.datetime(2020, 2, 13, 16, tzinfo=dt.UTC)
    moments = [midnight - PERIOD, midnight, *(NOW + dt.timedelta(seconds=chance.randrange(10**8)) for _n in range(40))]
    wanted, asked = [], []
    for at in moments:
        number, counter = chance.randrange(-(2**63), 2**63), int(at.timestamp()) // tokens.PERIOD
        of_day = tokens.day_key(number, at.astimezone(clock.SHANGHAI).date(), key).hex()
        asked.append([{"number": showing.number_text(number), "keyId": key.id, "key": of_day}, counter])
        wanted.append(tokens.make(number, at))
    made = page.evaluate(
        """async (asked) => {
          const { makeToken } = await import("/static/js/code_token.js");
          return Promise.all(asked.map(([key, counter]) => makeToken(key, counter)));
        }""",
        asked,
    )
    assert made == wanted


def test_over_midnight_the_page_fetches_the_key_of_the_new_day(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390)
    late = dt.datetime(2020, 2, 13, 15, 59, 40, tzinfo=dt.UTC)
    with clock.at(late):
        _open(page, people, live_server)
        first = _scan(page, late)
    with clock.at(late + 2 * PERIOD):
        with page.expect_response("**/code/key/"):
            page.clock.run_for(60_000)
        page.clock.run_for(1000)
        page.wait_for_load_state("networkidle")
        assert first.counter < _scan(page, late + 2 * PERIOD).counter <= first.counter + 3


def test_a_page_that_is_looked_at_again_is_renewed_at_once(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390)
    later = NOW + 8 * PERIOD
    with clock.at(NOW):
        _open(page, people, live_server)
    with clock.at(later):
        page.clock.set_system_time(later)
        with page.expect_response("**/code/state/"):
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("[data-clock]")).to_contain_text("12:04:0")
        expect(page.locator(OLD)).to_be_hidden()
        assert _scan(page, later).counter == int(later.timestamp()) // tokens.PERIOD


def test_without_a_network_the_last_state_is_shown_with_its_time_and_the_code_goes_on(
    people: District, phone: BrowserContext, live_server: Any
) -> None:
    page = phone.new_page()
    old, bar = page.locator(OLD), page.locator(".code-moving")
    with clock.at(NOW):
        _open(page, people, live_server)
        expect(page.locator("#code")).to_have_css("background-color", "rgb(0, 109, 119)")
        assert bar.evaluate("one => getComputedStyle(one).animationName") == "code-moving"
        phone.set_offline(True)
        expect(old).to_have_text(re.compile(r"Not current: as of 2020-02-13 12:00:00.\s+The gate will look it up."))
        expect(old).to_be_visible()
        # Grey and still, so that nobody takes it for a fresh one from afar.
        expect(page.locator("#code")).not_to_have_css("background-color", "rgb(0, 109, 119)")
        assert bar.evaluate("one => getComputedStyle(one).animationName") == "none"
        page.clock.run_for(31_000)
        assert _scan(page, NOW + PERIOD, page.locator("#code")).counter == int(NOW.timestamp()) // tokens.PERIOD + 1
        phone.set_offline(False)
        expect(old).to_be_hidden()


def test_a_state_that_could_not_be_renewed_for_two_minutes_is_not_shown_as_fresh(
    people: District, phone: BrowserContext, live_server: Any
) -> None:
    page = phone.new_page()
    with clock.at(NOW):
        _open(page, people, live_server)
        # The server is there and has no time.
        with shedding.PLACES.place(99), shedding.PLACES.place(99), shedding.PLACES.place(99):
            page.clock.run_for(NEXT_QUESTION)
            expect(page.locator(OLD)).to_be_hidden()
            page.clock.run_for(NEXT_QUESTION)
            expect(page.locator(OLD)).to_be_visible()


def test_extras_that_had_to_wait_are_said_to_and_come_later(
    people: District, phone: BrowserContext, live_server: Any
) -> None:
    page = phone.new_page()
    later, reason = page.locator("[data-more-later]"), page.locator(".code-more .code-reason")
    with clock.at(NOW):
        tell(people.zhang, "exposure", {"grade": "secondary"}, NOW)
        with shedding.PLACES.place(99), shedding.PLACES.place(99):
            _open(page, people, live_server)
            expect(later).to_contain_text("Your code is not affected")
            expect(page.locator(OLD)).to_be_hidden()
            assert _scan(page, NOW)
        page.clock.run_for(NEXT_QUESTION)
        expect(reason).to_contain_text("Contact of a close contact")
        expect(later).to_be_hidden()
        # What came with them: the type size is changed from here.
        page.get_by_role("button", name="Large type").click()
        expect(page.locator("html")).to_have_attribute("data-mode", "elder")
        expect(page).to_have_url(re.compile("/code/$"))


@pytest.mark.slow
def test_the_last_page_is_shown_again_without_a_network_and_after_sign_out_no_more(
    people: District, phone: BrowserContext, live_server: Any
) -> None:
    # By the real clock: that of the worker, which keeps the page, is not in our hands.
    tell(people.zhang, "declaration", WELL, clock.now())
    page = phone.new_page()
    _enter(phone, people, live_server.url)
    _look(page)
    page.wait_for_function(
        "async () => Boolean(navigator.serviceWorker.controller && await caches.match('/code/kept-state'))"
    )
    read_at = page.locator("[data-read-at]").text_content()
    phone.set_offline(True)
    page.reload()
    cold = phone.new_page()
    cold.goto("/code/")
    for shown in (page, cold):
        expect(shown.locator("#code")).to_have_attribute("data-state", "green")
        expect(shown.locator(OLD)).to_contain_text(f"Not current: as of {read_at}")
        expect(shown.locator(OLD)).to_be_visible()
        assert _scan(shown, clock.now(), shown.locator("#code"))
    cold.close()
    phone.set_offline(False)
    page.goto("/me/")
    page.get_by_text("Menu", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in/"))
    assert page.evaluate("caches.keys()") == []
    page.go_back()
    page.goto("/code/")
    expect(page).to_have_url(re.compile("/sign-in/"))
    phone.set_offline(True)
    with pytest.raises(PlaywrightError):
        page.goto("/code/")


def test_a_browser_that_cannot_make_tokens_is_given_pictures(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390)
    # As on a page that came by plain http from another machine.
    page.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })")
    with clock.at(NOW):
        _open(page, people, live_server)
        assert page.locator("canvas").count() == 0
        first = _scan(page, NOW)
    with clock.at(NOW + PERIOD):
        with page.expect_response("**/code/picture.png?*"):
            page.clock.run_for(31_000)
        page.wait_for_load_state("networkidle")
        assert _scan(page, NOW + PERIOD).counter == first.counter + 1


def test_a_code_that_has_changed_its_state_changes_its_page(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390, locale="en-GB")
    with clock.at(NOW):
        _open(page, people, live_server)
        expect(page.locator("#code")).to_have_attribute("data-state", "green")
        tell(people.zhang, "case", {"status": "suspected"}, NOW)
        page.clock.run_for(NEXT_QUESTION)
        expect(page.locator("#code")).to_have_attribute("data-state", "red")
        expect(page.get_by_text("If you feel worse, call 120.")).to_be_visible()
        expect(page).to_have_url(re.compile("/code/$"))
        expect(page.locator("canvas")).to_be_visible()
        assert _scan(page, NOW)


def test_a_code_that_runs_out_says_so_by_itself(people: District, phone: BrowserContext, live_server: Any) -> None:
    page = phone.new_page()
    until = queries.state_of(people.zhang).valid_until
    assert until
    with clock.at(until - PERIOD):
        _open(page, people, live_server)
        phone.set_offline(True)
        page.clock.run_for(31_000)
        expect(page.locator(".code-word")).to_contain_text("expired")
        expect(page.get_by_text("Holds through")).to_be_hidden()


def test_who_has_signed_out_elsewhere_is_led_to_sign_in(people: District, open_window: Open, live_server: Any) -> None:
    page = open_window(390)
    with clock.at(NOW):
        _open(page, people, live_server)
        page.context.clear_cookies()
        with page.expect_navigation(url="**/sign-in/**"):
            page.clock.run_for(NEXT_QUESTION)


def test_when_the_session_ends_the_code_is_shown_as_not_current_with_the_way_to_sign_in(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390, locale="en-GB")
    with clock.at(NOW):
        _open(page, people, live_server)
        page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
        page.clock.run_for(NEXT_QUESTION)
        expect(page.locator(OLD)).to_be_visible()
        assert _scan(page, NOW + PERIOD, page.locator("#code"))
        page.get_by_role("link", name="Sign in again").click()
        expect(page).to_have_url(re.compile("/sign-in/"))


@pytest.mark.parametrize(("motion", "name"), [("no-preference", "code-moving"), ("reduce", "none")])
def test_the_moving_strip_stands_still_for_who_asked_for_less_motion(
    people: District, open_window: Open, live_server: Any, motion: str, name: str
) -> None:
    page = open_window(390, reduced_motion=motion)
    _open(page, people, live_server)
    strip = page.locator(".code-moving")
    assert strip.evaluate("one => getComputedStyle(one).animationName") == name


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_of_the_code_sticks_out_at_any_width(
    people: District, open_window: Open, live_server: Any, width: int
) -> None:
    page = open_window(width, locale="en-GB")
    _enter(page.context, people, live_server.url)
    tell(people.zhang, "exposure", {"grade": "close"}, noon(2, 13))
    for path in ("/code/", "/code/why/", "/code/renew/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_a_new_code_is_made_by_two_presses_and_the_old_picture_is_known_as_replaced(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390, locale="en-GB", java_script_enabled=False)
    with clock.at(NOW):
        _enter(page.context, people, live_server.url)
        page.goto("/code/")
        old = _scan(page, NOW)
        page.get_by_role("link", name="Make a new code").click()
        page.get_by_role("button", name="Make a new code").click()
        expect(page.get_by_text("You have a new code")).to_be_visible()
        new = _scan(page, NOW, page.locator("#code"))
    assert new.number != old.number
    replaced = queries.holder_by_number(old.number)
    assert replaced
    assert replaced.is_revoked
