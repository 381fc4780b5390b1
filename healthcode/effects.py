"""Effects: what evidence did to people's codes, the better and the worse."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from citybrain.core.models import Membership, Person
from healthcode.actions.evaluate import Change
from healthcode.models import Evidence, Impact, Reason, State

# Who is green may go everywhere; expired and not known are not, yet nothing is held against them.
RANK: Mapping[str, int] = {State.GREEN: 0, State.EXPIRED: 1, State.NOT_KNOWN: 1, State.YELLOW: 2, State.RED: 3}

# What stands against somebody: (rule, colour, piece of evidence).
Grounds = frozenset[tuple[str, str, int]]


@dataclass(frozen=True)
class Sender:
    """Who recorded, for which unit, and when."""

    author: int | None
    unit: str
    at: dt.datetime
    # Let in by a second person.
    is_approved: bool = False


def grounds(persons: Iterable[int]) -> dict[int, Grounds]:
    """Return what stands against each person (id) now; the caller has locked them."""
    found: dict[int, set[tuple[str, str, int]]] = {person: set() for person in persons}
    opened = Reason.objects.filter(person__in=list(found), closed_at=None)
    for person, rule, colour, evidence in opened.values_list("person_id", "rule", "colour", "evidence"):
        found[person] |= {(rule, colour, one) for one in evidence}
    return {person: frozenset(one) for person, one in found.items()}


def effect(change: Change | None, before: Grounds, after: Grounds) -> Impact.Effect | None:
    """Return which way a code went; None when nothing changed for its person.

    Another ground counts although the colour stays: it keeps a red code red for longer.
    """
    step = RANK[change.after] - RANK[change.before] if change else 0
    if step > 0 or (step == 0 and after - before):
        return Impact.Effect.WORSE
    if step < 0 or before - after:
        return Impact.Effect.BETTER
    return None


def impacts(
    evidence: Sequence[Evidence], changes: Iterable[Change], before: Mapping[int, Grounds], sender: Sender
) -> list[Impact]:
    """Return, unsaved, what evidence that was just written did, a row for each person whose code it touched."""
    last = {row.person_id: row for row in evidence}
    by_person = {change.person_id: change for change in changes}
    after = grounds(last)
    went = {person: effect(by_person.get(person), before[person], after[person]) for person in last}
    touched = {person: way for person, way in went.items() if way is not None}
    areas = dict(Person.objects.filter(pk__in=touched).values_list("pk", "area_id"))
    members: dict[int, list[int]] = {person: [] for person in touched}
    for person, organisation in Membership.objects.filter(person__in=touched).values_list(
        "person_id", "organisation_id"
    ):
        members[person].append(organisation)
    return [
        Impact(
            at=sender.at,
            person_id=person,
            evidence=last[person],
            effect=way,
            author=sender.author,
            unit=sender.unit,
            organisations=members[person],
            area=areas[person],
            is_approved=sender.is_approved,
        )
        for person, way in touched.items()
    ]


def people(rows: Iterable[Impact], way: Impact.Effect) -> int:
    """Return how many people's codes went one way."""
    return len({row.person_id for row in rows if row.effect == way})
