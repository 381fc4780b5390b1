"""Who felt ill when, of the infection or of a cold, and whether they told anybody; the product knows what was told."""

from dataclasses import dataclass

import numpy as np

from citybrain.demo.city.world import Flags, Instants, Ints, World
from citybrain.demo.history import drawing
from citybrain.demo.history.copying import Texts
from citybrain.demo.history.drawing import PerPerson
from citybrain.demo.history.story import Story, facts, named
from healthcode.kinds import Kind

NEVER = np.datetime64("NaT", "us")
# What people have; the first is nothing.
SYMPTOMS: tuple[tuple[str, ...], ...] = (
    (), ("fever",), ("fever", "cough"), ("cough",), ("cough", "fatigue"), ("diarrhoea",), ("fever", "breathing"),
)  # fmt: skip
SHARES_OF_COLDS = (0.0, 0.15, 0.2, 0.4, 0.15, 0.1, 0.0)
SHARES_OF_INFECTION = (0.0, 0.25, 0.35, 0.1, 0.2, 0.0, 0.1)
# What a chronic illness explains.
CHRONIC: tuple[tuple[str, ...], ...] = ((), ("cough",), ("fatigue",), ("breathing",))
SHARE_WITH_CHRONIC, SHARE_WITH_COLD, SHARE_OF_CANDIDATES = 0.015, 0.012, 0.05
# How many of the ill tell of it, and how many of those in a fever clinic.
SHARE_TELLING, SHARE_IN_CLINIC = 0.8, 0.4
# Tenths of a degree that a person shows who is well, who has a fever; no reading is 0.
NO_READING, WELL, FEVER = 0, (361, 371), (374, 393)
SHARE_MEASURED = 0.6
OLD = 78
CHILD = 14


@dataclass(frozen=True)
class Health:
    """What residents felt, one entry each."""

    # Numbers in CHRONIC and SYMPTOMS.
    chronic: Ints
    symptoms: Ints
    ill_from: Instants
    ill_until: Instants
    # When they told of it, if they did; in a fever clinic or by declaring.
    told_at: Instants
    is_told_in_clinic: Flags

    def felt(self, person: Ints, at: Instants) -> Ints:
        """Return the numbers in SYMPTOMS of what persons had at instants."""
        is_ill = (self.ill_from[person] <= at) & (at < self.ill_until[person])
        return np.where(is_ill, self.symptoms[person], 0)


def draw(rng: np.random.Generator, world: World, scans: PerPerson) -> Health:
    """Draw who was ill: the infected with an onset, and others of a cold, rather such as stay at home."""
    people, now = len(world.residents), drawing.instant(world.now)
    health = Health(
        chronic=np.where(rng.random(people) < SHARE_WITH_CHRONIC, rng.integers(1, len(CHRONIC), people), 0),
        symptoms=np.zeros(people, np.int64),
        ill_from=np.full(people, NEVER),
        ill_until=np.full(people, NEVER),
        told_at=np.full(people, NEVER),
        is_told_in_clinic=rng.random(people) < SHARE_IN_CLINIC,
    )
    infected = _feel_infection(rng, world, health)
    well = np.setdiff1d(np.flatnonzero(health.chronic == 0), infected)
    candidates = rng.choice(well, min(int(people * SHARE_OF_CANDIDATES), len(well)), replace=False)
    cold = candidates[np.argsort(scans.count[candidates], kind="stable")][: int(people * SHARE_WITH_COLD)]
    health.symptoms[cold] = drawing.choose(rng, SHARES_OF_COLDS, len(cold))
    first, last = drawing.instant(world.began_at) + drawing.DAY, now - np.timedelta64(6, "h")
    health.ill_from[cold] = first + (rng.random(len(cold)) * (last - first).astype(np.int64)).astype("timedelta64[us]")
    health.ill_until[cold] = drawing.later(rng, health.ill_from[cold], 48, 120)
    health.told_at[cold] = _told(rng, health.ill_from[cold], 2, 20)
    return health


def _feel_infection(rng: np.random.Generator, world: World, health: Health) -> Ints:
    """Let the infected fall ill; they tell of it unless a laboratory is faster. Return all infected."""
    ill = world.infections
    shown = ~np.isnat(ill.onset_at)
    person, onset, found = ill.person[shown], ill.onset_at[shown].astype("datetime64[us]"), ill.found_at[shown]
    health.chronic[ill.person] = 0
    health.symptoms[person] = drawing.choose(rng, SHARES_OF_INFECTION, len(person))
    health.ill_from[person] = onset
    health.ill_until[person] = drawing.later(rng, onset, 150, 300)
    told = _told(rng, onset, 6, 40)
    told[told >= found] = NEVER
    health.told_at[person] = told
    return ill.person


def _told(rng: np.random.Generator, since: Instants, least: float, most: float) -> Instants:
    """Return when the ill tell of it, NaT for those who keep silent."""
    told = np.maximum(drawing.awake(rng, drawing.day_of(drawing.later(rng, since, least, most))), since)
    told[rng.random(len(told)) > SHARE_TELLING] = NEVER
    return told


def reading(rng: np.random.Generator, felt: Ints) -> Ints:
    """Return tenths of a degree that persons with these symptoms measured, NO_READING for those who did not."""
    has_fever = np.array(["fever" in one for one in SYMPTOMS])[felt]
    warm = rng.integers(*FEVER, len(felt))
    shown = np.where(has_fever, warm, rng.integers(*WELL, len(felt)))
    return np.where(has_fever | (rng.random(len(felt)) < SHARE_MEASURED), shown, NO_READING)


def source_of(rng: np.random.Generator, ages: Ints) -> Texts:
    """Return who speaks for persons of these ages: children have a guardian, half of the very old too."""
    is_guarded = (ages < CHILD) | ((ages >= OLD) & (rng.random(len(ages)) < 0.5))  # noqa: PLR2004 (half)
    return np.where(is_guarded, "guardian", "self").astype(object)


def declaration(felt: int, chronic: int, tenths: int) -> str:
    """Return the facts of a declaration."""
    symptoms = named([*SYMPTOMS[felt], *CHRONIC[chronic]])
    return facts(symptoms=symptoms, explained=list(CHRONIC[chronic]), pledged=True, **_celsius(tenths))


def check_in(felt: int, chronic: int, tenths: int) -> str:
    """Return the facts of a daily check-in."""
    return facts(symptoms=named([*SYMPTOMS[felt], *CHRONIC[chronic]]), **_celsius(tenths))


def temperature(tenths: int, is_confirmed: int) -> str:
    """Return the facts of a temperature that somebody else measured."""
    return facts(**_celsius(tenths), confirmed=bool(is_confirmed))


def tell_in_clinic(story: Story, rng: np.random.Generator, health: Health) -> None:
    """Tell of those who went to a fever clinic: a temperature that was measured twice."""
    person = np.flatnonzero(health.is_told_in_clinic & ~np.isnat(health.told_at))
    tenths = rng.integers(*FEVER, len(person))
    told = drawing.built(temperature, tenths, np.ones(len(person), np.int64))
    story.tell(Kind.TEMPERATURE, person, health.told_at[person], told, "clinic")


def _celsius(tenths: int) -> dict[str, float]:
    return {} if tenths == NO_READING else {"celsius": tenths / 10}
