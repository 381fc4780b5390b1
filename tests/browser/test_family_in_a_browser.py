"""Acting for others in a real browser, without JavaScript: a mother for her child, a guard for an elder."""

import io
import re
from pathlib import Path

import pytest
import zxingcpp
from django.conf import settings
from PIL import Image
from playwright.sync_api import Page, expect

from citybrain.core import clock
from citybrain.core.models import Person, User
from citybrain.core.roles import GridWorker, Resident
from community.actions.alerts import tell_family_to_check
from healthcode.models import CodeState, Guardianship
from tests import codes
from tests.browser.conftest import Open
from tests.families import CHILD_ID, picture
from tests.gates import document_scan, make_gate
from tests.people import District, browse

pytestmark = pytest.mark.browser
ELDER_ID = "330199194001010019"


def _window(open_window: Open, user: User, purpose: str = "") -> Page:
    """Open a phone without JavaScript in which somebody is signed in."""
    page = open_window(390, java_script_enabled=False, device_scale_factor=2)
    session = browse(user, purpose).session.session_key
    page.goto("/sign-in/")
    url = page.url.removesuffix("/sign-in/")
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": str(session), "url": url}])
    return page


def _choose(page: Page, name: str, value: str) -> None:
    page.locator(f"main [name={name}][value='{value}']").check()
    page.locator("main form button").first.click()
    assert page.evaluate("document.documentElement.scrollWidth <= 390"), "nothing sticks out"


def _be_calm(page: Page) -> None:
    """Answer what is asked of health and journeys, and send it."""
    for name, value in (
        *(("registered", "none"), ("kind", "none"), ("arrived", "no")),
        *(("areas", "none"), ("contact", "none"), ("symptoms", "none")),
    ):
        _choose(page, name, value)
    expect(page).to_have_url(re.compile("/review/$"))
    page.locator("[name=pledge]").check()
    page.locator("main form button").last.click()


def _read(page: Page) -> str:
    """Return what a gate reads from the screen."""
    assert page.locator("img.code-picture").evaluate("image => image.decode().then(() => image.naturalWidth)")
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())), text_mode=zxingcpp.TextMode.Plain)
    assert len(found) == 1
    return str(found[0].text)


def test_a_mother_adds_her_child_and_the_gate_admits_the_child_while_the_mother_is_yellow(
    district: District, open_window: Open, tmp_path: Path
) -> None:
    codes.adopt()
    gate = make_gate(district)
    mother = _window(open_window, district.user(Resident))
    mother.goto("/family/")
    mother.locator("main a[href='/family/new/']").click()
    mother.locator("main a.button").first.click()
    _choose(mother, "relation", "child")
    (tmp_path / "book.jpg").write_bytes(picture())
    mother.locator("[name=photo]").set_input_files(tmp_path / "book.jpg")
    mother.locator("main form button").first.click()
    mother.locator("[name=name]").fill("张小宝")
    mother.locator("[name=number]").fill(CHILD_ID)
    _choose(mother, "kind", "resident_id")
    _choose(mother, "together", "yes")
    _be_calm(mother)
    expect(mother).to_have_url(re.compile("/family/$"))
    expect(mother.locator(".member")).to_contain_text("张小宝")
    assert not mother.locator(".member a[href*='/code/']").count()
    tell_family_to_check({"guardianship": Guardianship.objects.get().pk})

    worker = _window(open_window, district.user(GridWorker), "visit")
    worker.goto("/family/to-check/")
    worker.locator("main table a").click()
    expect(worker.locator("main")).to_contain_text(CHILD_ID)
    paper = worker.locator("img.family-proof")
    expect(paper).to_be_visible()
    assert paper.evaluate("image => image.naturalWidth") == 64
    _choose(worker, "outcome", "accept")

    codes.tell(district.zhang, "exposure", {"grade": "secondary"}, clock.now())
    assert CodeState.objects.get(person=district.zhang).state == "yellow"
    mother.goto("/family/")
    mother.locator(".member a[href*='/code/']").first.click()
    expect(mother.locator(".code-card.green")).to_be_visible()
    decision = gate.scan(_read(mother))
    assert (decision.is_admitted, decision.masked_name, decision.state) == (True, "张**", "green")


def test_a_guard_declares_for_an_elder_without_a_phone_who_is_then_admitted_by_the_document(
    district: District, open_window: Open
) -> None:
    codes.adopt()
    gate = make_gate(district)
    guard = _window(open_window, gate.guard)
    guard.goto("/present/")
    guard.locator("[name=number]").fill(ELDER_ID)
    guard.locator("[name=is_compared]").check()
    guard.locator("main form button").first.click()
    expect(guard).to_have_url(re.compile("/present/new/$"))
    guard.locator("main a.button").first.click()
    expect(guard.locator("[name=number]")).to_have_value(ELDER_ID)
    guard.locator("[name=name]").fill("王奶奶")
    guard.locator("main form button").first.click()
    _choose(guard, "street", str(district.street.pk))
    _choose(guard, "community", str(district.community.pk))
    for label in ("东新园", "1幢"):
        guard.get_by_label(label).check()
        guard.locator("main form button").first.click()
    guard.locator("[name=room]").fill("2单元301室")
    guard.locator("main form button").first.click()
    _be_calm(guard)
    expect(guard.locator(".verdict.green")).to_be_visible()
    assert not Person.objects.get(name="王奶奶").phones.exists()
    assert gate.decide(document_scan(ELDER_ID)).is_admitted
