"""The frame of a benchmark that compares rates: rounds that take turns, medians, a ratio beside a baseline.

What runs on a machine at one moment does not run at another; so every contestant has its turn in every round, the first
of a round changes, and of each one's rates the median counts. One answer other than 2xx and there is no figure at all.
"""

import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

FEWEST_ROUNDS = 5
OK = range(200, 300)


class RefusedError(Exception):
    """There is no figure to print; the text says why."""


@dataclass(frozen=True)
class Turn:
    """What one contestant did in one round; HTTP statuses with how often each came, where there are such."""

    done: int
    seconds: float
    statuses: Mapping[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.done / self.seconds


Contestant = Callable[[], Turn]


def take_turns(contestants: Mapping[str, Contestant], rounds: int = FEWEST_ROUNDS) -> dict[str, list[float]]:
    """Return each contestant's rates, round by round; raise RefusedError at the first turn that is not all 2xx."""
    if rounds < FEWEST_ROUNDS:
        raise RefusedError(f"{rounds} rounds are too few for a median: take {FEWEST_ROUNDS} or more")
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            turn = contestants[name]()
            require_ok(name, turn)
            rates[name].append(turn.rate)
    return rates


def require_ok(name: str, turn: Turn) -> None:
    """Raise RefusedError when nothing was done, or an answer was not 2xx."""
    wrong = {status: count for status, count in turn.statuses.items() if status not in OK}
    if wrong:
        told = ", ".join(f"{count} × {status or 'no answer'}" for status, count in sorted(wrong.items()))
        raise RefusedError(f"{name}: {told}; there is no figure with answers other than 2xx")
    if turn.done <= 0 or turn.seconds <= 0:
        raise RefusedError(f"{name}: nothing was done")


def lines(rates: Mapping[str, Sequence[float]], units: Mapping[str, str], baseline: str) -> list[str]:
    """Return what is printed: median, least and most of each, and how each compares with the baseline."""
    medians = {name: statistics.median(of_one) for name, of_one in rates.items()}
    width = max(map(len, rates))
    told = [
        f"{name:<{width}}  median {medians[name]:8,.0f} {units[name]}  (from {min(rates[name]):,.0f} to"
        f" {max(rates[name]):,.0f} in {len(rates[name])} rounds)"
        for name in rates
    ]
    base = medians[baseline]
    told += [f"{name} / {baseline}: {medians[name] / base:.2f}" for name in rates if name != baseline]
    return told


def machine(postgres: str = "") -> str:
    """Return what a figure depends on: cores, versions; `postgres` is the server's own word, if there is one."""
    facts = [f"{os.cpu_count()} cores", f"Python {platform.python_version()}", platform.machine()]
    return "machine: " + ", ".join([*facts, *([f"PostgreSQL {postgres}"] if postgres else [])])
