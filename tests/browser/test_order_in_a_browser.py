"""An order in a real browser: from the worker's phone to whoever verifies it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Page, Route, expect

from citybrain.core.models import User
from citybrain.core.roles import CommunityStaff, GridWorker
from community import queries
from community.models import Visit, WorkOrder
from tests.browser.conftest import Open
from tests.orders import order_for, picture
from tests.people import District, browse

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _stream_beside(settings: Any) -> None:
    settings.STREAM_ORIGIN = ""


def _enter(page: Page, user: User, url: str, cookie: str) -> Page:
    """Sign a user in with a purpose, and let their page hear a live stream that sends one picture a connection."""
    session_key = str(browse(user).session.session_key)
    page.context.add_cookies([{"name": cookie, "value": session_key, "url": url}])

    def stream(route: Route) -> None:
        told = json.dumps(queries.orders_picture(user.pk))
        # Each call has a context, and so a connection, of its own.
        connection.close()
        route.fulfill(content_type="text/event-stream", body=f"data: {told}\n\n")

    page.route("**/stream/orders*", stream)
    return page


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_worker_accepts_visits_and_reports_with_a_photo_and_another_verifies(
    district: District, open_window: Open, live_server: Any, settings: Any, tmp_path: Path
) -> None:
    worker, staff = district.user(GridWorker), district.user(CommunityStaff)
    order = order_for(district.zhang, district.grid)
    photo = tmp_path / "door.jpg"
    photo.write_bytes(picture())
    page = _enter(open_window(390), worker, live_server.url, settings.SESSION_COOKIE_NAME)

    page.goto("/orders/")
    expect(page.get_by_text("张*")).to_be_visible()
    assert _fits(page)
    page.locator(".order button.big").click()
    expect(page).to_have_url(re.compile(str(order.ref)))
    page.locator("button.big").click()
    page.locator("[name=outcome][value=met]").check()
    page.locator("[name=celsius]").fill("99")
    page.locator("[name=feedback]").fill("在家，体温正常")
    page.locator("[name=photo_1]").set_input_files(photo)
    expect(page.locator("[data-preview=photo_1]")).to_be_visible()
    page.locator("#report button.big").click()
    expect(page.locator("#id_celsius_error")).to_be_visible()
    expect(page.locator("[name=feedback]")).to_have_value("在家，体温正常")
    expect(page.locator("[name=drop_1]")).to_be_visible()
    assert _fits(page)
    page.reload()
    page.locator("[name=celsius]").fill("36.8")
    page.context.set_offline(True)
    page.locator("#report button.big").click()
    expect(page.locator("[data-unsent]")).to_be_visible()
    page.context.set_offline(False)
    expect(page).to_have_url(re.compile(r"/orders/(#report)?$"))
    expect(page.locator(".order")).to_have_count(0)

    other = _enter(open_window(390), staff, live_server.url, settings.SESSION_COOKIE_NAME)
    other.goto("/orders/verify/")
    assert _fits(other)
    other.locator("table a.button").click()
    expect(other.get_by_text("在家，体温正常")).to_be_visible()
    image = other.locator(".visit-photos img")
    image.scroll_into_view_if_needed()
    expect(image).to_have_js_property("naturalWidth", 64)
    assert _fits(other)
    other.locator("button.big").first.click()
    expect(other).to_have_url(re.compile("/orders/verify/$"))
    order.refresh_from_db()
    assert (order.state, order.closed_by, Visit.objects.count()) == ("closed", staff, 1)


def test_a_new_order_comes_into_the_open_list_by_itself_and_is_announced(
    district: District, open_window: Open, live_server: Any, settings: Any
) -> None:
    worker = district.user(GridWorker)
    page = _enter(open_window(390), worker, live_server.url, settings.SESSION_COOKIE_NAME)
    page.goto("/orders/")
    expect(page.locator(".order")).to_have_count(0)
    order_for(district.zhang, district.grid)
    expect(page.locator(".order")).to_have_count(1, timeout=15_000)
    expect(page.locator("[data-say]")).to_have_text(re.compile(r"1"))
    order_for(None, district.grid)
    order_for(None, district.grid, subject="point:5")
    expect(page.locator(".order")).to_have_count(3, timeout=25_000)
    assert WorkOrder.objects.count() == 3


def test_the_list_can_be_worked_without_a_script(
    district: District, open_window: Open, live_server: Any, settings: Any
) -> None:
    worker = district.user(GridWorker)
    order = order_for(district.zhang, district.grid)
    page = _enter(open_window(390, java_script_enabled=False), worker, live_server.url, settings.SESSION_COOKIE_NAME)
    page.goto("/orders/")
    page.locator(".order button.big").click()
    expect(page).to_have_url(re.compile(str(order.ref)))
    order.refresh_from_db()
    assert order.state == "accepted"


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_of_alerts_orders_and_duty_sticks_out(
    district: District, open_window: Open, live_server: Any, settings: Any, width: int
) -> None:
    order = order_for(district.zhang, district.grid, place="一个名字特别长的集贸市场北门二号通道" * 3)
    staff = district.user(CommunityStaff)
    page = _enter(open_window(width), staff, live_server.url, settings.SESSION_COOKIE_NAME)
    for path in (
        "/orders/",
        f"/orders/{order.ref}/",
        "/orders/verify/",
        f"/orders/verify/{order.ref}/",
        "/alerts/",
        "/duty/",
    ):
        page.goto(path)
        assert _fits(page), path
