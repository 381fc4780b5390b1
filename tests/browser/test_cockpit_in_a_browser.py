"""The cockpit on a wall screen: figures move without a reload, are marked when they are old, and open their rows."""

import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from citybrain.core import beats, clock
from citybrain.core.roles import DistrictCommander
from citybrain.demo.processes import bury, spawn
from community.models import WorkOrder
from tests.browser.conftest import Open
from tests.cockpit import City, at_a_gate, follow_all
from tests.people import District, browse
from tests.smoke_embedded import free_ports

pytestmark = pytest.mark.browser

START_SECONDS = 20.0


@pytest.fixture
def city(district: District) -> City:
    made = City(district)
    made.pass_by()
    follow_all()
    beats.beat("consumer")
    return made


@pytest.fixture
def stream_port() -> Iterator[int]:
    """Run the live stream as it runs in a system, on the tests' database; return its port."""
    port = free_ports()
    command = ("-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws")
    log = os.open(os.devnull, os.O_WRONLY)
    running = spawn(
        (sys.executable, *command, "--workers-kill-timeout", "1", "citybrain.asgi:application"), os.environ, log
    )
    deadline = time.monotonic() + START_SECONDS
    while not _listens(port):
        assert time.monotonic() < deadline, "the live stream does not start"
        time.sleep(0.1)
    yield port
    running.terminate()
    running.wait(10)
    bury(running)
    os.close(log)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _enter(city: City, open_window: Open, live_server: Any, settings: Any, width: int = 1920, **options: Any) -> Page:
    """Open a window in which the commander is signed in; the stream is at the same address, as behind nginx."""
    settings.STREAM_ORIGIN = ""
    window = open_window(width, **options)
    session = browse(city.district.user(DistrictCommander)).session.session_key
    window.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": str(session), "url": live_server.url}])
    return window


def _figure(page: Page, name: str) -> Any:
    return page.locator(f"[data-figure={name}]")


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_figure_moves_without_a_reload_and_opens_the_rows_that_it_counted(
    city: City, stream_port: int, open_window: Open, live_server: Any, settings: Any
) -> None:
    page = _enter(city, open_window, live_server, settings, locale="en-GB")

    def to_the_stream(route: Route) -> None:
        asked = urlsplit(route.request.url)
        route.continue_(url=f"http://127.0.0.1:{stream_port}{asked.path}?{asked.query}")

    page.route("**/stream/cockpit*", to_the_stream)
    beats.beat("consumer")
    page.goto("/cockpit/")
    expect(page.locator("[data-channel=live]")).to_be_visible()
    expect(page.locator("[data-consumer=live]")).to_be_visible()
    expect(_figure(page, "passes_today")).to_have_text("4")
    expect(page.locator("#map canvas").first).to_be_visible()
    expect(page.locator("[data-schematic]")).to_be_visible()
    page.evaluate("window.stays = true")
    at_a_gate(city.device, clock.now(), "red")
    follow_all()
    city.close(WorkOrder.objects.get(state="reported"))
    expect(_figure(page, "passes_today")).to_have_text("5")
    expect(_figure(page, "refused_today")).to_have_text("3")
    expect(_figure(page, "orders_reported")).to_have_text("0")
    assert page.evaluate("window.stays") is True, "the page was loaded anew"
    counted = _figure(page, "alerts").inner_text()
    city.walk_again()
    _figure(page, "alerts").click()
    expect(page.locator("p.lead")).to_contain_text(f"exactly {counted}")
    page.go_back()
    _figure(page, "refused_today").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_figures_are_marked_as_old_while_the_stream_is_away_and_fresh_again_afterwards(
    city: City, open_window: Open, live_server: Any, settings: Any
) -> None:
    page = _enter(city, open_window, live_server, settings, locale="en-GB")
    is_away = [True]
    page.route(
        "**/cockpit/ticket/",
        lambda route: route.fulfill(body="no ticket today") if is_away[0] else route.fallback(),
    )
    picture: list[str] = []
    page.route(
        "**/stream/cockpit*",
        lambda route: route.fulfill(content_type="text/event-stream", body=f"data: {picture[0]}\n\n"),
    )
    page.goto("/cockpit/")
    expect(page.locator("[data-channel=lost]")).to_contain_text(re.compile(r"these are old figures, of \d\d:\d\d:\d\d"))
    expect(page.locator("#cockpit.is-old")).to_be_visible()
    expect(page.locator("[data-age]")).to_have_text(re.compile(r"[3-9] s old"))
    picture.append(page.locator("#picture").text_content() or "")
    is_away[0] = False
    expect(page.locator("#cockpit.is-old")).to_have_count(0)
    expect(page.locator("[data-age]")).to_have_text(re.compile(r"[01] s old"))


def test_a_consumer_that_never_ran_is_told_and_nothing_is_known_of_passes(
    district: District, open_window: Open, live_server: Any, settings: Any
) -> None:
    settings.STREAM_ORIGIN = ""
    page = open_window(1920, locale="en-GB", java_script_enabled=False)
    session = browse(district.user(DistrictCommander)).session.session_key
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": str(session), "url": live_server.url}])
    page.goto("/cockpit/")
    expect(page.locator("[data-consumer=never]")).to_be_visible()
    expect(_figure(page, "passes_today")).to_have_text("–")
    assert _figure(page, "passes_today").get_attribute("href") is None


@pytest.mark.parametrize("width", [1920, 1366, 390])
def test_without_scripts_the_figures_stand_and_open_their_rows_on_every_screen(
    city: City, open_window: Open, live_server: Any, settings: Any, width: int
) -> None:
    page = _enter(city, open_window, live_server, settings, width, java_script_enabled=False)
    page.goto("/cockpit/")
    expect(page.locator("[data-channel=none]")).to_be_visible()
    expect(page.locator("[data-grids] tr")).to_have_count(3)
    expect(page.locator("noscript p")).to_be_visible()
    _figure(page, "overdue").click()
    expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.parametrize("width", [1920, 1366, 390, 320])
def test_nothing_sticks_out_to_the_right(
    city: City, open_window: Open, live_server: Any, settings: Any, width: int
) -> None:
    page = _enter(city, open_window, live_server, settings, width, locale="en-GB")
    page.route("**/cockpit/ticket/", lambda route: route.fulfill(body="no ticket today"))
    for path in ("/cockpit/", "/cockpit/passes/", "/cockpit/alerts/", "/cockpit/orders/"):
        page.goto(path)
        assert _fits(page), f"{path} at {width}"
