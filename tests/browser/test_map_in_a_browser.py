"""The map, gone into by keyboard and by mouse: its address, the way back, and the table that says the same."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from citybrain.core import clock
from citybrain.core.roles import DistrictCommander, GridWorker
from tests.browser.conftest import Open
from tests.cockpit import City
from tests.people import District, browse

pytestmark = pytest.mark.browser

# A street on the left and one on the right, cut as their parts are.
LEFT = [[[120.0, 30.0], [120.1, 30.0], [120.1, 30.1], [120.0, 30.1], [120.0, 30.0]]]
RIGHT = [[[120.1, 30.0], [120.2, 30.0], [120.2, 30.1], [120.1, 30.1], [120.1, 30.0]]]
HALF = [[[120.0, 30.0], [120.05, 30.0], [120.05, 30.1], [120.0, 30.1], [120.0, 30.0]]]
REST = [[[120.05, 30.0], [120.1, 30.0], [120.1, 30.1], [120.05, 30.1], [120.05, 30.0]]]


@pytest.fixture
def city(district: District) -> City:
    made = City(district)
    for area, ring in (
        (district.street, LEFT),
        (district.community, LEFT),
        (district.grid, HALF),
        (district.other_grid, REST),
        (made.street, RIGHT),
        (made.community, RIGHT),
        (made.grid, RIGHT),
    ):
        type(area).objects.filter(pk=area.pk).update(boundary={"type": "Polygon", "coordinates": ring})
    return made


def _enter(page: Page, user: Any, live_server: Any, settings: Any) -> Page:
    session = browse(user).session.session_key
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": str(session), "url": live_server.url}])
    return page


def _told(page: Page) -> str:
    return page.locator("[data-told]").inner_text()


def test_the_map_is_gone_into_by_keyboard_and_by_mouse_and_says_what_the_table_says(
    city: City, open_window: Open, live_server: Any, settings: Any
) -> None:
    district = city.district
    page = _enter(open_window(1280, locale="en-GB"), district.user(DistrictCommander), live_server, settings)
    page.goto("/map/?show=not_green")
    picture = page.locator("#map")
    expect(picture.locator("canvas").first).to_be_visible()
    expect(page.locator("[data-loading]")).to_be_hidden()
    # Arrow keys: from the first street to the one beside it. What is told is what the table's row says.
    picture.focus()
    for name, key in ((district.street.name, "Home"), (city.street.name, "ArrowRight")):
        page.keyboard.press(key)
        cells = page.locator("[data-area]", has_text=name).locator("th, td").all_inner_texts()
        assert [part in _told(page) for part in cells] == [True] * 3, (cells, _told(page))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/map/\?show=not_green&area={district.street.pk}#map$"))
    # One part alone is not drawn: its figure stands in the table, whose link goes on.
    expect(page.locator("#map")).to_have_count(0)
    page.get_by_role("link", name=district.community.name).click()
    expect(page.locator("#map canvas").first).to_be_visible()
    # By mouse: the right half of the picture is the second grid.
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.3)
    expect(page).to_have_url(re.compile(rf"area={district.other_grid.pk}"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(district.other_grid.name)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text(district.community.name)
    expect(page.locator("#map canvas").first).to_be_visible()
    page.locator("#map").focus()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(rf"area={district.street.pk}"))
    # The same page, opened by its address.
    figures = page.locator("table").inner_text()
    page.goto(page.url)
    assert page.locator("table").inner_text() == figures


def test_a_picture_that_cannot_be_drawn_says_so_and_without_scripts_the_table_does_everything(
    city: City, open_window: Open, live_server: Any, settings: Any
) -> None:
    district = city.district
    page = _enter(open_window(320, java_script_enabled=False), district.user(DistrictCommander), live_server, settings)
    page.goto("/map/")
    expect(page.locator("noscript p")).to_be_visible()
    for name in (district.street.name, district.community.name, district.grid.name):
        page.locator("table").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    page.locator("[rel=up]").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(district.community.name)


@pytest.mark.parametrize("width", [320, 390, 1366])
def test_nothing_of_the_map_sticks_out_and_one_grid_is_no_empty_shape(
    city: City, open_window: Open, live_server: Any, settings: Any, width: int
) -> None:
    page = _enter(open_window(width), city.district.user(DistrictCommander), live_server, settings)
    for path in ("/map/", f"/map/?area={city.district.community.pk}&show=orders"):
        page.goto(path)
        expect(page.locator("#map canvas").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    worker = _enter(open_window(width), city.district.user(GridWorker), live_server, settings)
    worker.goto("/map/")
    expect(worker.locator(".map-choices a")).to_have_count(2)
    expect(worker.locator("#map")).to_have_count(0)
    assert worker.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_cockpits_map_is_gone_into_by_keyboard_and_its_rows_keep_the_focus(
    city: City, open_window: Open, live_server: Any, settings: Any
) -> None:
    district = city.district
    settings.STREAM_ORIGIN = ""
    page = _enter(open_window(1920, locale="en-GB"), district.user(DistrictCommander), live_server, settings)
    picture: list[str] = []
    page.route("**/stream/cockpit*", lambda route: _send(route, picture))
    page.goto("/cockpit/")
    expect(page.locator("#map canvas").first).to_be_visible()
    page.locator("#map").focus()
    page.keyboard.press("Home")
    assert district.street.name in _told(page)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"area={district.street.pk}#map$"))
    expect(page.locator("#map")).to_be_focused()
    page.keyboard.press("Backspace")
    expect(page).to_have_url(re.compile(rf"area={district.district.pk}#map$"))
    expect(page.locator("#map")).to_be_focused()
    # The order that is due first is closed while somebody stands on the one after it.
    second = page.locator("[data-first] li").nth(1)
    key = second.get_attribute("data-key")
    second.get_by_role("link").focus()
    first = page.locator("[data-first] li").first.get_attribute("data-key")
    text = page.locator("#picture").text_content() or ""
    picture.append(_without(text, str(first)))
    expect(page.locator(f"[data-key='{first}']")).to_have_count(0, timeout=10_000)
    assert page.evaluate("document.activeElement.closest('li').dataset.key") == key


def _send(route: Any, picture: list[str]) -> None:
    body = f"data: {picture[0]}\n\n" if picture else ""
    route.fulfill(content_type="text/event-stream", body=body)


def _without(text: str, ref: str) -> str:
    picture = json.loads(text)
    picture["first"] = [row for row in picture["first"] if row["ref"] != ref]
    picture["at"] = clock.now().isoformat()
    return json.dumps(picture)
