"""Recording what is known of a person."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from healthcode import kinds, replay
from healthcode.actions import evaluate
from healthcode.models import Evidence


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
    """Record a fact that was true at an instant (now if none is given) and let the code follow at once.

    It becomes known now, whoever says otherwise. Raises ValidationError when the facts are not those of the kind, lie
    in the future, or withdraw what they may not; NoRulesError when no rule set is in force. `by` None is a feed.
    """
    kinds.check(kind, facts)
    _check_withdrawal(person, kind, withdraws)
    if source not in Evidence.Source.values:
        raise ValidationError(_("There is no source of evidence “%(source)s”.") % {"source": source})
    with transaction.atomic():
        activations = replay.lock([person.pk], clock.now())
        now = clock.now()
        _check_time(kind, facts, true_at or now, now)
        evidence = Evidence.objects.create(
            person=person,
            kind=kind,
            true_at=true_at or now,
            known_at=now,
            source=source,
            author=by.pk if by is not None else None,
            facts=dict(facts),
            withdraws=withdraws,
        )
        detail = {"kind": kind, **({"withdraws": withdraws.pk} if withdraws else {})}
        audit.record(Deed.RECORD_EVIDENCE, by=by, subjects=[person.pk], target=f"evidence:{evidence.pk}", detail=detail)
        evaluate.write([person.pk], now, activations, by=by)
    return evidence


def _check_withdrawal(person: Person, kind: str, withdraws: Evidence | None) -> None:
    if withdraws is None:
        if kind == kinds.Kind.WITHDRAWAL:
            raise ValidationError(_("Say which evidence is withdrawn."))
        return
    if withdraws.person_id != person.pk:
        raise ValidationError(_("Evidence about one person cannot withdraw what is known of another."))
    # A withdrawal stands; whoever erred in it records the evidence anew. Other evidence is replaced by its own kind.
    if withdraws.kind == kinds.Kind.WITHDRAWAL or kind not in {kinds.Kind.WITHDRAWAL, withdraws.kind}:
        raise ValidationError(_("Evidence is withdrawn by a withdrawal, or replaced by evidence of the same kind."))


def _check_time(kind: str, facts: Mapping[str, Any], true_at: dt.datetime, now: dt.datetime) -> None:
    if true_at.tzinfo is None:
        raise ValueError("true_at must be an aware datetime")
    last = facts["to"] if kind == kinds.Kind.RISK_AREA_STAY else ""
    if true_at > now or last > now.astimezone(clock.SHANGHAI).date().isoformat():
        raise ValidationError(_("What is recorded must not lie in the future."))
