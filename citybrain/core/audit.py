"""Audit: putting an act or a refused attempt on record."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from citybrain.core import clock, scope
from citybrain.core.models.audit import AuditRow, Deed
from citybrain.core.roles import Act

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from citybrain.core.models.user import User

# In the order of the canonical form; the digest covers these and nothing else.
CANONICAL = ("at", "actor", "role", "holding", "deed", "purpose", "outcome", "subjects", "target", "detail")


def record(
    deed: Deed,
    *,
    by: "User | AnonymousUser | None",
    under: Act | None = None,
    purpose: str = "",
    subjects: Iterable[int] = (),
    target: str = "",
    detail: Mapping[str, Any] | None = None,
    outcome: AuditRow.Outcome = AuditRow.Outcome.DONE,
) -> AuditRow:
    """Insert one row in the caller's transaction.

    `under` is the permission it was done by: role and holding are read from it. `subjects` are ids of persons;
    `detail` holds counts and ids only.
    """
    role, holding = scope.of(by).under(under) if by is not None and under else ("", "")
    row = AuditRow(
        at=clock.now(),
        actor=by.pk if by is not None else None,
        role=role,
        holding=holding,
        deed=deed,
        purpose=purpose,
        outcome=outcome,
        subjects=sorted(set(subjects)),
        target=target[:80],
        detail=dict(detail or {}),
    )
    row.digest = digest(row)
    row.save(force_insert=True)
    return row


def digest(row: AuditRow) -> bytes:
    """Return the SHA-256 of the row's canonical form: JSON, keys sorted, times in UTC with microseconds."""
    values = {name: getattr(row, name) for name in CANONICAL}
    values["at"] = row.at.astimezone(dt.UTC).isoformat(timespec="microseconds")
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).digest()
