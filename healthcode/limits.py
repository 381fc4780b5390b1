"""Limits: how many people's codes others may change before a second person of another unit has to look.

Counted over sliding stretches of our own clock, from the rows of `Impact`: by who sent it, and by whom it is about,
whoever sent it. What a second person let in counts no more. The better and the worse are counted apart.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from django.conf import settings

from healthcode.models import Hold, Impact

BURST, HOUR, DAY = dt.timedelta(minutes=10), dt.timedelta(hours=1), dt.timedelta(days=1)
FEED = "key:"

Because = Hold.Because


# Rows that are counted together: the limit that they count towards; which author, unit or target; and which way.
Group = tuple[Hold.Because, object, str]

# The name of the limit in settings.HOLD_LIMITS, and the stretch of time.
MEASURES: Mapping[Hold.Because, tuple[str, dt.timedelta]] = {
    Because.BURST: ("burst", BURST),
    Because.AUTHOR: ("author_day", DAY),
    Because.UNIT: ("unit_day", DAY),
    Because.FEED: ("feed_day", DAY),
    Because.DISTRICT: ("district_hour", HOUR),
    Because.ORGANISATION: ("organisation_day", DAY),
    Because.ADDRESS: ("grid_day", DAY),
}


def is_feed(unit: str) -> bool:
    """Return whether a unit is the key of a feed."""
    return unit.startswith(FEED)


def recent(at: dt.datetime) -> list[Impact]:
    """Return what counts at an instant; the limits themselves keep it short."""
    return list(Impact.objects.filter(at__gt=at - DAY, is_approved=False))


def beyond(new: Sequence[Impact], past: Iterable[Impact], at: dt.datetime) -> list[Hold.Because]:
    """Return the limits that new impacts of one sender would go beyond, together with the past ones."""
    limits: Mapping[str, int] = settings.HOLD_LIMITS
    counted: dict[Group, set[int]] = {group: set() for row in new for group in _groups(row)}
    for row in (*past, *new):
        for group in _groups(row):
            if group in counted and row.at > at - MEASURES[group[0]][1]:
                counted[group].add(row.person_id)
    over = {group[0] for group, persons in counted.items() if len(persons) > limits[MEASURES[group[0]][0]]}
    return [because for because in Because if because in over]


def _groups(row: Impact) -> list[Group]:
    """Return what a row counts towards."""
    groups: list[tuple[Hold.Because, object]] = [
        (Because.DISTRICT, None),
        (Because.ADDRESS, row.area),
        *((Because.ORGANISATION, organisation) for organisation in row.organisations),
    ]
    if is_feed(row.unit):
        groups.append((Because.FEED, row.unit))
    else:
        groups += [(Because.BURST, row.unit), (Because.AUTHOR, row.author), (Because.UNIT, row.unit)]
    return [(because, key, row.effect) for because, key in groups]
