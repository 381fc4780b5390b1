"""What the declaration asks besides the first things: household, whoever is on the way, each type of document."""

import pytest
from django.test import Client

from healthcode.models import Declaration, Evidence
from tests.declarations import CALM, declare, fill, page_url, place, post, today
from tests.people import District

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rules")]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"registered": "330103"}, ("330103", "")),
        ({"registered": "elsewhere", "province": "420000", "place": "武汉市江岸区"}, ("420000", "武汉市江岸区")),
        ({"registered": "none"}, ("none", "")),
    ],
)
def test_the_household_is_asked_once_and_kept_as_a_code(
    newcomer: Client, district: District, typed: dict[str, str], kept: tuple[str, str]
) -> None:
    declare(newcomer, district, household=typed)
    declare(newcomer, district)
    assert newcomer.get(page_url("household")).headers["Location"] != page_url("household")
    for declaration in Declaration.objects.all():
        assert (declaration.household_code, declaration.household_place) == kept


def test_whoever_has_a_document_of_another_place_is_not_asked_for_a_household(
    newcomer: Client, district: District
) -> None:
    who = {"name": "陈大文", "kind": "hk_macao_permit", "number": "H12345678", "born_on": "1988-02-29"}
    fill(newcomer, {**CALM, **place(district), "who": who}, until="household")
    assert newcomer.get(page_url("household")).headers["Location"] == page_url("work")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"registered": "elsewhere"}, "province"),
        ({"registered": "elsewhere", "province": "420000"}, "place"),
        ({"registered": "elsewhere", "province": "999999", "place": "x"}, "province"),
        ({"registered": "330104"}, "registered"),
        ({}, "registered"),
    ],
)
def test_a_household_that_is_not_said_whole_is_asked_for_again(
    newcomer: Client, district: District, typed: dict[str, str], field: str
) -> None:
    fill(newcomer, {**CALM, **place(district)}, until="household")
    assert field in post(newcomer, "household", **typed).context["form"].errors


def test_whoever_is_still_on_the_way_says_when_they_arrive_and_how(newcomer: Client, district: District) -> None:
    trip = {"arrived": "coming", "day": today(-3), "origin": "武汉市", "transport": "train", "number": "G587"}
    declare(newcomer, district, arrival=trip)
    said = Evidence.objects.get(kind="trip")
    assert said.facts == {"from": "武汉市", "day": today(-3), "transport": "train", "number": "G587"}
    assert said.true_at <= said.known_at


@pytest.mark.parametrize(("arrived", "day"), [("yes", -1), ("coming", 1), ("coming", -15)])
def test_a_day_of_arrival_fits_what_was_answered(newcomer: Client, district: District, arrived: str, day: int) -> None:
    fill(newcomer, {**CALM, **place(district)}, until="arrival")
    trip = {"arrived": arrived, "day": today(day), "origin": "武汉市", "transport": "train"}
    assert "day" in post(newcomer, "arrival", **trip).context["form"].errors


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("passport", "AB 123456", "12"),
        ("hk_macao_permit", "H12345678", "A12345678"),
        ("taiwan_permit", "12345678", "1234567"),
        ("foreign_resident_id", "CHN110080010101", "CHN11"),
        ("foreign_resident_id", "911840198002290010", "911840198002290019"),
        ("foreign_resident_id", "911840198002290010", "911840198102290010"),
    ],
)
def test_each_type_of_document_has_a_check_of_its_own(newcomer: Client, kind: str, right: str, wrong: str) -> None:
    for number, is_right in ((wrong, False), (right, True)):
        typed = {"name": "陈大文", "kind": kind, "number": number, "born_on": "1988-02-29"}
        answered = post(newcomer, "who", **typed)
        assert (answered.status_code == 302) == is_right, number
