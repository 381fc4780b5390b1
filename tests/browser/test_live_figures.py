"""The status page's script: it asks for a ticket before each connection, and stops when it is given none."""

import json
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import Page, Route, expect

from citybrain.core import queries
from citybrain.core.roles import SystemAdministrator
from citybrain.core.stream_ticket import accept
from tests.browser.conftest import Open
from tests.people import District, browse

pytestmark = pytest.mark.browser


@pytest.fixture
def page(district: District, open_window: Open, live_server: Any, settings: Any) -> Page:
    """A window in which the system administrator is signed in."""
    settings.STREAM_ORIGIN = ""
    window = open_window(1280)
    session_key = browse(district.user(SystemAdministrator)).session.session_key
    window.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": str(session_key), "url": live_server.url}]
    )
    return window


def test_each_connection_has_a_ticket_of_its_own_and_none_follows_a_sign_out(page: Page) -> None:
    tickets: list[str] = []

    def stream(route: Route) -> None:
        """Send one picture and end, as a stream does that is cut off."""
        tickets.append(parse_qs(urlsplit(route.request.url).query)["ticket"][0])
        shown = {**queries.system_picture(), "outbox": {**queries.outbox_counts(), "pending": 40 + len(tickets)}}
        route.fulfill(content_type="text/event-stream", body=f"data: {json.dumps(shown)}\n\n")

    page.route("**/stream/system*", stream)
    page.goto("/system/")
    expect(page.locator("[data-outbox=pending]")).to_have_text("41")
    expect(page.locator("[data-outbox=pending]")).to_have_text("42")
    expect(page.locator("[data-unknown-since]")).to_have_text("—")
    assert len(set(tickets)) == len(tickets)
    listener = accept(tickets[-1], "system")
    assert listener is not None
    import_module(settings.SESSION_ENGINE).SessionStore(listener.session_key).delete()
    expect(page.locator("[data-channel=closed]")).to_be_visible()
    asked = len(tickets)
    page.wait_for_timeout(3000)
    assert len(tickets) == asked
