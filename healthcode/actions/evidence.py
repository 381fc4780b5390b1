"""Recording what is known of a person."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock
from citybrain.core.models import AuditRow, Person, Photo, User
from citybrain.core.models.audit import Deed
from healthcode import kinds, replay
from healthcode.actions import evaluate
from healthcode.models import Evidence


@dataclass(frozen=True)
class Said:
    """What is said of one person: a fact that was true at an instant (now if none is given)."""

    person: Person
    kind: str
    facts: Mapping[str, Any]
    true_at: dt.datetime | None = None
    document: Photo | None = None
    withdraws: Evidence | None = None

    def check(self) -> None:
        """Raise ValidationError when the facts are not those of the kind, or withdraw what they may not."""
        kinds.check(self.kind, self.facts)
        _check_withdrawal(self.person, self.kind, self.withdraws)
        if self.true_at is not None and self.true_at.tzinfo is None:
            raise ValueError("true_at must be an aware datetime")


def record_evidence(
    *,
    person: Person,
    kind: str,
    facts: Mapping[str, Any],
    source: str,
    by: User | None,
    true_at: dt.datetime | None = None,
    withdraws: Evidence | None = None,
) -> Evidence:
    """Record what somebody says of themselves or of whom they act for, and let the code follow at once.

    What staff and feeds record of others goes through `submit_evidence`. It becomes known now, whoever says otherwise.
    Raises ValidationError when the facts are not those of the kind, lie in the future, or withdraw what they may not;
    NoRulesError when no rule set is in force.
    """
    said = Said(person, kind, facts, true_at, withdraws=withdraws)
    return record_all(said=[said], source=source, by=by)[0][0]


def record_all(
    *, said: Sequence[Said], source: str, by: User | None, unit: str = ""
) -> tuple[list[Evidence], list[evaluate.Change]]:
    """Record many facts as one: all or none, and one evaluation; return the evidence in order, and whose code changed.

    For the actions of this app. Raises what `record_evidence` does.
    """
    for one in said:
        one.check()
    if source not in Evidence.Source.values:
        raise ValidationError(_("There is no source of evidence “%(source)s”.") % {"source": source})
    persons = sorted({one.person.pk for one in said})
    with transaction.atomic():
        activations = replay.lock(persons, clock.now())
        now = clock.now()
        evidence = Evidence.objects.bulk_create([_row(one, source, by, unit, now) for one in said])
        audit.record_each(_on_record(row, by) for row in evidence)
        changes = evaluate.write(persons, now, activations, by=by)
    return evidence, changes


def _row(said: Said, source: str, by: User | None, unit: str, now: dt.datetime) -> Evidence:
    _check_time(said.kind, said.facts, said.true_at or now, now)
    return Evidence(
        person=said.person,
        kind=said.kind,
        true_at=said.true_at or now,
        known_at=now,
        source=source,
        author=by.pk if by is not None else None,
        unit=unit,
        document=said.document,
        facts=dict(said.facts),
        withdraws=said.withdraws,
    )


def _on_record(row: Evidence, by: User | None) -> AuditRow:
    detail = {"kind": row.kind, **({"withdraws": row.withdraws_id} if row.withdraws_id else {})}
    return audit.row(Deed.RECORD_EVIDENCE, by=by, subjects=[row.person_id], target=f"evidence:{row.pk}", detail=detail)


def _check_withdrawal(person: Person, kind: str, withdraws: Evidence | None) -> None:
    if withdraws is None:
        if kind == kinds.Kind.WITHDRAWAL:
            raise ValidationError(_("Say which evidence is withdrawn."))
        return
    if withdraws.person_id != person.pk:
        raise ValidationError(_("Evidence about one person cannot withdraw what is known of another."))
    # A withdrawal stands; whoever erred in it records the evidence anew. Other evidence is replaced by its own kind.
    if not kinds.may_withdraw(kind, withdraws.kind):
        raise ValidationError(_("Evidence is withdrawn by a withdrawal, or replaced by evidence of the same kind."))


def _check_time(kind: str, facts: Mapping[str, Any], true_at: dt.datetime, now: dt.datetime) -> None:
    last = facts["to"] if kind == kinds.Kind.RISK_AREA_STAY else ""
    if true_at > now or last > now.astimezone(clock.SHANGHAI).date().isoformat():
        raise ValidationError(_("What is recorded must not lie in the future."))
