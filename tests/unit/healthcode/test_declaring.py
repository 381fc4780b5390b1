"""What a declaration asks, in which order, and what it leaves out."""

from typing import Any

import pytest

from healthcode.declaring import Known, asked, coming, progress

NEW = Known()
BOUND = Known(person=True, address=True, household=True, work=True)
IN_THE_REGISTER: dict[str, Any] = {
    "address": {"street": 2},
    "community": {"community": 3, "name": "东新园社区", "estates": [(4, "东新园")]},
    "estate": {"estate": 4, "name": "东新园"},
    "building": {"building": 5, "name": "1幢"},
}


ADDRESS = ["address", "community", "estate", "building", "room"]


def _of_the_address(given: dict[str, Any]) -> list[str]:
    return [name for name in asked(NEW, given) if name in ADDRESS]


def test_whoever_is_new_is_told_of_twelve_questions_from_the_beginning() -> None:
    pages = ["who", *ADDRESS, "household", "work", "arrival", "stays", "contact", "health"]
    assert coming(NEW, {}) == pages
    assert asked(NEW, {}) == [name for name in pages if name not in ADDRESS[1:]]
    assert [progress(NEW, {}, page) for page in pages] == [(number, 12) for number in range(1, 13)]


def test_whoever_is_known_is_asked_five_questions_the_first_whether_the_rest_still_holds() -> None:
    pages = ["same", "arrival", "stays", "contact", "health"]
    assert asked(BOUND, {}) == coming(BOUND, {}) == pages
    assert asked(BOUND, {"same": {"same": "yes"}}) == pages
    assert progress(BOUND, {}, "health") == (5, 5)


def test_without_risk_areas_nobody_is_asked_about_stays() -> None:
    assert "stays" not in asked(Known(risk_areas=False), {})
    assert progress(Known(risk_areas=False), {}, "health") == (11, 11)


def test_the_address_is_asked_from_the_street_down_to_the_flat_and_the_number_of_questions_stays() -> None:
    given: dict[str, Any] = {}
    for number, page in enumerate(ADDRESS):
        assert _of_the_address(given) == ADDRESS[: number + 1]
        assert progress(NEW, given, page) == (number + 2, 12)
        if page in IN_THE_REGISTER:
            given[page] = IN_THE_REGISTER[page]


def test_where_the_register_has_no_estate_the_address_is_asked_in_words() -> None:
    given: dict[str, Any] = {"address": {"street": 2}, "community": {"community": 3, "name": "华丰社区", "estates": []}}
    assert _of_the_address(given) == ["address", "community", "room"]
    assert progress(NEW, given, "room") == (4, 10)


def test_an_estate_that_is_not_in_the_list_has_no_buildings_to_choose_from() -> None:
    given = {**IN_THE_REGISTER, "estate": {"estate": None, "name": ""}}
    del given["building"]
    assert _of_the_address(given) == ["address", "community", "estate", "room"]


@pytest.mark.parametrize(
    ("same", "pages"),
    [
        ("address", ["same", "address", "arrival"]),
        ("work", ["same", "work", "arrival"]),
        ("both", ["same", "address", "work"]),
    ],
)
def test_only_what_has_changed_is_asked_anew(same: str, pages: list[str]) -> None:
    assert asked(BOUND, {"same": {"same": same}})[:3] == pages


def test_whoever_never_declared_work_is_asked_for_it() -> None:
    known = Known(person=True, address=True, household=True, work=False)
    assert asked(known, {"same": {"same": "yes"}})[:2] == ["same", "work"]


@pytest.mark.parametrize(("matches", "is_asked"), [([], False), (["东新电子"], True)])
def test_which_organisation_is_asked_only_when_names_are_similar(matches: list[str], is_asked: bool) -> None:
    assert ("organisation" in asked(NEW, {"work": {"matches": matches}})) == is_asked
