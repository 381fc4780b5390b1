"""What a trial counts: who would change from what to what, by street, age and rule, and some of them as a sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from healthcode.replay import Verdict

# The first year of each band.
AGE_BANDS = (0, 7, 18, 60, 80)
NO_AGE = "?"
# Of one change in one street, and of all.
SAMPLE_OF_ONE, SAMPLE_OF_ALL = 3, 300


@dataclass(frozen=True)
class Subject:
    """A person who is judged, as far as a trial counts them."""

    person: int
    street: int | None
    age: int | None


class Figures:
    """Adds persons to the tallies and the sample of a trial.

    Tallies: {"reached": the last person, "changes": {"green>yellow": n}, "same": {"green": n}, "otherwise": n,
    "streets" and "ages": {key: {"persons": n, "changes": {…}}}, "rules": {rule: {"opened": n, "ended": n,
    "recoloured": n}}}.
    """

    def __init__(self, tallies: dict[str, Any], sample: list[dict[str, Any]]) -> None:
        for name in ("changes", "same", "streets", "ages", "rules"):
            tallies.setdefault(name, {})
        tallies.setdefault("otherwise", 0)
        self._tallies, self._sample = tallies, sample

    @property
    def changed(self) -> int:
        """How many would change so far."""
        return sum(self._tallies["changes"].values())

    def add(self, subject: Subject, was: Verdict, would: Verdict) -> None:
        """Count one person."""
        parts = [
            self._tallies[name].setdefault(key, {"persons": 0, "changes": {}})
            for name, key in (("streets", str(subject.street or "")), ("ages", age_band(subject.age)))
        ]
        for part in parts:
            part["persons"] += 1
        if was.state == would.state:
            _count(self._tallies["same"], was.state)
            self._tallies["otherwise"] += _said(was) != _said(would)
            return
        change = f"{was.state}>{would.state}"
        _count(self._tallies["changes"], change)
        for part in parts:
            _count(part["changes"], change)
        self._count_rules(was, would)
        self._keep(subject, change, was, would)

    def _count_rules(self, was: Verdict, would: Verdict) -> None:
        before, after = ({one["rule"]: one["colour"] for one in verdict.reasons} for verdict in (was, would))
        for rule in {*before, *after}:
            if before.get(rule) != after.get(rule):
                name = "opened" if rule not in before else "ended" if rule not in after else "recoloured"
                counts = self._tallies["rules"].setdefault(rule, {"opened": 0, "ended": 0, "recoloured": 0})
                counts[name] += 1

    def _keep(self, subject: Subject, change: str, was: Verdict, would: Verdict) -> None:
        alike = [one for one in self._sample if one["change"] == change and one["street"] == subject.street]
        if len(alike) < SAMPLE_OF_ONE and len(self._sample) < SAMPLE_OF_ALL:
            self._sample.append(
                {
                    "person": subject.person,
                    "street": subject.street,
                    "change": change,
                    "before": was.reasons,
                    "after": would.reasons,
                }
            )


def age_band(age: int | None) -> str:
    """Return the band of an age by its first year, NO_AGE when it is not known."""
    return NO_AGE if age is None else str(max(first for first in AGE_BANDS if first <= max(age, 0)))


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _said(verdict: Verdict) -> list[Mapping[str, Any]]:
    """Return what of a verdict its person would see."""
    return [{name: one[name] for name in ("rule", "colour", "until")} for one in verdict.reasons]
