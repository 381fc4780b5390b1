"""Declarations: most before people first stand at a gate, some after they were refused there, a few never."""

import numpy as np

from citybrain.demo.city.world import Flags, Instants, Ints, World
from citybrain.demo.history import drawing, illness
from citybrain.demo.history.drawing import PerPerson
from citybrain.demo.history.illness import NEVER, Health
from citybrain.demo.history.story import Story, facts
from healthcode.kinds import Kind

# The code was there so many days before the story begins: some of what was declared then has run out.
DAYS_BEFORE = 6
FRESH_DAYS = 15
# When people meant to declare: before the story, in its first three days, or some time.
SHARES, EARLY, FIRST_DAYS = (0.05, 0.70, 0.25), 0, 1
SHARE_NEVER, SHARE_AT_THE_GATE, SHARE_RENEWING, SHARE_LEFT_TO_RUN_OUT = 0.015, 0.012, 0.85, 0.4


def tell(story: Story, rng: np.random.Generator, world: World, health: Health, scans: PerPerson) -> None:
    """Tell of every declaration, with the trips and stays of those who came back."""
    first = _first(rng, world, scans)
    again = _again(rng, world, first, scans)
    person, ages = np.arange(len(first)), world.residents.age
    source = illness.source_of(rng, ages)
    by_symptoms = np.where(health.is_told_in_clinic, NEVER, health.told_at)
    back = world.travellers
    began = np.full(len(back.person), drawing.instant(world.began_at))
    arrived = np.maximum(drawing.later(rng, back.arrived_at, 0.2, 6), drawing.later(rng, began, 0, 12))
    away = back.person[(first[back.person] > back.left_home_at) & (first[back.person] <= arrived)]
    first[away] = NEVER
    for who, at in ((person, first), (person, again), (person, by_symptoms), (back.person, arrived)):
        declared = ~np.isnat(at)
        who, at = who[declared], at[declared]  # noqa: PLW2901 (only those who did)
        felt = health.felt(who, at)
        told = drawing.built(illness.declaration, felt, health.chronic[who], illness.reading(rng, felt))
        story.tell(Kind.DECLARATION, who, at, told, source[who])
    _tell_of_trips(story, world, arrived)


def opened_at(world: World) -> np.datetime64:
    """Return the midnight before the first declaration."""
    day = drawing.day_of(np.array([drawing.instant(world.began_at)])) - DAYS_BEFORE
    at: np.datetime64 = drawing.midnight(day)[0]
    return at


def _first(rng: np.random.Generator, world: World, scans: PerPerson) -> Instants:
    """Return when residents declared first, NaT for those who never did: they hardly ever stand at a gate."""
    people, now = len(world.residents), drawing.instant(world.now)
    planned = _planned(rng, world, people)
    scanned = scans.since(np.arange(people), np.full(people, opened_at(world)))
    before = np.maximum(scanned - drawing.hours(rng.uniform(0.1, 9, people)), opened_at(world))
    after = scanned + drawing.hours(rng.uniform(0.05, 1, people))
    is_late = ~np.isnat(scanned) & (scanned < planned)
    first = np.where(is_late, np.where(rng.random(people) < SHARE_AT_THE_GATE, after, before), planned)
    first = np.minimum(first, now - drawing.hours(rng.uniform(0.1, 20, people)))
    first[_rarest(rng, scans.count, int(people * SHARE_NEVER))] = NEVER
    return first


def _planned(rng: np.random.Generator, world: World, people: int) -> Instants:
    first_day = drawing.day_of(np.array([drawing.instant(world.began_at)]))[0]
    days = int((drawing.day_of(np.array([drawing.instant(world.now)]))[0] - first_day).astype(np.int64))
    group = drawing.choose(rng, SHARES, people)
    early = -rng.integers(1, DAYS_BEFORE + 1, people)
    soon = np.floor(rng.triangular(0, 0.3, min(3, days + 1), people)).astype(np.int64)
    some = rng.integers(0, days + 1, people)
    offset = np.where(group == EARLY, early, np.where(group == FIRST_DAYS, soon, some))
    return drawing.awake(rng, first_day + offset)


def _again(rng: np.random.Generator, world: World, first: Instants, scans: PerPerson) -> Instants:
    """Return when residents renewed, NaT for those who did not: in time, or after a gate refused what had run out."""
    people, now = len(first), drawing.instant(world.now)
    runs_out = drawing.midnight(drawing.day_of(first) + FRESH_DAYS)
    latest = np.minimum(runs_out, now)
    earliest = latest - np.timedelta64(6 * 24, "h")
    span = (latest - earliest).astype(np.int64)
    in_time = earliest + (rng.random(people) * span).astype("timedelta64[us]")
    in_time = np.minimum(drawing.awake(rng, drawing.day_of(in_time)), latest - np.timedelta64(1, "h"))
    in_time[(in_time <= first + drawing.DAY) | (rng.random(people) > SHARE_RENEWING)] = NEVER
    refused = scans.since(np.arange(people), runs_out) + drawing.hours(rng.uniform(0.05, 3, people))
    too_late = runs_out <= now
    leaves_it = too_late & (rng.random(people) < SHARE_LEFT_TO_RUN_OUT) & _is_rare(refused, now)
    return np.where(leaves_it, NEVER, np.where(np.isnat(in_time) & too_late, refused, in_time))


def _is_rare(refused: Instants, now: np.datetime64) -> Flags:
    """Whether nobody refused them since it ran out, or only a moment ago."""
    return np.isnat(refused) | (refused > now)


def _rarest(rng: np.random.Generator, count: Ints, wanted: int) -> Ints:
    """Return those who stood at gates least, by lot among equals."""
    return np.lexsort((rng.random(len(count)), count))[:wanted]


def _tell_of_trips(story: Story, world: World, declared: Instants) -> None:
    """Tell how travellers came, and of their days in risk areas."""
    back = world.travellers
    day = drawing.day_of(back.arrived_at)
    last, began = np.datetime_as_string(day).tolist(), np.datetime_as_string(drawing.day_of(back.left_home_at)).tolist()
    rows = list(zip(back.origin.tolist(), back.transport.tolist(), back.risk_code.tolist(), began, last, strict=True))
    trips = [facts(**{"from": origin, "day": on, "transport": by}) for origin, by, _code, _from, on in rows]
    arrived = back.arrived_at.astype("datetime64[us]")
    story.tell(Kind.TRIP, back.person, declared, np.array(trips, dtype=object), "self", true_at=arrived)
    stayed = back.risk_code != ""
    stays = [facts(**{"code": code, "from": since, "to": on}) for _origin, _by, code, since, on in rows if code]
    story.tell(
        Kind.RISK_AREA_STAY,
        back.person[stayed],
        declared[stayed],
        np.array(stays, dtype=object),
        "self",
        true_at=arrived[stayed],
    )
