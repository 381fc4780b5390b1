"""Every page, in both languages and all modes: no fault of accessibility, nothing too wide, too small or too heavy."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Route

from healthcode.actions import services
from tests.people import District
from tests.repo import tree
from tests.repo.pages import pages
from tests.walk import NO_PAGES, Stop, Walk

pytestmark = [pytest.mark.browser, pytest.mark.steady]

AXE = (tree.ROOT / "tests" / "vendor" / "axe-core" / "axe.min.js").read_text()
MEASURE = Path(__file__).with_name("every_page.js").read_text()
RUN_AXE = """() => axe.run(document, {
  runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
  rules: { "target-size": { enabled: true } }, resultTypes: ["violations"], preload: false,
}).then((found) => found.violations.flatMap((one) => one.nodes.map(
  (node) => `${one.id}: ${node.target.join(" ")} ${node.failureSummary.split("\\n").slice(1).join(";").trim()}`)))"""
POLICY = {
    "default-src 'none'",
    *(f"{kind}-src 'self'" for kind in ("script", "worker", "style", "img", "font", "connect")),
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
PHONE, DESK = 320, 1280
LANGUAGES = ("zh-hans", "en")
TARGETS = {"standard": 44, "elder": 60, "wall": 44}
# With a mouse, figures that stand close together on the cockpit may be as small as WCAG 2.2 allows.
DENSE_TARGET = 24
ELDER_TYPE = 24
# The whole of a page for a resident, as sent and not compressed.
RESIDENT_BYTES = 100_000
# Pages that are shown dark, as on a wall, with what the address says for it; the cockpit always is.
WALL = {"core:design": "?mode=wall", "dashboard:cockpit": ""}
ALWAYS_DARK = {"dashboard:cockpit"}


@pytest.fixture
def walk(district: District, monkeypatch: pytest.MonkeyPatch) -> Walk:
    # A ticket lives two minutes, and the walk takes longer.
    monkeypatch.setattr(services, "CALL_LIFE", dt.timedelta(hours=1))
    return Walk(district)


@pytest.fixture
def context(browser: Browser, live_server: Any) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=live_server.url, locale="zh-CN")
    made.set_default_timeout(15_000)
    yield made
    made.close()


def test_every_address_has_its_place_in_the_walk(walk: Walk) -> None:
    named = {page.name for page in pages()}
    walked = {stop.page for stop in walk.stops}
    tree.expect_none(sorted(named - walked - NO_PAGES.keys()), "name the page in tests/walk.py, or why it is none")
    tree.expect_none(sorted(NO_PAGES.keys() - named | NO_PAGES.keys() & walked), "take it out of NO_PAGES")


@pytest.mark.parametrize("mode", ["standard", "elder", "wall"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_keeps_the_rules_of_the_design(
    walk: Walk, context: BrowserContext, live_server: Any, language: str, mode: str
) -> None:
    page = context.new_page()
    faults: list[str] = []
    page.on("request", lambda request: _note_stranger(request.url, live_server.url, faults))
    for stop in walk.stops:
        if stop.page not in WALL if mode == "wall" else stop.page in ALWAYS_DARK:
            continue
        _carry(walk.clients[stop.who], context, live_server.url, language, mode)
        faults += [f"{stop.name}: {fault}" for fault in _look(page, walk.clients[stop.who], stop, mode)]
    tree.expect_none(faults, f"in {language}, {mode}")


def _carry(client: Client, context: BrowserContext, url: str, language: str, mode: str) -> None:
    """Give the browser (and the test client) somebody's session, and the language and mode to read in."""
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    client.cookies["citybrain_mode"] = mode
    context.clear_cookies()
    context.add_cookies([{"name": name, "value": one.value, "url": url} for name, one in client.cookies.items()])


def _look(page: Page, client: Client, stop: Stop, mode: str) -> Iterator[str]:
    """Open a page at one width, let axe judge it, measure it there and at the other width."""
    query = WALL.get(stop.page, "") if mode == "wall" else ""
    status, headers = _open(page, client, stop, query)
    if status != stop.status:
        yield f"answers {status} instead of {stop.status}"
        return
    if set(headers.get("content-security-policy", "").split("; ")) != POLICY:
        yield f"its policy is {headers.get('content-security-policy')}"
    is_for_residents = page.locator("body.resident").count() > 0
    page.set_viewport_size({"width": PHONE if is_for_residents else DESK, "height": 900})
    page.evaluate(AXE)
    yield from page.evaluate(RUN_AXE)
    for width in (PHONE,) if is_for_residents else (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": 900})
        least = DENSE_TARGET if stop.page in ALWAYS_DARK and width == DESK else TARGETS[mode]
        yield from _measured(page, mode, width, least)
    size = page.evaluate(MEASURE, {"least": 0, "type": 0})["bytes"]
    if is_for_residents and size > RESIDENT_BYTES:
        yield f"is {size} bytes heavy"


def _measured(page: Page, mode: str, width: int, least: int) -> Iterator[str]:
    found = page.evaluate(MEASURE, {"least": least, "type": ELDER_TYPE if mode == "elder" else 0})
    if found["mode"] != mode:
        yield f"is shown in mode {found['mode']}"
    if found["scroll"] > 0:
        yield f"at {width} px sticks out by {found['scroll']} px: {', '.join(found['wide'])}"
    yield from (f"at {width} px {what}" for what in dict.fromkeys([*found["small"], *found["tiny"], *found["bare"]]))


def _open(page: Page, client: Client, stop: Stop, query: str) -> tuple[int, Mapping[str, str]]:
    """Load a page from the server, or show in its place what the test client was answered, or led to."""
    if stop.ask is None:
        answer = page.goto(f"{stop.url}{query}")
        assert answer is not None
        return answer.status, answer.headers
    response = stop.ask(client)
    if response.status_code == 302:
        return _open(page, client, Stop(stop.page, stop.who, response.headers["Location"].partition("#")[0]), query)
    headers = {name.lower(): value for name, value in response.headers.items()}

    def serve(route: Route) -> None:
        route.fulfill(status=response.status_code, headers=headers, body=response.content)

    page.route(f"**{stop.url}", serve, times=1)
    page.goto(stop.url)
    return response.status_code, headers


def _note_stranger(url: str, ours: str, faults: list[str]) -> None:
    if not url.startswith((ours, "data:", "blob:")):
        faults.append(f"a request left the host: {url}")
