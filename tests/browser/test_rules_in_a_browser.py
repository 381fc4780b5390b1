"""A change of rules from the dry run to the code of somebody whom it touches, on the pages of all who have a part."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from citybrain.core import clock, roles
from healthcode import rules, tasks
from healthcode.actions import rounds
from healthcode.actions import trial as trials
from tests.browser.conftest import Open
from tests.codes import WELL, adopt, noon, tell
from tests.people import District, browse

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NOW, START = noon(2, 20), noon(2, 21, 8)


def _enter(page: Page, people: District, role: type[roles.Role], url: str) -> Page:
    session = browse(people.user(role)).cookies["citybrain_session"].value
    page.context.add_cookies([{"name": "citybrain_session", "value": session, "url": url}])
    return page


def test_stricter_rules_go_from_a_dry_run_to_the_code_of_whom_they_touch(
    district: District, open_window: Open, live_server: Any
) -> None:
    adopt()
    # A contact of a contact who has checked in for a week: green by the rules in force, yellow by the stricter ones.
    tell(district.zhang, "exposure", {"grade": "secondary"}, noon(2, 12))
    for day in range(13, 20):
        tell(district.zhang, "check_in", {"symptoms": []}, noon(2, day, 9))
    tell(district.zhang, "declaration", WELL, noon(2, 19))
    officer, commander, visitor, resident = (
        open_window(1920, locale="en-GB"),
        open_window(1920, locale="en-GB"),
        open_window(320, locale="en-GB"),
        open_window(390, locale="en-GB"),
    )
    with clock.at(NOW):
        _enter(officer, district, roles.HealthOfficer, live_server.url).goto("/rules/changes/sets/")
        officer.get_by_label("Rule file (JSON)").set_input_files(rules.FOLDER / "strict-1.json")
        officer.get_by_role("button", name="Check and keep").click()
        officer.get_by_role("button", name="Try them out").click()
        expect(officer.get_by_text("It begins within ten seconds.")).to_be_visible()
        trials.work()
        # The page notices by itself.
        expect(officer.get_by_text("of 1 people would change.")).to_contain_text("The code of 1 of 1 people")
        officer.get_by_role("link", name="Propose these rules").click()
        officer.get_by_label("Announcement in Chinese").fill("次密接延长观察。")
        officer.get_by_label("Announcement in English").fill("Contacts of contacts are watched longer.")
        officer.get_by_label("at a time", exact=True).check()
        officer.get_by_label("Time of the start").fill("2020-02-21T08:00")
        officer.get_by_role("button", name="Propose").click()
        expect(officer.get_by_text("waits for a second person").first).to_be_visible()

        _enter(commander, district, roles.DistrictCommander, live_server.url).goto("/rules/proposals/")
        commander.get_by_role("link", name="Read and decide").click()
        expect(commander.get_by_text("Contacts of contacts are watched longer.")).to_be_visible()
        commander.get_by_role("button", name="Approve").click()
        expect(commander.get_by_text("It stands on the public page now.")).to_be_visible()

        visitor.goto("/rules/")
        expect(visitor.get_by_text("The rules change on 2020-02-21 08:00.")).to_be_visible()
        expect(visitor.get_by_role("heading", name=re.compile("Hangzhou"))).to_be_visible()
        assert visitor.evaluate("document.documentElement.scrollWidth") == 320
        _enter(resident, district, roles.Resident, live_server.url).goto("/code/why/")
        expect(resident.get_by_text("There is no reason for another colour.")).to_be_visible()
    with clock.at(START):
        for begun in rounds.begin_due_rounds():
            tasks.work_round(begun.pk)
        resident.reload()
        expect(resident.get_by_role("heading", name=re.compile("Why my code is"))).to_be_visible()
        visitor.reload()
        expect(visitor.get_by_text("The rules change on")).to_be_hidden()
        expect(visitor.get_by_text("Strict").first).to_be_visible()
