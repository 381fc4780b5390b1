"""The frame of every page: its menu on a phone, large type, and what it says when the network is gone."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from citybrain.core.roles import CommunityStaff, Resident
from tests.browser.conftest import Open
from tests.people import District, browse

pytestmark = pytest.mark.browser


def _enter(page: Page, district: District, role: Any, live_server: Any) -> Page:
    for name, one in browse(district.user(role)).cookies.items():
        page.context.add_cookies([{"name": name, "value": one.value, "url": live_server.url}])
    return page


def _height(page: Page, part: str) -> float:
    box = page.locator(part).bounding_box()
    assert box
    return box["height"]


def test_the_menu_on_a_phone_is_one_line_that_names_the_page_and_works_without_a_script(
    district: District, open_window: Open, live_server: Any
) -> None:
    page = _enter(open_window(320, java_script_enabled=False), district, CommunityStaff, live_server)
    page.goto("/estates/")
    menu = page.locator(".menu summary")
    expect(menu).to_contain_text("小区")
    assert _height(page, ".frame-head") <= 160
    places = page.get_by_role("navigation", name="主要页面")
    expect(places).to_be_hidden()
    menu.focus()
    page.keyboard.press("Enter")
    expect(places.get_by_role("link", name="小区")).to_have_attribute("aria-current", "page")
    places.get_by_role("link", name="预警").click()
    expect(page).to_have_url(re.compile("/alerts/"))
    page.locator(".menu summary").click()
    page.get_by_role("button", name="退出登录").click()
    expect(page).to_have_url(re.compile("/sign-in/"))


def test_where_there_is_room_the_pages_stand_in_a_row(district: District, open_window: Open, live_server: Any) -> None:
    page = _enter(open_window(1280), district, CommunityStaff, live_server)
    page.goto("/estates/")
    expect(page.locator(".menu")).to_be_hidden()
    expect(page.get_by_role("navigation", name="主要页面")).to_be_visible()
    assert _height(page, ".places") <= 60


def test_large_type_is_chosen_before_signing_in_and_kept(
    district: District, open_window: Open, live_server: Any
) -> None:
    page = open_window(320, java_script_enabled=False)
    page.goto("/sign-in/")
    page.locator("button[name=mode]").click()
    expect(page).to_have_url(re.compile("/sign-in/$"))
    expect(page.locator("html")).to_have_attribute("data-mode", "elder")
    _enter(page, district, Resident, live_server)
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-mode", "elder")
    page.locator("button[name=mode]").click()
    expect(page.locator("html")).to_have_attribute("data-mode", "standard")


def test_without_a_network_the_page_says_so_and_keeps_what_was_typed(open_window: Open) -> None:
    page = open_window(390)
    page.goto("/sign-in/")
    notice = page.locator("[data-offline]")
    expect(notice).to_be_hidden()
    phone = page.get_by_role("textbox")
    phone.fill("19900001234")
    page.context.set_offline(offline=True)
    expect(notice).to_be_visible()
    phone.press("Enter")
    expect(page).to_have_url(re.compile("/sign-in/$"))
    expect(phone).to_have_value("19900001234")
    page.context.set_offline(offline=False)
    expect(notice).to_be_hidden()
    phone.press("Enter")
    expect(page).to_have_url(re.compile("/sign-in/code/"))


def test_paper_carries_no_navigation_and_says_where_it_came_from(
    district: District, open_window: Open, live_server: Any
) -> None:
    page = _enter(open_window(794), district, CommunityStaff, live_server)
    page.goto("/residents/")
    page.emulate_media(media="print")
    for gone in (".menu", ".places", ".tools", ".filters"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator(".on-paper")).to_contain_text("/residents/ · 截至")
    # Rows stay a table on paper, which is narrower than a screen.
    expect(page.get_by_role("columnheader").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.table a')).color") == "rgb(0, 0, 0)"
