"""The gate in a real Chromium: its camera sees a video that is made from the code on a phone."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from accesslog.devices import COOKIE
from accesslog.models import Pass
from citybrain.core.models import Person
from healthcode import qr
from tests import camera
from tests.browser.conftest import CHROMIUM, FLAGS, Open
from tests.gates import Gate, make_gate, set_state, token_of
from tests.people import ZHANG_ID, District, browse

pytestmark = pytest.mark.browser

Look = Callable[[Path], Page]
RESULT, HEADLINE = "#result", "#result-headline"
# Longer than the page waits before it says that the camera sees nothing.
DARK_SECONDS = 15_000


@pytest.fixture
def gate(district: District) -> Gate:
    return make_gate(district, yellow=True)


@pytest.fixture
def green(district: District) -> Person:
    set_state(district.zhang, "green")
    return district.zhang


@pytest.fixture
def look(browser: Browser, gate: Gate, live_server: Any) -> Iterator[Look]:
    """Return a function that starts a gate whose camera sees a video, and gives its page."""
    started: list[Browser] = []

    def open_gate(video: Path) -> Page:
        # A browser of its own: the video is read when it starts.
        own = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *camera.flags(video)])
        started.append(own)
        context = own.new_context(viewport={"width": 1024, "height": 768}, base_url=live_server.url, locale="zh-CN")
        context.set_default_timeout(15_000)
        context.grant_permissions(["camera"])
        page = context.new_page()
        _enter(page, gate, live_server.url)
        page.locator("#start-button").click()
        return page

    yield open_gate
    for one in started:
        one.close()


@pytest.fixture
def gate_with_faults(browser: Browser, gate: Gate, live_server: Any) -> Iterator[Page]:
    """The gate in a window that may lose its network: there the browser's own complaints are no failure."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=live_server.url)
    page = context.new_page()
    page.clock.install()
    _enter(page, gate, live_server.url)
    page.locator("#text").focus()
    yield page
    context.close()


def _enter(page: Page, gate: Gate, url: str) -> None:
    """Open the gate as its guard, on its device."""
    session = browse(gate.guard, purpose="").session.session_key
    cookies = {settings.SESSION_COOKIE_NAME: str(session), COOKIE: f"{gate.device.ref}.{gate.secret}"}
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    page.goto("/gate/")


def _type(page: Page, text: str) -> None:
    """Do what a scanner does: type the code and press Enter."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def _video(folder: Path, text: str) -> Path:
    with Image.open(io.BytesIO(qr.png(text))) as picture:
        return camera.write_video(folder / "code.y4m", picture)


def test_a_code_in_front_of_the_camera_is_read_decided_and_kept_once(
    look: Look, green: Person, gate: Gate, tmp_path: Path
) -> None:
    page = look(_video(tmp_path, token_of(green)))
    expect(page.locator(RESULT)).to_have_attribute("data-result", "green")
    expect(page.locator("#gate")).to_have_attribute("data-reader", "worker")
    expect(page.locator(HEADLINE)).not_to_be_empty()
    expect(page.locator("#result-name")).to_have_text("张*")
    expect(page.locator("#result [data-look=good]")).to_be_visible()
    expect(page.locator(RESULT)).to_be_hidden(timeout=6_000)
    # It stays in view: one scan.
    page.wait_for_timeout(4_000)
    expect(page.locator("#recent li")).to_have_count(1)
    kept = Pass.objects.get()
    assert (kept.person_id, kept.result, kept.device_id) == (green.pk, "green", gate.device.pk)


@pytest.mark.parametrize("turn", [90, 180], ids=lambda turn: f"turned by {turn} degrees")
def test_a_code_that_is_turned_or_inverted_is_read_too(look: Look, green: Person, tmp_path: Path, turn: int) -> None:
    with Image.open(io.BytesIO(qr.png(token_of(green)))) as picture:
        shown = picture.convert("L").point(lambda value: 255 - value).rotate(turn)
    page = look(camera.write_video(tmp_path / "code.y4m", shown))
    expect(page.locator(RESULT)).to_have_attribute("data-result", "green")


def test_a_covered_camera_stores_no_pass_and_the_page_says_that_it_sees_nothing(look: Look, tmp_path: Path) -> None:
    page = look(camera.write_darkness(tmp_path / "dark.y4m"))
    expect(page.locator("[data-notice=dark]")).to_be_visible(timeout=DARK_SECONDS)
    expect(page.locator(RESULT)).to_be_hidden()
    expect(page.locator(".gate-lanes a").first).to_be_visible()
    assert not Pass.objects.exists()


def test_without_a_camera_the_page_says_so_and_a_scanner_checks(
    open_window: Open, live_server: Any, gate: Gate, green: Person
) -> None:
    page = open_window(1024)
    _enter(page, gate, live_server.url)
    page.locator("#start-button").click()
    expect(page.locator("[data-notice=no-camera]")).to_be_visible()
    _type(page, token_of(green))
    expect(page.locator(RESULT)).to_have_attribute("data-result", "green")
    _type(page, "https://example.org/")
    expect(page.locator(RESULT)).to_have_attribute("data-result", "unreadable")


def test_a_refusal_stays_until_it_is_tapped_whatever_a_scanner_types(
    open_window: Open, live_server: Any, gate: Gate, district: District
) -> None:
    set_state(district.li, "red")
    set_state(district.zhang, "green")
    page = open_window(390)
    _enter(page, gate, live_server.url)
    page.locator("#text").focus()
    _type(page, token_of(district.li))
    expect(page.locator(RESULT)).to_have_attribute("data-result", "red")
    expect(page.locator("#result [data-look=bad]")).to_be_visible()
    _type(page, token_of(district.zhang))
    page.wait_for_timeout(5_000)
    expect(page.locator(RESULT)).to_have_attribute("data-result", "red")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.locator("#result-close").click()
    expect(page.locator(RESULT)).to_be_hidden()
    assert list(Pass.objects.values_list("result", flat=True)) == ["red"]


def test_a_scan_without_an_answer_is_sent_again_as_the_same_scan_until_it_is_answered(
    gate_with_faults: Page, green: Person
) -> None:
    page = gate_with_faults
    sent: list[Any] = []

    def lose(route: Route) -> None:
        """Lose the first request, let the server take the second and lose its answer, fail the third."""
        sent.append(route.request.post_data_json)
        if len(sent) == 1:
            route.fulfill(status=502, body="")
        elif len(sent) == 2:
            route.fetch()
            route.fulfill(status=504, body="")
        else:
            route.continue_()

    page.route("**/gate/scan", lose)
    _type(page, token_of(green))
    expect(page.locator("[data-notice=waiting]")).to_be_visible()
    for _each in range(2):
        page.clock.run_for(2_000)
        page.wait_for_timeout(500)
    expect(page.locator(RESULT)).to_have_attribute("data-result", "green")
    expect(page.locator("[data-notice=waiting]")).to_be_hidden()
    assert len(sent) == 3
    assert len({(one["nonce"], one["scanned_at"], one["token"]) for one in sent}) == 1
    assert len({one["sent_at"] for one in sent}) == 3
    assert Pass.objects.count() == 1


def test_when_the_connection_stays_away_the_page_says_to_scan_again(gate_with_faults: Page, green: Person) -> None:
    page = gate_with_faults
    page.route("**/gate/scan", lambda route: route.fulfill(status=503, body=""))
    _type(page, token_of(green))
    expect(page.locator("[data-notice=waiting]")).to_be_visible()
    for _each in range(20):
        page.clock.run_for(2_000)
        page.wait_for_timeout(50)
    expect(page.locator("[data-notice=lost]")).to_be_visible()
    page.unroute("**/gate/scan")
    _type(page, token_of(green))
    expect(page.locator(RESULT)).to_have_attribute("data-result", "green")


def test_without_a_network_the_gate_says_at_once_what_to_do_and_recovers_by_itself(
    gate_with_faults: Page, green: Person
) -> None:
    page = gate_with_faults
    offline, back = page.locator("[data-notice=offline]"), page.locator("[data-notice=back]")
    page.context.set_offline(True)
    expect(offline).to_contain_text("nothing can be decided now")
    expect(offline).to_contain_text("paper list")
    page.clock.run_for(3_000)
    expect(offline).to_be_visible()
    page.context.set_offline(False)
    with page.expect_response(lambda answer: answer.request.method == "HEAD"):
        page.clock.run_for(3_000)
    expect(back).to_be_visible()
    expect(offline).to_be_hidden()
    _type(page, token_of(green))
    expect(page.locator(RESULT)).to_have_attribute("data-result", "green")
    assert Pass.objects.count() == 1


CAMERA_REFUSED_ONCE = """
const canvas = document.createElement("canvas");
setInterval(() => canvas.getContext("2d").fillRect(0, 0, 10, 10), 50);
let asked = 0;
navigator.mediaDevices.getUserMedia = async () => {
  asked += 1;
  if (asked === 1) throw new DOMException("no", "NotAllowedError");
  return canvas.captureStream(10);
};
"""


def test_a_camera_that_was_refused_is_asked_for_again_by_a_button(
    open_window: Open, live_server: Any, gate: Gate
) -> None:
    page = open_window(390)
    page.add_init_script(CAMERA_REFUSED_ONCE)
    _enter(page, gate, live_server.url)
    expect(page.locator("video")).to_be_hidden()
    page.locator("#start-button").click()
    expect(page.locator("[data-fault=refused]")).to_be_visible()
    expect(page.locator("video")).to_be_hidden()
    page.locator("#camera-retry").click()
    expect(page.locator("video")).to_be_visible()
    expect(page.locator("[data-notice=no-camera]")).to_be_hidden()


def test_a_certificate_that_lacks_something_or_meets_no_network_keeps_its_photo(
    gate_with_faults: Page, gate: Gate, tmp_path: Path
) -> None:
    page, photo = gate_with_faults, tmp_path / "certificate.png"
    Image.new("RGB", (40, 30)).save(photo)
    page.goto("/gate/certificate/")
    page.locator("[name=photo]").set_input_files(photo)
    page.locator("[name=number]").fill("沪-17")
    send = page.locator("main form button")
    send.click()
    expect(page.locator("#id_issuer_error")).to_be_visible()
    expect(page.locator("[data-files-forgotten]")).to_have_count(0)
    page.locator("[name=issuer]").fill("上海市")
    page.locator("[name=accepted][value=yes]").check()
    page.route("**/gate/certificate/", lambda route: route.abort())
    send.click()
    expect(page.locator("[data-notice=lost]")).to_be_visible()
    assert not Pass.objects.exists()
    page.unroute("**/gate/certificate/")
    send.click()
    expect(page.locator(".gate-answer.good")).to_be_visible()
    assert Pass.objects.get().certificate_id
    page.go_back()
    expect(page).to_have_url(re.compile("/gate/certificate/$"))


def test_a_signed_out_guard_is_told_so(open_window: Open, live_server: Any, gate: Gate) -> None:
    page = open_window(390)
    _enter(page, gate, live_server.url)
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.locator("#text").focus()
    _type(page, "x")
    expect(page.locator("[data-notice=signed-out]")).to_be_visible()


def test_the_lanes_work_without_a_script(open_window: Open, live_server: Any, gate: Gate, green: Person) -> None:
    page = open_window(390, java_script_enabled=False)
    _enter(page, gate, live_server.url)
    page.locator(".gate-lanes a").first.click()
    page.locator("[name=number]").fill(ZHANG_ID)
    page.locator("[name=is_compared]").check()
    page.locator("main form button").click()
    expect(page.locator(".gate-answer.good")).to_contain_text("张*")
    page.locator(".gate-answer a").first.click()
    expect(page.locator("video")).to_be_hidden()
    expect(page.locator("#recent li")).to_have_count(1)
    assert Pass.objects.get().lane == "document"


def test_the_pages_fit_every_width(open_window: Open, live_server: Any, gate: Gate) -> None:
    page = open_window(320)
    _enter(page, gate, live_server.url)
    for width in (320, 390, 1024):
        page.set_viewport_size({"width": width, "height": 768})
        for path in ("/gate/", "/gate/document/", "/gate/certificate/", "/gate/enrol/"):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (path, width)
