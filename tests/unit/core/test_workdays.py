"""Deadlines count working days and hours as people in China work them."""

import datetime as dt

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.core import clock, workdays

HOURS = workdays.Hours(dt.time(9), dt.time(17))
# Years whose calendar is known, and the first ones after them.
FIRST = dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
MOMENTS = st.timedeltas(dt.timedelta(), dt.timedelta(days=3650)).map(lambda span: FIRST + span)


def _at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=clock.SHANGHAI)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-03-11 10:30", 3, "2026-03-16 10:30"),
        ("2026-03-09 08:15", 3, "2026-03-12 09:00"),
        ("2026-03-09 17:00", 3, "2026-03-13 09:00"),
        ("2026-03-14 12:00", 1, "2026-03-17 09:00"),
        # Spring Festival from 15 to 23 February; Saturday the 14th and Saturday the 28th are worked in its stead.
        ("2026-02-13 16:00", 1, "2026-02-14 16:00"),
        ("2026-02-13 16:00", 3, "2026-02-25 16:00"),
        ("2026-02-17 11:00", 3, "2026-02-27 09:00"),
        ("2026-02-26 10:00", 2, "2026-02-28 10:00"),
        # National Day, and Sunday 20 September that is worked.
        ("2026-09-18 10:00", 1, "2026-09-20 10:00"),
        ("2026-09-30 10:00", 1, "2026-10-08 10:00"),
    ],
)
def test_a_deadline_leaves_out_holidays_and_counts_worked_weekends(start: str, days: int, end: str) -> None:
    found = workdays.deadline(_at(start), days, HOURS)
    assert found == workdays.Deadline(_at(end), is_certain=True)


def test_a_year_that_is_not_published_yet_counts_monday_to_friday_and_says_so() -> None:
    last = max(workdays.PUBLISHED)
    eve = dt.datetime(last, 12, 31, 10, tzinfo=clock.SHANGHAI)
    assert not workdays.deadline(eve, 3, HOURS).is_certain
    assert workdays.deadline(dt.datetime(last, 6, 1, 10, tzinfo=clock.SHANGHAI), 3, HOURS).is_certain
    next_year = [dt.date(last + 1, 2, 1) + n * workdays.DAY for n in range(28)]
    assert [workdays.is_working(day) for day in next_year] == [day.weekday() < 5 for day in next_year]


def test_every_published_day_is_as_the_calendar_has_it() -> None:
    day = dt.date(min(workdays.PUBLISHED), 1, 1)
    while day.year in workdays.PUBLISHED:
        assert workdays.is_working(day) == chinese_calendar.is_workday(day), day
        day += workdays.DAY


@given(MOMENTS, st.integers(1, 12))
def test_a_deadline_is_in_working_hours_and_never_earlier_than_that_many_days(start: dt.datetime, days: int) -> None:
    end = workdays.deadline(start, days, HOURS).at
    assert end - start >= days * workdays.DAY
    assert HOURS.opens <= end.astimezone(clock.SHANGHAI).time() < HOURS.closes
    assert workdays.is_working(end.astimezone(clock.SHANGHAI).date())
    assert workdays.worked(start, end, HOURS) == days * HOURS.length


@given(MOMENTS, MOMENTS, st.integers(1, 12))
def test_who_begins_later_is_never_due_earlier(one: dt.datetime, other: dt.datetime, days: int) -> None:
    first, last = sorted((one, other))
    assert workdays.deadline(first, days, HOURS).at <= workdays.deadline(last, days, HOURS).at


@given(MOMENTS, st.timedeltas(dt.timedelta(), dt.timedelta(days=40)), st.timedeltas(dt.timedelta(), dt.timedelta(40)))
def test_working_time_adds_up(start: dt.datetime, first: dt.timedelta, then: dt.timedelta) -> None:
    middle, end = start + first, start + first + then
    parts = workdays.worked(start, middle, HOURS) + workdays.worked(middle, end, HOURS)
    assert parts == workdays.worked(start, end, HOURS)
    assert not workdays.worked(end, start, HOURS) or end == start
