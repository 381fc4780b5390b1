"""The last days of the city, drawn whole and cut off at the present."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citybrain.core.clock import SHANGHAI
from citybrain.demo.city import journeys
from citybrain.demo.city.courses import NEVER, PLACES
from citybrain.demo.city.outbreak import Outbreak
from citybrain.demo.city.register import City
from citybrain.demo.city.routines import DAY, Days, Stays
from citybrain.demo.city.world import NEVER as NO_INSTANT
from citybrain.demo.city.world import Contacts, Infections, Instants, Ints, Isolations, Scans, World

# Passes and evidence are kept for as long.
MOST = 28


@dataclass(frozen=True)
class Lived:
    """The days as the product may learn of them, and what only the truth knows."""

    world: World
    venues: Ints  # of the infections, one entry each


def first_day(today: dt.date, days: int) -> dt.date:
    """Return the first of so many days of which today is the last."""
    return today - dt.timedelta(days=days - 1)


def began_at(today: dt.date, days: int) -> dt.datetime:
    """Return the midnight in Shanghai with which the days begin."""
    return dt.datetime.combine(first_day(today, max(days, 1)), dt.time(), SHANGHAI).astimezone(dt.UTC)


def live(city: City, *, days: int, control: bool, now: dt.datetime) -> Lived:
    """Live the days up to now; the draw knows of the date only, the present instant cuts its last day off."""
    today = now.astimezone(SHANGHAI).date()
    first = first_day(today, days)
    travellers = journeys.draw(city, first, days)
    calendar = Days(city, travellers, first)
    outbreak = Outbreak(city, calendar, travellers, days, control=control)
    scans = [_scans(city, outbreak.live(number), number * DAY) for number in range(days)]
    began = calendar.midnight(0)
    present = int((np.datetime64(now.astimezone(dt.UTC).replace(tzinfo=None), "s") - began).astype(np.int64))
    been = travellers.arrived_at <= began + np.timedelta64(present, "s")
    not_yet = frozenset(travellers.person[~been].tolist())
    infections, venues = _infections(city, outbreak, began, present, not_yet)
    world = World(
        city.seed,
        began_at(today, days),
        now,
        city.residents,
        type(travellers)(*(column[been] for column in vars(travellers).values())),
        infections,
        _contacts(outbreak, began, present),
        _isolations(outbreak, began, present, first),
        _joined(city, scans, began, present),
    )
    return Lived(world, venues)


def _scans(city: City, stays: Stays, midnight: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Return person, venue, point and moment of a day's scans."""
    seen = stays.only(stays.is_scanned)
    point = np.array(city.venues.point)[seen.venue] + seen.entry
    return seen.person.astype(np.int32), seen.venue.astype(np.int32), point.astype(np.int32), midnight + seen.begin


def _joined(city: City, days: list[tuple[Ints, Ints, Ints, Ints]], began: np.datetime64, present: int) -> Scans:
    person, venue, point, at = (np.concatenate(column).astype(np.int64) for column in zip(*days, strict=True))
    order = np.lexsort((person, at))
    order = order[at[order] <= present]
    place, area = np.array(city.venues.place), np.array(city.venues.area)
    venue, point = venue[order], point[order]
    # A point has one device, with the same id.
    return Scans(person[order], point, point.copy(), place[venue], area[venue], _instants(at[order], began))


def _infections(
    city: City, outbreak: Outbreak, began: np.datetime64, present: int, not_yet: frozenset[int]
) -> tuple[Infections, Ints]:
    """Return the infections until now, without those of whoever has not yet arrived."""
    rows = sorted(
        (one for one in outbreak.infections if one.at <= present and one.person not in not_yet),
        key=lambda one: (one.at, one.person),
    )
    person, infector, at, route, venue, missed = (
        np.array([getattr(one, name) for one in rows], dtype=np.int64)
        for name in ("person", "infector", "at", "route", "venue", "is_missed")
    )
    courses = outbreak.courses
    found = courses.found_at[person]
    return Infections(
        person,
        infector,
        _instants(at, began),
        route,
        np.array(city.venues.place)[venue],
        missed.astype(bool),
        _instants(courses.infectious_at[person], began),
        _instants(np.where(courses.has_symptoms[person], courses.onset_at[person], NEVER), began),
        _instants(np.where(found <= present, found, NEVER), began),
    ), venue


def _contacts(outbreak: Outbreak, began: np.datetime64, present: int) -> Contacts:
    rows = sorted(
        (one for one in outbreak.tracing.contacts if one.known_at <= present),
        key=lambda one: (one.known_at, one.person, one.case),
    )
    person, case, grade, met, known = (
        np.array([getattr(one, name) for one in rows], dtype=np.int64)
        for name in ("person", "case", "grade", "met_at", "known_at")
    )
    return Contacts(person, case, grade, _instants(met, began), _instants(known, began))


def _isolations(outbreak: Outbreak, began: np.datetime64, present: int, first: dt.date) -> Isolations:
    rows = sorted((one for one in outbreak.orders.given if one[1] <= present), key=lambda one: (one[1], one[0]))
    person, at, last_day, place = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Isolations(
        person,
        _instants(at, began),
        np.datetime64(first, "D") + last_day.astype("timedelta64[D]"),
        np.array(PLACES)[place],
    )


def _instants(seconds: NDArray[np.int64], began: np.datetime64) -> Instants:
    """Return instants in UTC, NaT for what never comes."""
    never = seconds >= NEVER
    found: Instants = began + np.where(never, 0, seconds).astype("timedelta64[s]")
    found[never] = NO_INSTANT
    return found
