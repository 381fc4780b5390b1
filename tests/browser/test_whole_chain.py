"""The chain, whole and real: four people, four windows, every process of a running district.

The resident's screen becomes the gate's camera picture; from there an alert and an order reach the grid worker,
somebody else closes it, and the commander sees all of it without touching anything.
"""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from citybrain.core import documents
from citybrain.demo.city.known import MARKET, PASSWORD
from tests import camera
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.declaring import declare
from tests.running import Demo

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What other processes do (consumer, dispatcher, stream) is waited for so long.
SOON = 15_000


@dataclass(frozen=True)
class Language:
    """What the walk reads on the pages."""

    locale: str
    yellow: str
    refused: str
    fever: str
    closed: str


CHINESE = Language("zh-CN", "黄码", "不放行", "发热", "已核查结案")
ENGLISH = Language("en-GB", "yellow", "Do not let through", "fever", "Verified and closed")


class Windows:
    """Opens windows, each somebody's own; errors of scripts fail the test."""

    def __init__(self, demo: Demo, browser: Browser, language: Language) -> None:
        self._demo, self._browser, self._language = demo, browser, language
        self.faults: list[str] = []

    def open(self, width: int, height: int, *, scripts: bool = True, browser: Browser | None = None) -> Page:
        """Open a window of a size."""
        context = (browser or self._browser).new_context(
            base_url=self._demo.url,
            locale=self._language.locale,
            viewport={"width": width, "height": height},
            java_script_enabled=scripts,
            device_scale_factor=2 if width < 1000 else 1,
            permissions=["camera"],
        )
        context.set_default_timeout(SOON)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        return page

    def staff(self, name: str, width: int, height: int, *, browser: Browser | None = None) -> Page:
        """Open a window in which a member of staff is signed in."""
        page = self.open(width, height, browser=browser)
        page.goto("/sign-in/staff/")
        page.locator("[name=username]").fill(name)
        page.locator("[name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{self._demo.url}/")
        return page

    def resident(self, phone: str, *, scripts: bool) -> Page:
        """Open a phone on which a resident is signed in by the code that was sent."""
        page = self.open(390, 844, scripts=scripts)
        page.goto("/sign-in/")
        page.locator("[name=phone]").fill(phone)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/sign-in/code/"))
        page.locator("[name=code]").fill(self._demo.code_sent(phone))
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{self._demo.url}/")
        return page


def _id_number(sequence: int) -> str:
    """Return a valid number of the never-assigned county 330199."""
    first = f"33019919700101{sequence:03}"
    return first + documents.check_digit(first)


def _film(page: Page, video: Path) -> Path:
    """Turn what stands on a phone's screen into what a camera in front of it sees."""
    return camera.write_video(video, Image.open(io.BytesIO(page.screenshot())))


def _enrol(windows: Windows, gate: Page) -> None:
    """Let the community set up the market's gate, and the guard type the code on the tablet."""
    community = windows.staff("community01", 1280, 900)
    community.goto("/gates/")
    community.get_by_role("link", name=MARKET).click()
    offered = community.locator("form[action$='/code/'] button")
    if offered.count():
        offered.first.click()
    else:
        form = community.locator("form[action$='/devices/']").first
        form.locator("[name=name]").fill("tablet")
        form.locator("button").click()
    code = community.locator(".enrolment-code").inner_text()
    community.context.close()
    gate.goto("/gate/")
    gate.locator("[name=code]").fill(code)
    gate.keyboard.press("Enter")
    expect(gate).to_have_url(re.compile("/gate/$"))


def _figure(cockpit: Page, name: str) -> int:
    return int(cockpit.locator(f"[data-figure={name}]").first.inner_text())


def _expect_figures(cockpit: Page, wanted: dict[str, int]) -> None:
    """Wait until the figures on the screen are these; nobody loads the page again."""
    for name, value in wanted.items():
        expect(cockpit.locator(f"[data-figure={name}]").first).to_have_text(str(value))


def _state_a_purpose(page: Page) -> None:
    if "/purpose/" in page.url:
        page.get_by_role("radio").first.check()
        page.keyboard.press("Enter")
        expect(page).not_to_have_url(re.compile("/purpose/"))


@pytest.fixture(autouse=True, scope="module")
def _patience() -> Iterator[None]:
    expect.set_options(timeout=SOON)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def scanning(browser: Browser) -> Iterator[Callable[[Path], Browser]]:
    """Return a function that starts a browser whose camera plays a video; it is read at the start."""
    started: list[Browser] = []

    def start(video: Path) -> Browser:
        started.append(browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *camera.flags(video)]))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.mark.parametrize(
    ("language", "scripts", "name", "sequence"),
    [
        pytest.param(CHINESE, True, "钱一", 111, id="in Chinese"),
        pytest.param(ENGLISH, True, "Qian Er", 222, id="in English"),
        pytest.param(CHINESE, False, "钱三", 333, id="with JavaScript off for the resident"),
    ],
)
def test_a_fever_declared_on_a_phone_is_refused_visited_closed_and_seen_in_the_cockpit(
    demo: Demo,
    browser: Browser,
    scanning: Callable[[Path], Browser],
    tmp_path: Path,
    language: Language,
    scripts: bool,
    name: str,
    sequence: int,
) -> None:
    windows = Windows(demo, browser, language)
    cockpit = windows.staff("commander01", 1920, 1080)
    cockpit.goto("/cockpit/")
    expect(cockpit.locator("[data-channel=live]")).to_be_visible()
    before = {figure: _figure(cockpit, figure) for figure in ("passes_today", "refused_today", "alerts", "orders")}

    resident = windows.resident(f"13900000{sequence}", scripts=scripts)
    declare(resident, name=name, document=_id_number(sequence), symptom="fever", celsius="38.5")
    resident.goto("/code/why/")
    expect(resident.locator("main")).to_contain_text(language.yellow, ignore_case=True)
    expect(resident.locator("main")).to_contain_text(language.fever, ignore_case=True)
    resident.goto("/code/")
    expect(resident.locator("main")).to_contain_text(language.yellow, ignore_case=True)

    tablet = scanning(_film(resident, tmp_path / "screen.y4m"))
    gate = windows.staff("gate01", 1024, 768, browser=tablet)
    _enrol(windows, gate)
    gate.locator("#start-button").click()
    result = gate.locator("#result")
    expect(result).to_be_visible()
    expect(result).to_have_attribute("data-result", "yellow")
    expect(result).to_contain_text(language.refused)

    _expect_figures(cockpit, {figure: count + 1 for figure, count in before.items()})
    phone = windows.staff("grid01", 390, 844)
    phone.goto("/orders/")
    _state_a_purpose(phone)
    masked = name[0] + "*" * (len(name) - 1) if language is CHINESE else ""
    phone.locator("main").get_by_text(masked or "Q*", exact=False).first.wait_for()
    _carry_out(phone, tmp_path)

    community = windows.staff("community01", 1280, 900)
    community.goto("/orders/verify/")
    _state_a_purpose(community)
    community.locator("main a[href^='/orders/verify/']").first.click()
    community.locator("form[action$='/close/'] button").click()
    expect(community.locator("main")).to_contain_text(language.closed)
    passed = {figure: before[figure] + 1 for figure in ("passes_today", "refused_today")}
    _expect_figures(cockpit, passed | {figure: before[figure] for figure in ("alerts", "orders")})
    assert not windows.faults
    for page in (cockpit, resident, phone, community):
        page.context.close()


def _carry_out(phone: Page, folder: Path) -> None:
    """Accept, arrive, report with a photo."""
    photo = folder / "door.jpg"
    Image.new("RGB", (640, 480), "gray").save(photo)
    for step in ("accept", "arrive"):
        phone.locator(f"form[action$='/{step}/'] button").first.click()
        expect(phone.locator(f"form[action$='/{step}/']")).to_have_count(0)
    report = phone.locator("form[action*='/report/']")
    report.locator("[name=outcome][value=met]").check()
    report.locator("[name=feedback]").fill("量了体温，送到发热门诊。")
    report.locator("[name=photo_1]").set_input_files(photo)
    report.locator("button").last.click()
    expect(phone).to_have_url(re.compile(r"/orders/(#\w+)?$"))


def test_with_the_camera_covered_nobody_is_scanned(
    demo: Demo, browser: Browser, scanning: Callable[[Path], Browser], tmp_path: Path
) -> None:
    windows = Windows(demo, browser, CHINESE)
    gate = windows.staff("gate01", 1024, 768, browser=scanning(camera.write_darkness(tmp_path / "dark.y4m")))
    _enrol(windows, gate)
    gate.locator("#start-button").click()
    expect(gate.locator("[data-notice=dark]")).to_be_visible()
    expect(gate.locator("#result")).to_be_hidden()
