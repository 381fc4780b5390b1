"""Declaring in a browser as people do: page by page, in the demo district."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

STREET, COMMUNITY = "东新街道", "东新园社区"


def answer(page: Page, name: str, value: str = "") -> Locator:
    """Return a choice of the page's form by value, or the first one that leads somewhere."""
    wanted = f'[value="{value}"]' if value else ':not([value="none"]):not([value=""])'
    return page.locator(f'main form input[name="{name}"]{wanted}').first


def declare(
    page: Page,
    *,
    name: str,
    document: str,
    symptom: str,
    celsius: str,
    before_health: Callable[[], None] = lambda: None,
) -> None:
    """Answer every question as somebody new who lives in the first building of the community, and send it.

    `before_health` is called when the question about health is answered and not yet sent.
    """
    steps: dict[str, Callable[[], None]] = {
        "who": lambda: _say_who(page, name, document),
        "address": lambda: page.get_by_label(STREET).check(),
        "community": lambda: page.get_by_label(COMMUNITY).check(),
        "estate": lambda: answer(page, "estate").check(),
        "building": lambda: answer(page, "building").check(),
        "room": lambda: page.locator("[name=room]").fill("1-301"),
        "household": lambda: answer(page, "registered", "none").check(),
        "work": lambda: answer(page, "kind", "none").check(),
        "arrival": lambda: answer(page, "arrived", "no").check(),
        "stays": lambda: answer(page, "areas", "none").check(),
        "contact": lambda: answer(page, "contact", "none").check(),
        "health": lambda: _say_health(page, symptom, celsius),
    }
    page.goto("/declare/")
    page.locator("main a.button[href^='/declare/']").first.click()
    while (step := page.url.rstrip("/").rpartition("/")[2]) in steps:
        steps[step]()
        if step == "health":
            before_health()
        page.locator("main form button:not([value=back])").first.click()
        expect(page).not_to_have_url(re.compile(f"/{step}/$"))
    expect(page).to_have_url(re.compile("/declare/review/$"))
    answer(page, "pledge", "yes").check()
    page.locator("main form button").first.click()
    expect(page).to_have_url(re.compile("/declare/done/$"))


def _say_who(page: Page, name: str, document: str) -> None:
    page.locator("[name=name]").fill(name)
    answer(page, "kind", "resident_id").check()
    page.locator("[name=number]").fill(document)


def _say_health(page: Page, symptom: str, celsius: str) -> None:
    answer(page, "symptoms", symptom).check()
    page.locator("[name=celsius]").fill(celsius)
