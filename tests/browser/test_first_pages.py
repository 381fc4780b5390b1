"""Each flow of the first pages, walked in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from citybrain.core.models import AuditRow, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Auditor, GridWorker, Resident, Role, SystemAdministrator
from tests.browser.conftest import AT_HOME, Open, enter_by_phone
from tests.people import LI_ID, ZHANG_ID, ZHANG_PHONE, District

pytestmark = pytest.mark.browser

PASSWORD = "a-good-long-password"


def _enter_as_staff(page: Page, district: District, role: type[Role]) -> User:
    user = district.user(role)
    user.set_password(PASSWORD)
    user.save()
    page.goto("/sign-in/staff/")
    page.locator("[name=username]").fill(user.username)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(AT_HOME)
    return user


def _state_a_purpose(page: Page) -> None:
    page.get_by_role("radio").first.check()
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(re.compile("/purpose/"))


def _fits(page: Page) -> bool:
    """Return whether nothing sticks out to the right."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize(
    ("locale", "script", "words"),
    [
        ("zh-CN", True, ("我的数据", "谁看过")),
        ("en-GB", True, ("My data", "Who looked")),
        ("zh-CN", False, ("我的数据", "谁看过")),
    ],
    ids=["Chinese", "English", "without JavaScript"],
)
def test_a_resident_signs_in_reads_their_data_and_sees_who_looked(
    district: District,
    open_window: Open,
    capsys: pytest.CaptureFixture[str],
    locale: str,
    script: bool,
    words: tuple[str, str],
) -> None:
    district.user(Resident)
    page = open_window(320, locale=locale, java_script_enabled=script)
    enter_by_phone(page, ZHANG_PHONE, capsys)
    page.get_by_role("link", name=words[0]).first.click()
    expect(page.get_by_text("张三").first).to_be_visible()
    assert not script or _fits(page)

    worker = open_window(1280)
    user = _enter_as_staff(worker, district, GridWorker)
    worker.goto(f"/residents/{district.zhang.ref}/")
    _state_a_purpose(worker)
    expect(worker).to_have_url(re.compile(str(district.zhang.ref)))

    page.get_by_role("link", name=words[1]).first.click()
    expect(page.get_by_text(user.username).first).to_be_visible()
    assert not script or _fits(page)
    page.locator(".menu summary").click()
    page.get_by_role("button", name=re.compile("退出|Sign out")).click()
    expect(page).to_have_url(re.compile("/sign-in/"))


def test_a_grid_worker_finds_opens_and_unmasks_a_resident_of_the_grid_and_nobody_else(
    district: District, open_window: Open
) -> None:
    page = open_window(390)
    _enter_as_staff(page, district, GridWorker)
    page.get_by_role("link", name="居民").first.click()
    expect(page).to_have_url(re.compile("/purpose/"))
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="继续").click()
    expect(page).to_have_url(re.compile("/residents/$"))
    expect(page.get_by_text("张*").first).to_be_visible()
    expect(page.get_by_text("李*")).to_have_count(0)
    assert _fits(page)

    find = page.locator("[name=number]")
    find.fill(LI_ID)
    find.press("Enter")
    expect(page.get_by_text("没有人使用这个号码")).to_be_visible()
    find = page.locator("[name=number]")
    find.fill(ZHANG_ID)
    find.press("Enter")
    expect(page).to_have_url(re.compile(str(district.zhang.ref)))
    assert ZHANG_ID not in page.content()
    page.get_by_role("button", name="显示全名和号码").click()
    expect(page.get_by_text(ZHANG_ID)).to_be_visible()
    assert _fits(page)
    assert AuditRow.objects.filter(deed=Deed.UNMASK, subjects=[district.zhang.pk]).count() == 1


def test_a_grid_of_the_map_leads_to_exactly_as_many_residents(district: District, open_window: Open) -> None:
    page = open_window(1920)
    _enter_as_staff(page, district, GridWorker)
    page.goto("/map/")
    _state_a_purpose(page)
    expect(page.locator(".map-choices [aria-current]")).to_contain_text("1")
    page.get_by_role("link", name="以列表查看").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"area={district.grid.pk}"))
    expect(page.get_by_text("张*").first).to_be_visible()


def test_the_auditor_reads_what_a_grid_worker_tried(district: District, open_window: Open) -> None:
    worker = open_window(390)
    user = _enter_as_staff(worker, district, GridWorker)
    worker.goto("/residents/")
    _state_a_purpose(worker)
    worker.goto("/areas/")
    worker.get_by_text("东新园社区").click()
    expect(worker.get_by_text("330103008008001").first).to_be_visible()

    auditor = open_window(1920)
    _enter_as_staff(auditor, district, Auditor)
    auditor.get_by_role("link", name="审计轨迹").first.click()
    auditor.locator("[name=staff]").fill(user.username)
    auditor.locator("[name=staff]").press("Enter")
    expect(auditor.get_by_role("cell", name="查看居民列表").first).to_be_visible()


def test_the_status_page_says_who_is_silent_and_works_without_its_stream(district: District, open_window: Open) -> None:
    page = open_window(1280, java_script_enabled=False)
    _enter_as_staff(page, district, SystemAdministrator)
    page.get_by_role("link", name="系统").first.click()
    expect(page.get_by_text("sealer").first).to_be_visible()
    expect(page.get_by_text("失联").first).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1920])
def test_no_page_of_a_grid_worker_sticks_out_at_any_width(district: District, open_window: Open, width: int) -> None:
    page = open_window(width)
    _enter_as_staff(page, district, GridWorker)
    page.goto("/purpose/")
    _state_a_purpose(page)
    for path in ("/", "/residents/", f"/residents/{district.zhang.ref}/", "/map/", "/estates/", "/areas/"):
        page.goto(path)
        assert _fits(page), path


def test_the_first_press_of_tab_offers_to_skip_to_the_content(district: District, open_window: Open) -> None:
    page = open_window(1280)
    _enter_as_staff(page, district, GridWorker)
    page.goto("/areas/")
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    expect(skip).to_have_text("跳到正文")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main" or page.evaluate("document.activeElement.tagName") == "MAIN"
