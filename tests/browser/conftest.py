"""A real Chromium, Debian's; pages are served by this process."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_socket import enable_socket

from tests.people import District, make_district

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once a module: while its driver runs, no other event loop can run in this thread."""
    if not CHROMIUM.exists():
        pytest.fail("chromium is not installed: `make test` as root installs it by apt")
    enable_socket()
    # The browser's driver runs an event loop in this thread; the tests' own ORM calls are not inside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


Open = Callable[..., Page]
# The whole address: every address ends in a slash, that of the page before as well.
AT_HOME = re.compile(r"^https?://[^/]+/$")


@pytest.fixture
def open_window(browser: Browser, live_server: Any) -> Iterator[Open]:
    """Return a function that opens a window of its own; script errors and strangers' hosts fail the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_one(width: int = 390, **options: Any) -> Page:
        options.setdefault("locale", "zh-CN")
        context = browser.new_context(viewport={"width": width, "height": 844}, base_url=live_server.url, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: _note_stranger(request.url, live_server.url, faults))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not faults


def _note_stranger(url: str, ours: str, faults: list[str]) -> None:
    if not url.startswith((ours, "data:", "blob:")):
        faults.append(f"a request left the host: {url}")


@pytest.fixture
def district(transactional_db: None) -> District:
    """Make the small district, committed, so that the server's threads see it."""
    return make_district()


def enter_by_phone(page: Page, phone: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Sign in as a resident, by keyboard alone."""
    page.goto("/sign-in/")
    expect(page.get_by_role("textbox")).to_be_focused()
    page.keyboard.type(phone)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/sign-in/code/"))
    sent = re.search(r"SMS to \S+ .*?(\d{6})", capsys.readouterr().out)
    assert sent
    expect(page.get_by_role("textbox")).to_be_focused()
    page.keyboard.type(sent.group(1))
    page.keyboard.press("Enter")
    expect(page).to_have_url(AT_HOME)
