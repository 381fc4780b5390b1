"""Daily check-ins of those in isolation, of contacts, of travellers, and of those who fell ill; some are missed."""

import numpy as np

from citybrain.demo.city.world import Grade, Instants, Ints, World
from citybrain.demo.history import drawing, illness
from citybrain.demo.history.illness import Health
from citybrain.demo.history.story import Story
from healthcode.kinds import Kind

# Days that people go on: what their rule asks of them, and some for a day that was missed.
CLOSE_CONTACT, SECONDARY_CONTACT, TRAVELLER, ILL = 16, 9, 16, 13
SHARE_CARELESS, MISSED, MISSED_BY_CARELESS = 0.12, 0.01, 0.2
SHARE_IN_THE_EVENING = 0.15


def tell(story: Story, rng: np.random.Generator, world: World, health: Health) -> None:
    """Tell of a check-in a day."""
    person, day = _asked(world, health)
    misses = np.where(rng.random(len(health.told_at)) < SHARE_CARELESS, MISSED_BY_CARELESS, MISSED)
    kept = rng.random(len(person)) >= misses[person]
    person, day = person[kept], day[kept]
    hour = np.where(rng.random(len(person)) < SHARE_IN_THE_EVENING, rng.uniform(18, 22, len(person)), 0)
    hour = np.where(hour == 0, rng.triangular(6.5, 8.3, 12, len(person)), hour)
    at = drawing.midnight(day) + drawing.hours(hour)
    felt = health.felt(person, at)
    told = drawing.built(illness.check_in, felt, health.chronic[person], illness.reading(rng, felt))
    story.tell(Kind.CHECK_IN, person, at, told, illness.source_of(rng, world.residents.age)[person])


def _asked(world: World, health: Health) -> tuple[Ints, Instants]:
    """Return who is to check in on which days, each day once; whoever lies in hospital is not asked."""
    stays, met, back = world.isolations, world.contacts, world.travellers
    ill = np.flatnonzero(~np.isnat(health.told_at))
    from_risk = back.risk_code != ""
    spans = [
        (stays.person, drawing.day_of(stays.ordered_at), stays.until.astype("datetime64[D]")),
        _for_days(met.person, met.known_at, np.where(met.grade == Grade.CLOSE, CLOSE_CONTACT, SECONDARY_CONTACT)),
        _for_days(back.person[from_risk], back.arrived_at[from_risk], TRAVELLER),
        _for_days(ill, health.told_at[ill], ILL),
    ]
    person, begin, last = (np.concatenate(column) for column in zip(*spans, strict=True))
    first = drawing.day_of(np.array([drawing.instant(world.began_at)]))[0]
    today = drawing.day_of(np.array([drawing.instant(world.now)]))[0]
    begin, last = np.maximum(begin + 1, first), np.minimum(last, today)
    lengths = np.maximum((last - begin).astype(np.int64) + 1, 0)
    number = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    days = np.unique(
        np.stack([np.repeat(person, lengths), np.repeat(begin.astype(np.int64), lengths) + number]), axis=1
    )
    who, day = days[0], days[1].astype("datetime64[D]")
    found = np.full(len(health.told_at), np.datetime64("2200-01-01"))
    is_case = ~np.isnat(world.infections.found_at)
    found[world.infections.person[is_case]] = drawing.day_of(world.infections.found_at[is_case])
    at_home = day < found[who]
    return who[at_home], day[at_home]


def _for_days(person: Ints, since: Instants, days: Ints | int) -> tuple[Ints, Instants, Instants]:
    begin = drawing.day_of(since)
    return person, begin, begin + days
