"""The code on a phone: it can be scanned from the screen, renews itself, and says so when it cannot."""

import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from citybrain.core import clock, roles
from healthcode import queries, tokens
from healthcode.tokens import Token
from tests.browser.conftest import Open
from tests.codes import WELL, adopt, noon, tell
from tests.people import District, browse

pytestmark = pytest.mark.browser

NOW = noon(2, 13)
PERIOD = dt.timedelta(seconds=tokens.PERIOD)


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
    """Open the code page with the page's timers in our hands."""
    _enter(page.context, people, live_server.url)
    page.clock.install(time=clock.now())
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
    expect(page.locator("[data-failed]")).to_be_hidden()
    # What a page without scripts needs to be renewed, and to say of what time it is.
    assert page.locator("noscript meta[http-equiv=refresh], meta[http-equiv=refresh]").count() == (0 if script else 1)
    assert page.locator(".code-paper > p.soft, .code-paper noscript p.soft").count() == (0 if script else 1)


def test_the_clock_ticks_and_the_picture_is_another_after_30_seconds_without_a_reload(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390)
    with clock.at(NOW):
        _open(page, people, live_server)
        first = _scan(page, NOW)
        page.evaluate("window.isTheSamePage = true")
        page.clock.run_for(7000)
        # On top of the seven seconds runs the time that the machine takes.
        expect(page.locator("[data-clock]")).to_contain_text(re.compile("12:00:(0[7-9]|1[0-9]|2[0-9])"))
        assert _scan(page, NOW) == first
    with clock.at(NOW + PERIOD):
        with page.expect_response("**/code/picture.png"):
            page.clock.run_for(25_000)
        expect(page.locator("canvas")).to_be_visible()
        page.wait_for_load_state("networkidle")
        second = _scan(page, NOW + PERIOD)
    assert (second.number, second.counter) == (first.number, first.counter + 1)
    assert page.evaluate("window.isTheSamePage")


def test_a_page_that_is_looked_at_again_is_renewed_at_once(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390)
    with clock.at(NOW):
        _open(page, people, live_server)
    with clock.at(NOW + 4 * PERIOD):
        with page.expect_response("**/code/picture.png"):
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("[data-clock]")).to_contain_text("12:02:00")
        expect(page.locator("canvas")).to_be_visible()
        assert _scan(page, NOW + 4 * PERIOD).counter == int((NOW + 4 * PERIOD).timestamp()) // tokens.PERIOD


def test_a_failed_renewal_is_said_with_the_time_of_the_last_and_mended_by_itself(
    people: District, phone: BrowserContext, live_server: Any
) -> None:
    page = phone.new_page()
    failed = page.locator("[data-failed]")
    with clock.at(NOW):
        _open(page, people, live_server)
        phone.set_offline(True)
        page.clock.run_for(31_000)
        expect(failed).to_contain_text("Not renewed since 12:00:00 – check the network.")
        expect(failed).to_be_visible()
        phone.set_offline(False)
        with page.expect_response("**/code/picture.png"):
            page.clock.run_for(6000)
        expect(failed).to_be_hidden()


def test_a_code_that_has_changed_its_state_changes_its_page(
    people: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(390, locale="en-GB")
    with clock.at(NOW):
        _open(page, people, live_server)
        expect(page.locator("#code")).to_have_attribute("data-state", "green")
        tell(people.zhang, "case", {"status": "suspected"}, NOW)
        page.clock.run_for(31_000)
        expect(page.locator("#code")).to_have_attribute("data-state", "red")
        assert _scan(page, NOW)


def test_who_has_signed_out_elsewhere_is_led_to_sign_in(people: District, open_window: Open, live_server: Any) -> None:
    page = open_window(390)
    with clock.at(NOW):
        _open(page, people, live_server)
        page.context.clear_cookies()
        with page.expect_navigation(url="**/sign-in/**"):
            page.clock.run_for(31_000)


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
