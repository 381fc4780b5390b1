"""The daily check-in in a real browser without JavaScript, and what the worker sees of it."""

import datetime as dt
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from citybrain.core import clock, outbox
from citybrain.core.models import Person, User
from citybrain.core.purposes import Purpose
from citybrain.core.roles import GridWorker, Resident
from community.models import WorkOrder
from tests.browser.conftest import Open
from tests.codes import WELL, adopt, tell
from tests.people import District, browse

pytestmark = pytest.mark.browser

DAY = dt.timedelta(days=1)


def _enter(page: Page, user: User, purpose: str, url: str, cookie: str) -> Page:
    session_key = str(browse(user, purpose).session.session_key)
    page.context.add_cookies([{"name": cookie, "value": session_key, "url": url}])
    return page


def _yellow(person: Person) -> None:
    """Let somebody have declared, and met a contact, three days ago; yesterday's check-in is there."""
    now = clock.now()
    tell(person, "declaration", WELL, now - 3 * DAY)
    tell(person, "exposure", {"grade": "secondary"}, now - 3 * DAY)
    tell(person, "check_in", {"symptoms": []}, now - DAY)


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.slow
def test_one_tap_moves_the_progress_and_a_fever_reaches_the_worker_as_an_order(
    district: District, open_window: Open, live_server: Any, settings: Any
) -> None:
    adopt()
    _yellow(district.zhang)
    cookie = settings.SESSION_COOKIE_NAME
    worker = _enter(open_window(390), district.user(GridWorker), Purpose.ISOLATION_CARE, live_server.url, cookie)
    page = _enter(open_window(320, java_script_enabled=False), district.user(Resident), "", live_server.url, cookie)
    worker.goto("/care/?show=due")
    expect(worker.locator(".care-person")).to_have_count(1)
    assert _fits(worker)

    page.goto("/")
    page.locator(".home-check-in a.button").click()
    expect(page.locator(".check-in-progress progress")).to_have_js_property("value", 1)
    assert _fits(page)
    page.locator("button[name=same]").click()
    expect(page).to_have_url(re.compile("/check-in/done/$"))
    expect(page.locator(".days .counts")).to_have_count(2)
    worker.reload()
    expect(worker.locator(".care-person")).to_have_count(0)
    page.goto("/")
    expect(page.locator(".home-check-in")).to_have_count(0)

    # In the evening there is a fever: the day is spoilt, and the grid is told at once.
    page.goto("/check-in/")
    again = page.locator("details.card", has=page.locator("[name=replaces][value='']"))
    again.locator("summary").click()
    form = again.locator("form")
    form.locator("[name=celsius]").fill("38.2")
    form.locator("[value=fever]").check()
    form.locator("button.big").click()
    expect(page.get_by_role("alert")).to_contain_text("120")
    assert _fits(page)
    while outbox.work():
        pass
    order = WorkOrder.objects.get()
    assert (order.alert.kind, order.assignee) == ("health_worse", district.user(GridWorker))
    worker.goto("/care/?show=worse")
    worker.get_by_role("link", name=re.compile("工单|Order")).click()
    expect(worker).to_have_url(re.compile(str(order.ref)))
