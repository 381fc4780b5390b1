"""From the resident's printer to the gate's camera: a paper is printed, shown, compared, and reported lost."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from accesslog.devices import COOKIE
from accesslog.models import Pass
from citybrain.core.models import AuditRow
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Resident
from healthcode.models import PaperCode
from tests import camera
from tests.browser.conftest import CHROMIUM, FLAGS, Open
from tests.gates import Gate, make_gate, set_state
from tests.people import District, browse

pytestmark = pytest.mark.browser

COMPARE, RESULT = "#compare", "#result"
YES, NO = "[data-holder=yes]", "[data-holder=no]"
MILLIMETRE = 72 / 25.4
INSIDE = """paper => {
  const box = paper.getBoundingClientRect();
  const parts = [...paper.querySelectorAll("p, dd, h2, svg")].map((part) => part.getBoundingClientRect());
  return parts.every((part) => part.bottom <= box.bottom && part.right <= box.right);
}"""


@pytest.fixture
def gate(district: District) -> Gate:
    return make_gate(district)


def _enter(context: BrowserContext, url: str, user: Any, **cookies: str) -> None:
    cookies[settings.SESSION_COOKIE_NAME] = str(browse(user, purpose="").session.session_key)
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def _at_home(open_window: Open, district: District, url: str, **options: Any) -> Page:
    page = open_window(390, locale="en-GB", **options)
    _enter(page.context, url, district.user(Resident))
    page.goto("/paper/")
    return page


def _at_gate(context: BrowserContext, gate: Gate, url: str) -> Page:
    _enter(context, url, gate.guard, **{COOKIE: f"{gate.device.ref}.{gate.secret}"})
    page = context.new_page()
    page.goto("/gate/")
    return page


def _type(page: Page, text: str) -> None:
    page.locator("#text").focus()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_a_paper_is_printed_shown_to_the_gates_camera_compared_and_worthless_once_it_is_lost(
    browser: Browser, open_window: Open, live_server: Any, district: District, gate: Gate, tmp_path: Path
) -> None:
    set_state(district.zhang, "green")
    home = _at_home(open_window, district, live_server.url)
    home.get_by_role("button", name="Make a paper code").click()
    home.get_by_role("link", name="Print a sheet (A4)").click()
    home.emulate_media(media="print")
    expect(home.locator("header")).to_be_hidden()
    expect(home.locator(".paper-screen")).to_be_hidden()
    expect(home.locator(".paper-number")).to_be_visible()
    with Image.open(io.BytesIO(home.locator(".paper-square").screenshot())) as printed:
        video = camera.write_video(tmp_path / "paper.y4m", printed)
    number = home.locator(".paper-number").inner_text()
    own = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *camera.flags(video)])
    context = own.new_context(viewport={"width": 1024, "height": 768}, base_url=live_server.url, locale="zh-CN")
    context.grant_permissions(["camera"])
    guard = _at_gate(context, gate, live_server.url)
    guard.locator("#start-button").click()
    expect(guard.locator(COMPARE)).to_be_visible(timeout=15_000)
    expect(guard.locator("#compare-name")).to_have_text("张*")
    expect(guard.locator("#compare-four")).to_have_text("0017")
    assert not Pass.objects.exists()
    # What a scanner types meanwhile presses no button.
    _type(guard, number)
    expect(guard.locator(COMPARE)).to_be_visible()
    # For longer than a code that is seen again counts as new.
    guard.wait_for_timeout(4_000)
    guard.locator(YES).click()
    expect(guard.locator(RESULT)).to_have_attribute("data-result", "green")
    expect(guard.locator(RESULT)).to_be_hidden(timeout=6_000)
    guard.wait_for_timeout(1_000)
    expect(guard.locator(COMPARE)).to_be_hidden()
    expect(guard.locator("#recent li")).to_have_count(1)
    home.emulate_media(media="screen")
    home.goto("/paper/")
    home.get_by_text("I have lost it").click()
    home.get_by_role("button", name="Yes, it is lost").click()
    expect(home.get_by_text("No gate accepts the paper any more")).to_be_visible()
    _type(guard, number)
    expect(guard.locator(RESULT)).to_have_attribute("data-result", "paper_void")
    own.close()
    assert set(Pass.objects.values_list("result", "lane")) == {("green", "paper"), ("paper_void", "paper")}
    assert AuditRow.objects.filter(deed=Deed.SEE_PAPER_CODE).count() == 1


def test_a_typed_number_is_compared_too_and_refused_for_a_red_code_or_another_face(
    open_window: Open, live_server: Any, district: District, gate: Gate
) -> None:
    set_state(district.zhang, "red")
    home = _at_home(open_window, district, live_server.url, java_script_enabled=False)
    home.get_by_role("button", name="Make a paper code").click()
    number = home.locator(".facts .code").inner_text()
    page = open_window(320)
    guard = _at_gate(page.context, gate, live_server.url)
    for press, result in ((YES, "red"), (NO, "not_the_holder")):
        _type(guard, number.lower())
        expect(guard.locator(COMPARE)).to_be_visible()
        assert guard.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        guard.locator(press).click()
        expect(guard.locator(RESULT)).to_have_attribute("data-result", result)
        guard.locator("#result-close").click()
    _type(guard, number)
    guard.locator("[data-holder='']").click()
    expect(guard.locator(COMPARE)).to_be_hidden()
    expect(guard.locator(RESULT)).to_be_hidden()
    assert list(Pass.objects.order_by("id").values_list("result", flat=True)) == ["red", "not_the_holder"]


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_the_papers_own_lane_takes_the_number_then_the_guards_word(
    open_window: Open, live_server: Any, district: District, gate: Gate, script: bool
) -> None:
    set_state(district.zhang, "green")
    browse(district.user(Resident), purpose="").post("/paper/make/")
    home = _at_home(open_window, district, live_server.url)
    number = home.locator(".facts .code").inner_text()
    page = open_window(390, java_script_enabled=script)
    guard = _at_gate(page.context, gate, live_server.url)
    for press, look in (("yes", "good"), ("no", "bad")):
        guard.goto("/gate/paper/")
        guard.locator("[name=code]").fill(number)
        guard.locator("main form button").click()
        guard.locator(f"[value={press}]").click()
        expect(guard.locator(f".gate-answer.{look}")).to_contain_text("张*")
    assert list(Pass.objects.order_by("id").values_list("is_admitted", flat=True)) == [True, False]


@pytest.mark.parametrize(("size", "width", "height"), [("a4", 210, 297), ("card", 85.6, 54)])
def test_the_sheet_and_the_card_come_out_on_one_page_of_their_size_in_every_type(
    open_window: Open, live_server: Any, district: District, size: str, width: float, height: float
) -> None:
    browse(district.user(Resident), purpose="").post("/paper/make/")
    for mode in ("standard", "elder"):
        for locale in ("zh-CN", "en-GB"):
            page = open_window(1024, locale=locale)
            _enter(page.context, live_server.url, district.user(Resident), citybrain_mode=mode)
            page.goto(f"/paper/print/{size}/")
            printed = page.pdf(prefer_css_page_size=True)
            boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
            assert len(boxes) == 1, f"{len(boxes)} pages in {locale}, {mode}"
            assert [round(float(side) / MILLIMETRE) for side in boxes[0]] == [round(width), round(height)]
            page.emulate_media(media="print")
            assert page.locator(".paper").evaluate(INSIDE), f"something is cut off in {locale}, {mode}"
    assert PaperCode.objects.count() == 1
