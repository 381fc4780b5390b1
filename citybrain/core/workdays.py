"""Working days and hours in China: public holidays and the weekends that are worked in their stead."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import chinese_calendar

from citybrain.core import clock

DAY = dt.timedelta(days=1)
SATURDAY = 5
# Years whose calendar the State Council has published: one is added each November or so, with the library.
PUBLISHED = frozenset(day.year for day in (*chinese_calendar.holidays, *chinese_calendar.workdays))


@dataclass(frozen=True)
class Hours:
    """From when until when an office works, by the clock of Shanghai."""

    opens: dt.time
    closes: dt.time

    @property
    def length(self) -> dt.timedelta:
        """How long a working day is."""
        day = dt.date.min
        return dt.datetime.combine(day, self.closes) - dt.datetime.combine(day, self.opens)


@dataclass(frozen=True)
class Deadline:
    """An instant in working hours."""

    at: dt.datetime
    # False when the calendar of some year on the way is not published yet: there Monday to Friday were counted.
    is_certain: bool


def is_working(day: dt.date) -> bool:
    """Return whether people work on a day; Monday to Friday where the calendar of its year is not published yet."""
    if day in chinese_calendar.holidays:
        return False
    return day.weekday() < SATURDAY or day in chinese_calendar.workdays


def deadline(start: dt.datetime, days: int, hours: Hours) -> Deadline:
    """Return the end of a number of working days; what begins outside working hours begins when work does."""
    begin = _next_working(start.astimezone(clock.SHANGHAI), hours)
    day = begin.date()
    for _number in range(days):
        day = _working_day_after(day)
    is_certain = PUBLISHED.issuperset(range(start.astimezone(clock.SHANGHAI).year, day.year + 1))
    return Deadline(dt.datetime.combine(day, begin.timetz()), is_certain)


def worked(start: dt.datetime, end: dt.datetime, hours: Hours) -> dt.timedelta:
    """Return how much working time lies between two instants; none when the second is not the later one."""
    first, last = start.astimezone(clock.SHANGHAI), end.astimezone(clock.SHANGHAI)
    spans = (_overlap(first, last, _on(day, hours.opens), _on(day, hours.closes)) for day in _days(first, last))
    return sum(spans, dt.timedelta())


def _overlap(start: dt.datetime, end: dt.datetime, opens: dt.datetime, closes: dt.datetime) -> dt.timedelta:
    return max(min(end, closes) - max(start, opens), dt.timedelta())


def _days(first: dt.datetime, last: dt.datetime) -> Iterator[dt.date]:
    day = first.date()
    while day <= last.date():
        if is_working(day):
            yield day
        day += DAY


def _next_working(moment: dt.datetime, hours: Hours) -> dt.datetime:
    if not is_working(moment.date()) or moment.time() >= hours.closes:
        return _on(_working_day_after(moment.date()), hours.opens)
    return max(moment, _on(moment.date(), hours.opens))


def _working_day_after(day: dt.date) -> dt.date:
    day += DAY
    while not is_working(day):
        day += DAY
    return day


def _on(day: dt.date, time: dt.time) -> dt.datetime:
    return dt.datetime.combine(day, time, tzinfo=clock.SHANGHAI)
