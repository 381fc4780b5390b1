"""`python -m tests.pictures`: walks through a demo in every role and draws docs/pictures/*.png, which the README shows.

Starts a living demo in a temporary folder; with --base-url it walks through a running one, whose folder (for the
one-time codes in its log) is --var. Two new residents declare, one well and one with a fever; both stand at the gate of
the market, and a grid worker goes to see somebody.
"""

import argparse
import contextlib
import io
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from citybrain.core import documents
from citybrain.demo.city.known import MARKET, PASSWORD
from tests.declaring import declare
from tests.running import LIVING, Demo, running_demo
from tests.smoke_embedded import ROOT

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FOLDER = ROOT / "docs" / "pictures"
LARGEST = 200_000
PHONE, GAP = (360, 760), 24
SOON = 30_000
# For a whole district with its history, on a machine that does something else besides.
PATIENCE_SECONDS = 900.0
GROUND = "#d9e2e3"


@dataclass
class Resident:
    """Someone who has never declared; every walk takes people of its own."""

    fever: str
    # The never-assigned county 330199, and numbers that belong to nobody.
    number: int = field(default_factory=lambda: secrets.randbelow(9000) + 1000)

    @property
    def phone(self) -> str:
        """A mobile number."""
        return f"1390001{self.number}"

    @property
    def document(self) -> str:
        """A valid ID number."""
        first = f"3301991968{self.number % 12 + 1:02}{self.number % 28 + 1:02}{self.number % 1000:03}"
        return first + documents.check_digit(first)


@dataclass
class Studio:
    """A demo, and a browser to look at it with."""

    demo: Demo
    browser: Browser

    def open(self, width: int, height: int) -> Page:
        """Open a window of a size."""
        context = self.browser.new_context(
            base_url=self.demo.url,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            viewport={"width": width, "height": height},
            device_scale_factor=2 if width < 1000 else 1,
            reduced_motion="reduce",
        )
        context.set_default_timeout(SOON)
        return context.new_page()

    def staff(self, name: str, width: int, height: int) -> Page:
        """Open a window in which a member of staff is signed in, with a purpose."""
        page = self.open(width, height)
        page.goto("/sign-in/staff/")
        page.locator("[name=username]").fill(name)
        page.locator("[name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{self.demo.url}/")
        return page

    def resident(self, resident: Resident) -> Page:
        """Open a phone on which a resident is signed in."""
        page = self.open(*PHONE)
        page.goto("/sign-in/")
        page.locator("[name=phone]").fill(resident.phone)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/sign-in/code/"))
        page.locator("[name=code]").fill(self.demo.code_sent(resident.phone))
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{self.demo.url}/")
        return page


def draw(studio: Studio) -> dict[str, Image.Image]:
    """Walk through every face; return the pictures by name."""
    well, ill = Resident(fever=""), Resident(fever="38.5")
    phone = studio.resident(well)
    question = _declare(phone, well)
    phone.goto("/code/")
    green = _shot(phone)
    other = studio.resident(ill)
    _declare(other, ill)
    other.goto("/code/why/")
    pictures = {"resident": _side_by_side([question, green, _shot(other)])}
    pictures["gate"] = _side_by_side(_gate(studio, [well, ill]))
    pictures["grid-worker"] = _side_by_side(_grid_worker(studio))
    pictures |= _commander(studio)
    return pictures


def _declare(page: Page, resident: Resident) -> Image.Image:
    """Answer every question; return the picture of the one about health."""
    shots: list[Image.Image] = []
    declare(
        page,
        name="钱小梅" if resident.fever else "王大力",
        document=resident.document,
        symptom="fever" if resident.fever else "none",
        celsius=resident.fever or "36.5",
        before_health=lambda: shots.append(_shot(page)),
    )
    return shots[0]


def _gate(studio: Studio, residents: list[Resident]) -> list[Image.Image]:
    """Enrol a phone at the market's gate; check each resident there; return the results."""
    community = studio.staff("community01", 1280, 900)
    community.goto("/gates/")
    community.get_by_role("link", name=MARKET).first.click()
    form = community.locator("form[action$='/devices/']").first
    form.locator("[name=name]").fill(f"phone {secrets.token_hex(2)}")
    form.locator("button").click()
    code = community.locator(".enrolment-code").inner_text()
    gate = studio.staff("gate01", *PHONE)
    gate.goto("/gate/enrol/")
    gate.locator("[name=code]").fill(code)
    gate.keyboard.press("Enter")
    expect(gate).to_have_url(re.compile("/gate/$"))
    shots = [_shot(gate)]
    for resident in residents:
        gate.goto("/gate/document/")
        gate.locator("main [name=number]").fill(resident.document)
        gate.locator("main [name=is_compared]").check()
        gate.locator("main form button").last.click()
        expect(gate).to_have_url(re.compile("/gate/result/"))
        shots.append(_shot(gate))
    return shots


def _grid_worker(studio: Studio) -> list[Image.Image]:
    """Go to see whom the first order is about; return the orders, the way there and the report."""
    worker = studio.staff("grid01", *PHONE)
    worker.goto("/orders/")
    if "/purpose/" in worker.url:
        worker.get_by_role("radio").first.check()
        worker.keyboard.press("Enter")
    expect(worker.locator(".order").first).to_be_visible()
    shots = [_shot(worker)]
    worker.locator(".order a[href^='/orders/']").first.click()
    expect(worker.locator(".order-page")).to_be_visible()
    for step in ("accept", "arrive"):
        button = worker.locator(f"form[action$='/{step}/'] button").first
        if button.count():
            button.click()
            expect(worker.locator(f"form[action$='/{step}/']")).to_have_count(0)
        if step == "accept":
            shots.append(_shot(worker))
    report = worker.locator("#report")
    report.locator("[name=outcome]").first.check()
    if report.locator("[name=celsius]").count():
        report.locator("[name=celsius]").fill("36.8")
    report.locator("[name=done]").first.check()
    report.evaluate("form => form.scrollIntoView()")
    return [*shots, _shot(worker, scrolled=True)]


def _commander(studio: Studio) -> dict[str, Image.Image]:
    """Look at the cockpit on a wall, and at the map."""
    wall = studio.staff("commander01", 1920, 1080)
    wall.goto("/cockpit/")
    expect(wall.locator("[data-channel=live]").first).to_be_visible()
    # The charts have drawn themselves by then.
    wall.wait_for_timeout(3000)
    pictures = {"cockpit": _shot(wall)}
    desk = studio.staff("commander01", 1280, 1120)
    desk.goto("/map/")
    if "/purpose/" in desk.url:
        desk.get_by_role("radio").first.check()
        desk.keyboard.press("Enter")
        expect(desk).not_to_have_url(re.compile("/purpose/"))
    desk.goto("/map/?show=not_green")
    desk.wait_for_timeout(3000)
    return {**pictures, "map": _shot(desk)}


def _shot(page: Page, *, scrolled: bool = False) -> Image.Image:
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement?.blur()")
    if not scrolled:
        page.evaluate("window.scrollTo(0, 0)")
    return Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")


def _side_by_side(shots: list[Image.Image]) -> Image.Image:
    gap = GAP * 2
    width = sum(shot.width for shot in shots) + gap * (len(shots) + 1)
    whole = Image.new("RGB", (width, max(shot.height for shot in shots) + 2 * gap), GROUND)
    left = gap
    for shot in shots:
        whole.paste(shot, (left, gap))
        left += shot.width + gap
    return whole


def write(name: str, picture: Image.Image) -> int:
    """Write a picture with as many colours as LARGEST allows, smaller if need be; return its bytes."""
    for width in (picture.width, 1600, 1280, 1000):
        scaled = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
        for colours in (256, 128, 64):
            written = io.BytesIO()
            few = scaled.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            few.save(written, "PNG", optimize=True)
            if written.tell() < LARGEST:
                FOLDER.mkdir(parents=True, exist_ok=True)
                (FOLDER / f"{name}.png").write_bytes(written.getvalue())
                return written.tell()
    raise ValueError(f"{name} does not become small enough")


@contextlib.contextmanager
def _demo(options: argparse.Namespace) -> Iterator[Demo]:
    if options.base_url:
        yield Demo(urlsplit(options.base_url).port or 80, options.var)
        return
    with (
        tempfile.TemporaryDirectory(prefix="citybrain-pictures-") as folder,
        running_demo(Path(folder) / "var", LIVING, PATIENCE_SECONDS) as demo,
    ):
        yield demo


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--base-url", help="a running demo, such as http://127.0.0.1:8000; else one is started")
    parser.add_argument("--var", type=Path, default=ROOT / "var", help="the folder of the running demo")
    options = parser.parse_args()
    expect.set_options(timeout=SOON)
    with _demo(options) as demo, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, picture in draw(Studio(demo, browser)).items():
            size = write(name, picture)
            sys.stdout.write(f"docs/pictures/{name}.png  {size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
