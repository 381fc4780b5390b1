"""Recording what staff and feeds know of others: the one door for evidence that does not come from its person."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from citybrain.core import scope
from citybrain.core.models import User
from citybrain.core.roles import Act
from healthcode.actions.evaluate import Change
from healthcode.actions.evidence import Said, record_all
from healthcode.models import Evidence, Hold


@dataclass(frozen=True)
class Submitted:
    """What became of it: recorded, with whose code changed; or held, and then it is no evidence yet."""

    evidence: list[Evidence] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    hold: Hold | None = None


def submit_evidence(*, said: Sequence[Said], source: str, by: User, under: Act) -> Submitted:
    """Record what a member of staff says of others, all or none, and let the codes follow at once.

    `under` is the permission that it is done by. Raises ValidationError when the facts cannot be, NoRulesError when no
    rule set is in force.
    """
    with transaction.atomic():
        unit = unit_of(by, under, [one.person.area_id for one in said])
        evidence, changes = record_all(said=said, source=source, by=by, unit=unit)
    return Submitted(evidence, changes)


def unit_of(user: User, under: Act, areas: Sequence[int]) -> str:
    """Return the unit for which somebody acts: the role and holding ("health_officer@area:1") that permit the act."""
    role, holding = scope.of(user).under(under, "area", areas)[0]
    return f"{role}@{holding}"
