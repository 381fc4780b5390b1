"""What a declaration asks, in which order, and what it leaves out."""

from typing import Any

import pytest

from healthcode.declaring import PAGES, Known, asked, progress

NEW = Known()
BOUND = Known(person=True, address=True, work=True)
IN_THE_REGISTER: dict[str, Any] = {
    "address": {"street": 2},
    "community": {"community": 3, "name": "东新园社区", "estates": [(4, "东新园")]},
    "estate": {"estate": 4, "name": "东新园"},
    "building": {"building": 5, "name": "1幢"},
}


def _steps(known: Known, given: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(PAGES[name].step for name in asked(known, given)))


def test_whoever_is_new_is_asked_nine_things_in_order() -> None:
    steps = ["who", "phone", "address", "work", "arrival", "stays", "contact", "health", "pledge"]
    assert _steps(NEW, {}) == steps
    assert progress(NEW, {}, "address") == (3, 9)
    assert progress(NEW, {}, "pledge") == (9, 9)


def test_whoever_is_known_is_not_asked_who_they_are_and_only_whether_the_rest_still_holds() -> None:
    pages = ["same-address", "same-work", "arrival", "stays", "contact", "health", "pledge"]
    assert asked(BOUND, {}) == pages
    assert progress(BOUND, {}, "pledge") == (7, 7)


def test_health_contact_trips_and_stays_are_asked_each_time() -> None:
    still = {"same-address": {"same": "yes"}, "same-work": {"same": "yes"}}
    assert asked(BOUND, still)[2:] == ["arrival", "stays", "contact", "health", "pledge"]


def test_without_risk_areas_nobody_is_asked_about_stays() -> None:
    assert "stays" not in asked(Known(risk_areas=False), {})
    assert progress(Known(risk_areas=False), {}, "pledge") == (8, 8)


def test_the_address_is_asked_from_the_street_down_to_the_flat() -> None:
    given: dict[str, Any] = {}
    order = ["address", "community", "estate", "building", "room"]
    for number, page in enumerate(order):
        assert [name for name in asked(NEW, given) if PAGES[name].step == "address"] == order[: number + 1]
        if page in IN_THE_REGISTER:
            given[page] = IN_THE_REGISTER[page]


def test_where_the_register_has_no_estate_the_address_is_asked_in_words() -> None:
    given: dict[str, Any] = {"address": {"street": 2}, "community": {"community": 3, "name": "华丰社区", "estates": []}}
    assert [name for name in asked(NEW, given) if PAGES[name].step == "address"] == ["address", "community", "room"]


def test_an_estate_that_is_not_in_the_list_has_no_buildings_to_choose_from() -> None:
    given = {**IN_THE_REGISTER, "estate": {"estate": None, "name": ""}}
    del given["building"]
    pages = [name for name in asked(NEW, given) if PAGES[name].step == "address"]
    assert pages == ["address", "community", "estate", "room"]


def test_whoever_has_moved_is_asked_for_the_new_address() -> None:
    assert asked(BOUND, {"same-address": {"same": "no"}})[:2] == ["same-address", "address"]


@pytest.mark.parametrize(("matches", "is_asked"), [([], False), (["东新电子"], True)])
def test_which_organisation_is_asked_only_when_names_are_similar(matches: list[str], is_asked: bool) -> None:
    assert ("organisation" in asked(NEW, {"work": {"matches": matches}})) == is_asked


def test_pages_of_one_step_share_its_number() -> None:
    numbers = {
        progress(NEW, IN_THE_REGISTER, page)[0] for page in ("address", "community", "estate", "building", "room")
    }
    assert numbers == {3}
