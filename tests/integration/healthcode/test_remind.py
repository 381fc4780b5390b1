"""Reminders of the daily check-in: once a slot, nobody at night, and the grid is told of who is missing."""

import datetime as dt
from collections.abc import Iterator
from unittest import mock

import pytest

from citybrain.core import clock, gateway, roles
from citybrain.core.models import Event, Person
from healthcode.actions import isolation
from healthcode.actions.remind import MOST_FAILURES_IN_A_ROW, remind, tell_ended
from healthcode.models import CheckInReminder, Isolation
from tests.codes import adopt, check_in, noon, tell
from tests.people import ZHANG_PHONE, District, make_person

pytestmark = pytest.mark.django_db


class Phones:
    """A gateway that keeps what it took, and takes nothing for some numbers."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.tried: list[str] = []
        self.dead: set[str] = set()

    def send(self, phone: str, text: str) -> None:
        self.tried.append(phone)
        if phone in self.dead:
            raise gateway.GatewayError("status 500")
        self.sent.append((phone, text))


@pytest.fixture
def phones() -> Iterator[Phones]:
    kept = Phones()
    with mock.patch.object(gateway, "send", kept.send):
        yield kept


@pytest.fixture
def owing(district: District) -> list[Person]:
    """Three who owe check-ins from the 13th on; the last has no phone."""
    adopt()
    people = [make_person(f"居民{n}", district.grid, phone=f"1990003000{n}") for n in range(2)]
    people.append(make_person("老人", district.grid))
    for person in people:
        tell(person, "exposure", {"grade": "secondary"}, noon(2, 12, 10))
    return people


def _run(day: int, hour: int, minute: int = 1) -> int:
    with clock.at(noon(2, day, hour) + dt.timedelta(minutes=minute)):
        return remind()


def test_each_who_owes_is_reminded_once_in_the_morning_and_once_in_the_evening(
    owing: list[Person], phones: Phones
) -> None:
    check_in(owing[0], 2, [13])
    assert _run(13, 7) == 0
    assert [_run(13, hour) for hour in (8, 8, 12, 18, 19)] == [1, 0, 0, 1, 0]
    assert [phone for phone, _text in phones.sent] == ["19900030001", "19900030001"]
    rows = CheckInReminder.objects.order_by("slot", "person").values_list("person", "slot", "is_sent")
    assert list(rows) == [
        (owing[1].pk, "evening", True),
        (owing[2].pk, "evening", False),
        (owing[1].pk, "morning", True),
        (owing[2].pk, "morning", False),
    ]


def test_the_text_is_chinese_and_says_nothing_of_health_or_colour(owing: list[Person], phones: Phones) -> None:
    _run(13, 8)
    (text, *_more) = {text for _phone, text in phones.sent}
    assert "打卡" in text
    assert not any(word in text for word in ("健康", "隔离", "黄", "红", "码", "症状", "居民"))
    assert "/check-in/" in text


def test_nobody_is_reminded_on_the_day_of_the_reason_or_in_the_quiet_hours(
    owing: list[Person], phones: Phones, settings: object
) -> None:
    _run(12, 18)
    settings.CHECK_IN_TIMES = {"morning": dt.time(6), "evening": dt.time(18), "missed": dt.time(20)}  # type: ignore[attr-defined]
    _run(13, 6)
    assert phones.tried == []
    assert not CheckInReminder.objects.exists()


def test_a_message_that_fails_is_not_sent_again_and_the_next_goes_on(owing: list[Person], phones: Phones) -> None:
    phones.dead = {"19900030000"}
    assert _run(13, 8) == 1
    assert _run(13, 9) == 0
    assert phones.tried == ["19900030000", "19900030001"]


def test_a_dead_gateway_is_left_alone_and_whoever_was_not_reached_is_reminded_later(
    district: District, phones: Phones
) -> None:
    adopt()
    for number in range(30):
        person = make_person(f"居民{number}", district.grid, phone=f"199000300{number:02}")
        tell(person, "exposure", {"grade": "secondary"}, noon(2, 12, 10))
    phones.dead = {f"199000300{number:02}" for number in range(30)}
    _run(13, 8)
    assert MOST_FAILURES_IN_A_ROW <= len(phones.tried) <= 20
    phones.dead = set()
    assert _run(13, 8, 10) == 30 - len(phones.tried[: -len(phones.sent)])


def test_after_a_kill_between_row_and_message_nobody_is_sent_two(owing: list[Person], phones: Phones) -> None:
    with mock.patch.object(gateway, "send", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        _run(13, 8)
    _run(13, 8, 5)
    assert phones.sent == []
    assert set(CheckInReminder.objects.values_list("is_sent", flat=True)) == {False}


def test_at_eight_in_the_evening_the_grids_are_told_once_of_who_is_missing(owing: list[Person], phones: Phones) -> None:
    check_in(owing[0], 2, [13])
    for minute in (1, 6):
        assert _run(13, 20, minute) == 0
    told = [event.payload for event in Event.objects.filter(kind="check_in.missed").order_by("id")]
    assert told == [{"person": person.pk, "day": "2020-02-13"} for person in owing[1:]]
    assert phones.tried == []


def test_the_end_of_an_isolation_is_told_by_a_message_that_gives_nothing_away(
    district: District, phones: Phones
) -> None:
    adopt()
    tell(district.zhang, "exposure", {"grade": "secondary"}, noon(2, 12, 10))
    with clock.at(noon(2, 12, 12)):
        order = isolation.Order("home", "", dt.date(2020, 2, 12), dt.date(2020, 2, 19))
        officer = district.user(roles.HealthOfficer)
        begun = isolation.order_isolation(person=district.zhang, order=order, seen=0, by=officer)
    assert begun is not None
    assert Isolation.objects.going_on().count() == 1
    with clock.at(noon(2, 20, 12)):
        tell_ended({"isolation": begun.pk})
    with clock.at(noon(2, 20, 23)):
        tell_ended({"isolation": begun.pk})
    ((phone, text),) = phones.sent
    assert phone == ZHANG_PHONE
    assert "隔离" not in text
