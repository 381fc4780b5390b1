"""The course of each infection: when one gives it on, falls ill, is found; and who has been told to stay in."""

from dataclasses import dataclass, field

import numpy as np

from citybrain.demo.city.routines import DAY, HOUR
from citybrain.demo.city.world import Flags, Ints

# All times of the outbreak are seconds since the first midnight in Shanghai; this one never comes.
NEVER = 10**12
# Days from infection to the first symptoms: median, spread of the logarithm, shortest and longest.
INCUBATION, INCUBATION_SPREAD, SHORTEST_INCUBATION, LONGEST_INCUBATION = 4.4, 0.42, 2.5, 12.0
INFECTIOUS_BEFORE_ONSET, INFECTIOUS_AFTER_ONSET = 2 * DAY, 9 * DAY
WITH_SYMPTOMS, SEEKS_CARE, STAYS_IN_WHEN_ILL = 0.75, 0.85, 0.6
WITHOUT_SYMPTOMS_GIVES_ON = 0.5
# Few give it to many, many to nobody.
DISPERSION = 1.5
HOME, HOTEL, HOSPITAL = range(3)
PLACES = ("home", "hotel", "hospital")


@dataclass
class Courses:
    """What is true of each person; NEVER where nothing is."""

    infected_at: Ints
    infectious_at: Ints
    onset_at: Ints  # of those without symptoms too: when they would have had them
    has_symptoms: Flags
    gives_on: np.ndarray
    care_at: Ints
    found_at: Ints
    ill_from: Ints

    @classmethod
    def of(cls, count: int) -> "Courses":
        """Return everyone healthy."""
        never = [np.full(count, NEVER, dtype=np.int64) for _column in range(6)]
        return cls(
            never[0], never[1], never[2], np.zeros(count, dtype=bool), np.zeros(count), never[3], never[4], never[5]
        )

    def begin(self, rng: np.random.Generator, person: Ints, at: Ints, present_from: Ints) -> None:
        """Infect persons; nobody seeks care before `present_from`."""
        count = len(person)
        days = np.clip(
            rng.lognormal(np.log(INCUBATION), INCUBATION_SPREAD, count), SHORTEST_INCUBATION, LONGEST_INCUBATION
        )
        onset = at + (days * DAY).astype(np.int64)
        has_symptoms = rng.random(count) < WITH_SYMPTOMS
        seeks = (rng.random(count) < SEEKS_CARE) & has_symptoms
        stays_in = (rng.random(count) < STAYS_IN_WHEN_ILL) & has_symptoms
        delay = rng.lognormal(np.log(2.0), 0.5, count) * DAY
        day = (np.maximum(onset, present_from) + delay).astype(np.int64) // DAY + 1
        care = day * DAY + rng.integers(int(8.5 * HOUR), int(15.5 * HOUR), count)
        self.infected_at[person] = at
        self.infectious_at[person] = onset - INFECTIOUS_BEFORE_ONSET
        self.onset_at[person] = onset
        self.has_symptoms[person] = has_symptoms
        self.gives_on[person] = rng.gamma(DISPERSION, 1 / DISPERSION, count) * np.where(
            has_symptoms, 1, WITHOUT_SYMPTOMS_GIVES_ON
        )
        self.care_at[person] = np.where(seeks, care, NEVER)
        self.found_at[person] = np.where(seeks, care + rng.integers(8 * HOUR, 20 * HOUR, count), NEVER)
        self.ill_from[person] = np.where(stays_in, onset + rng.integers(0, DAY, count), NEVER)

    def recovered_at(self, person: Ints) -> Ints:
        """Return when each gives it on no longer."""
        return self.onset_at[person] + INFECTIOUS_AFTER_ONSET

    def infectious_on(self, midnight: int) -> Ints:
        """Return who gives it on during a part of the day."""
        begins = self.infectious_at < midnight + DAY
        return np.flatnonzero(begins & (self.onset_at + INFECTIOUS_AFTER_ONSET > midnight))

    def strength(self, person: int, at: int) -> float:
        """Return how infectious a person is at a moment, 1 for an ordinary one at the onset."""
        days = (at - int(self.onset_at[person])) / DAY
        return float(self.gives_on[person]) * float(np.exp(-((days / 2.4) ** 2)))


@dataclass
class Orders:
    """Who must stay in: the order in force of each person, and all that were given."""

    begins: Ints
    ends: Ints
    place: Ints
    given: list[tuple[int, int, int, int]] = field(default_factory=list)  # person, at, last day, place

    @classmethod
    def of(cls, count: int) -> "Orders":
        """Return nobody under an order."""
        return cls(np.full(count, NEVER), np.full(count, -NEVER), np.full(count, HOME))

    def give(self, person: int, at: int, days: int, place: int) -> None:
        """Order somebody to stay in; what an order in force says already is not said again."""
        last_day = at // DAY + days
        in_force = self.begins[person] <= at < self.ends[person]
        if in_force and place != HOSPITAL:
            return
        self.given.append((person, at, last_day, place))
        self.begins[person] = min(at, int(self.begins[person])) if in_force else at
        self.ends[person] = max((last_day + 1) * DAY, int(self.ends[person]) if in_force else 0)
        self.place[person] = place

    def keep_in(self, person: Ints, at: Ints) -> Flags:
        """Return who is under an order at a moment."""
        return (at >= self.begins[person]) & (at < self.ends[person])

    def keep_away(self, person: Ints, at: int) -> Flags:
        """Return who is under an order that is not kept at home."""
        away: Flags = (self.begins[person] <= at) & (at < self.ends[person]) & (self.place[person] != HOME)
        return away
