"""A fresh phone account declares in a real browser, by keyboard and without JavaScript."""

import re

import pytest
from playwright.sync_api import Page, expect

from healthcode.models import CodeState, Declaration
from tests.browser.conftest import Open, enter_by_phone
from tests.codes import adopt
from tests.declarations import NEW_ID, NEW_PHONE, today
from tests.people import District

pytestmark = pytest.mark.browser


@pytest.fixture
def page(district: District, open_window: Open, capsys: pytest.CaptureFixture[str]) -> Page:
    """A phone without JavaScript in which somebody has just signed in for the first time."""
    adopt()
    window = open_window(390, java_script_enabled=False)
    enter_by_phone(window, NEW_PHONE, capsys)
    return window


def _skip_to_the_question(page: Page) -> None:
    """Reach the first field as whoever has no mouse does."""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")


def _choose(page: Page, value: str) -> None:
    """Choose by keyboard and go on: the key Enter sends the form by its first button."""
    page.locator(f"main input[value='{value}']").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")


def _asks(page: Page, name: str) -> None:
    expect(page).to_have_url(re.compile(f"/declare/{name}/(#main)?$"))
    box = page.locator("main").bounding_box()
    assert box is not None
    assert box["width"] <= 390, "nothing sticks out"


def _say_who(page: Page) -> None:
    _asks(page, "who")
    _skip_to_the_question(page)
    expect(page.locator("[name=name]")).to_be_focused()
    page.keyboard.type("王五")
    born = page.locator("[name=born_on]")
    page.locator("[value=passport]").check()
    expect(born).to_be_visible()
    page.locator("[value=resident_id]").check()
    expect(born).not_to_be_visible()
    page.locator("[name=number]").fill(f"{NEW_ID[:-1]}0")
    page.keyboard.press("Enter")
    expect(page.locator("#id_number_error")).to_contain_text("最后一位")
    expect(page.locator("[name=name]")).to_have_value("王五")
    page.locator("[name=number]").fill(NEW_ID)
    page.keyboard.press("Enter")


def _say_where(page: Page, district: District) -> None:
    _asks(page, "address")
    _choose(page, str(district.street.pk))
    _asks(page, "community")
    _choose(page, str(district.community.pk))
    for name, label in (("estate", "东新园"), ("building", "1幢")):
        _asks(page, name)
        page.get_by_label(label).check()
        page.keyboard.press("Enter")
    _asks(page, "room")
    # Whoever has skipped to the content once stays there from page to page.
    page.keyboard.press("Tab")
    expect(page.locator("[name=room]")).to_be_focused()
    page.keyboard.type("2单元301室")
    page.locator("button[value=back]").click()
    _asks(page, "building")
    expect(page.get_by_label("1幢")).to_be_checked()
    page.locator("button[value=on]").click()
    expect(page.locator("[name=room]")).to_have_value("2单元301室")
    page.locator("button[value=on]").click()


def _say_the_rest(page: Page) -> None:
    """Answer calmly, but for a stay in a high-risk area."""
    for name, value in (("household", "none"), ("work", "none"), ("arrival", "no")):
        _asks(page, name)
        _choose(page, value)
    _asks(page, "stays")
    first_day = page.locator("[name^=first_]").first
    expect(first_day).not_to_be_visible()
    page.locator("[name=areas]").first.check()
    first_day.fill(today(5))
    page.locator("[name^=last_]").first.fill(today(3))
    page.keyboard.press("Enter")
    for name, value in (("contact", "none"), ("health", "none")):
        _asks(page, name)
        _choose(page, value)


def test_a_fresh_account_declares_by_keyboard_without_javascript(district: District, page: Page) -> None:
    page.locator("main a[href='/declare/']").press("Enter")
    page.locator("main a.button").press("Enter")
    _say_who(page)
    _say_where(page, district)
    _say_the_rest(page)
    _asks(page, "review")
    expect(page.locator("main")).to_contain_text("东新园1幢2单元301室")

    # The stay was a slip: it is taken back.
    page.locator("a[href*='stays']").press("Enter")
    page.locator("[name=areas]").first.uncheck()
    page.locator("[name=areas]").last.check()
    page.keyboard.press("Enter")
    _asks(page, "review")
    _choose(page, "yes")
    _asks(page, "done")
    expect(page.locator(".verdict.green")).to_be_visible()
    assert CodeState.objects.get(person=Declaration.objects.get().person).state == "green"


def test_after_a_mended_mistake_the_back_button_shows_the_question_and_never_asks_to_send_again(
    district: District, page: Page
) -> None:
    page.goto("/declare/who/")
    page.locator("[name=name]").fill("王五")
    page.locator("[name=number]").fill("12")
    page.keyboard.press("Enter")
    expect(page.locator(".wrong a")).to_be_visible()
    page.locator("[name=number]").fill(NEW_ID)
    page.keyboard.press("Enter")
    _asks(page, "address")
    page.go_back()
    expect(page.locator("[name=number]")).to_have_value(NEW_ID)
    expect(page.locator(".wrong")).to_have_count(0)


def test_the_back_button_of_the_browser_finds_what_was_answered(district: District, page: Page) -> None:
    page.goto("/declare/who/")
    page.locator("[name=name]").fill("王五")
    page.locator("[value=resident_id]").check()
    page.locator("[name=number]").fill(NEW_ID)
    page.keyboard.press("Enter")
    _asks(page, "address")
    page.go_back()
    _asks(page, "who")
    expect(page.locator("[name=number]")).to_have_value(NEW_ID)
    expect(page.locator("[value=resident_id]")).to_be_checked()
