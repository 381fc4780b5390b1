"""What laboratories, clinics and disease control found: tests, cases, contacts, isolation."""

import numpy as np

from citybrain.demo.city.world import Grade, Instants, Ints, World
from citybrain.demo.history import drawing, illness
from citybrain.demo.history.copying import Texts
from citybrain.demo.history.illness import Health
from citybrain.demo.history.story import Story, facts
from healthcode.kinds import Kind

NEGATIVE = facts(result="negative", method="nucleic_acid")
POSITIVE = facts(result="positive", method="nucleic_acid")
SHARE_TESTED, SHARE_SUSPECTED = 0.6, 0.08
SHARE_HOT_AT_GATES = 0.002
HOT_AT_GATES = (373, 379)


def tell(story: Story, rng: np.random.Generator, world: World, health: Health) -> None:
    """Tell of tests, cases, contacts, isolation, and of those who were suspected for a day or two."""
    _tell_of_cases(story, rng, world)
    _tell_of_contacts(story, rng, world)
    _tell_of_isolation(story, rng, world)
    _tell_of_colds(story, rng, world, health)


def tell_of_hot_foreheads(story: Story, rng: np.random.Generator, world: World, guard_of_place: Ints) -> None:
    """Tell of readings at gates that were not measured again: they never set a colour."""
    scans = world.scans
    hot = np.flatnonzero(rng.random(len(scans.person)) < SHARE_HOT_AT_GATES)
    told = drawing.built(illness.temperature, rng.integers(*HOT_AT_GATES, len(hot)), np.zeros(len(hot), np.int64))
    known = drawing.later(rng, scans.at[hot], 0.005, 0.02)
    story.tell(Kind.TEMPERATURE, scans.person[hot], known, told, "gate", author=guard_of_place[scans.place[hot]])


def _tell_of_cases(story: Story, rng: np.random.Generator, world: World) -> None:
    ill = world.infections
    found = ~np.isnat(ill.found_at)
    person, at = ill.person[found], ill.found_at[found].astype("datetime64[us]")
    taken = drawing.later(rng, at, -14, -5)
    story.tell(Kind.TEST_RESULT, person, at, POSITIVE, "laboratory", true_at=taken)
    entered = np.minimum(drawing.later(rng, at, 0.2, 1), np.maximum(at, story.now))
    story.tell(Kind.CASE, person, entered, facts(status="confirmed"), "disease_control")


def _tell_of_contacts(story: Story, rng: np.random.Generator, world: World) -> None:
    """Tell of contacts and of the first test of those who were not infected."""
    met = world.contacts
    grades = np.where(met.grade == Grade.CLOSE, "close", "secondary").astype(object)
    told = np.array([facts(grade=grade) for grade in grades.tolist()], dtype=object)
    known = met.known_at.astype("datetime64[us]")
    story.tell(Kind.EXPOSURE, met.person, known, told, "disease_control", true_at=met.met_at)
    first, places = np.unique(met.person, return_index=True)
    healthy = ~np.isin(first, world.infections.person) & (rng.random(len(first)) < SHARE_TESTED)
    taken = drawing.later(rng, known[places][healthy], 8, 30)
    results = drawing.later(rng, taken, 5, 14)
    story.tell(Kind.TEST_RESULT, first[healthy], results, NEGATIVE, "laboratory", true_at=taken)


def _tell_of_isolation(story: Story, rng: np.random.Generator, world: World) -> None:
    order = world.isolations
    ordered = order.ordered_at.astype("datetime64[us]")
    story.tell(
        Kind.ISOLATION_ORDER, order.person, ordered, _orders(ordered, order.until, order.place), "disease_control"
    )
    released = drawing.midnight(order.until + 1) + drawing.hours(rng.uniform(8.5, 11, len(ordered)))
    ill = np.isin(order.person, world.infections.person[~np.isnat(world.infections.found_at)])
    at_home = ~ill
    story.tell(Kind.ISOLATION_RELEASE, order.person[at_home], released[at_home], facts(), "disease_control")
    recovered = ill & (order.place == "hospital")
    story.tell(Kind.RELEASED, order.person[recovered], released[recovered], facts(basis="recovered"), "disease_control")


def _orders(ordered: Instants, until: Instants, place: np.ndarray) -> Texts:
    days = np.datetime_as_string(drawing.day_of(ordered)).tolist(), np.datetime_as_string(until).tolist()
    rows = zip(place.tolist(), *days, strict=True)
    return np.array([facts(place=at, **{"from": first, "to": last}) for at, first, last in rows], dtype=object)


def _tell_of_colds(story: Story, rng: np.random.Generator, world: World, health: Health) -> None:
    """Tell of negative tests of those in clinics; a few of them were suspected until then."""
    infected = np.isin(np.arange(len(health.told_at)), world.infections.person)
    person = np.flatnonzero(health.is_told_in_clinic & ~np.isnat(health.told_at) & ~infected)
    told = health.told_at[person]
    taken = drawing.later(rng, told, 0.2, 3)
    results = drawing.later(rng, taken, 6, 20)
    story.tell(Kind.TEST_RESULT, person, results, NEGATIVE, "laboratory", true_at=taken)
    suspected = rng.random(len(person)) < SHARE_SUSPECTED
    entered = drawing.later(rng, told[suspected], 0.5, 3)
    story.tell(Kind.CASE, person[suspected], entered, facts(status="suspected"), "clinic")
    ruled_out = np.maximum(drawing.later(rng, results[suspected], 12, 30), drawing.later(rng, entered, 1, 2))
    story.tell(Kind.RELEASED, person[suspected], ruled_out, facts(basis="ruled_out"), "disease_control")
