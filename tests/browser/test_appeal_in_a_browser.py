"""An appeal in a real browser: from a red code to a green one, by two human beings."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from citybrain.core.models import User
from citybrain.core.roles import HealthOfficer, Resident, StreetStaff
from healthcode.models import Appeal
from tests.appeals import ANSWER, close_contact
from tests.browser.conftest import Open
from tests.codes import adopt
from tests.orders import picture
from tests.people import District, browse

pytestmark = pytest.mark.browser


def _enter(page: Page, user: User, url: str, purpose: str = "") -> Page:
    session = browse(user, purpose).cookies["citybrain_session"].value
    page.context.add_cookies([{"name": "citybrain_session", "value": session, "url": url}])
    return page


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_resident_appeals_two_decide_and_the_code_is_green_with_the_reason_why(
    district: District, open_window: Open, live_server: Any, tmp_path: Any, script: bool
) -> None:
    adopt()
    close_contact(district.zhang, district.user(HealthOfficer))
    ticket = tmp_path / "ticket.jpg"
    ticket.write_bytes(picture())
    phone = open_window(320, locale="en-GB", java_script_enabled=script)
    page = _enter(phone, district.user(Resident), live_server.url)
    page.goto("/code/why/")
    page.locator(".code-reason").get_by_role("link", name="This is wrong: appeal").click()
    expect(page.locator("[name=rule][value=close_contact]")).to_be_checked()
    assert not script or _fits(page)
    page.locator("[name=text]").fill("I was at work.")
    page.locator("[name=photo_1]").set_input_files(ticket)
    page.get_by_role("button", name="Send my appeal").click()
    expect(page.get_by_text("You have an answer by")).to_be_visible()
    assert not script or _fits(page)
    appeal = Appeal.objects.get()

    first = open_window(1280, locale="en-GB", java_script_enabled=script)
    staff = _enter(first, district.user(HealthOfficer, district.street), live_server.url, "complaint")
    staff.goto("/appeals/")
    staff.get_by_role("link", name=appeal.number).click()
    expect(staff.get_by_text("I was at work.")).to_be_visible()
    staff.get_by_role("button", name="Take this case").click()
    staff.locator("[name=withdraws]").check()
    staff.locator("[name=outcome][value=granted]").check()
    staff.locator("[name=answer]").fill(ANSWER)
    staff.get_by_role("button", name="Propose it to a second person").click()
    expect(staff.get_by_text("You proposed this.")).to_be_visible()
    page.goto("/code/why/")
    expect(page.locator(".code-verdict.red")).to_be_visible()

    second = open_window(320, locale="en-GB", java_script_enabled=script)
    other = _enter(second, district.user(StreetStaff), live_server.url, "complaint")
    other.goto("/appeals/?show=second")
    other.get_by_role("link", name=appeal.number).click()
    expect(other.get_by_text(ANSWER)).to_be_visible()
    assert not script or _fits(other)
    other.get_by_role("button", name="I agree: decide it so").click()
    expect(other.get_by_text("The code has followed")).to_be_visible()

    page.goto(f"/appeal/{appeal.ref}/")
    expect(page.get_by_text(ANSWER).first).to_be_visible()
    expect(page.locator(".steps")).to_contain_text(ANSWER)
    page.goto("/code/why/")
    expect(page.locator(".code-verdict.green")).to_be_visible()
