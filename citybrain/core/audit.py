"""Audit: putting an act or a refused attempt on record."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from citybrain.core import clock, scope
from citybrain.core.models.audit import AuditRow, Deed
from citybrain.core.roles import Act

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from citybrain.core.models.user import User

# Stands where a role stands when a program of an organisation did it.
PROGRAM = "program"


def record(
    deed: Deed,
    *,
    by: "User | AnonymousUser | None",
    under: Act | None = None,
    where: tuple[str, Iterable[int]] = ("area", ()),
    purpose: str = "",
    subjects: Iterable[int] = (),
    target: str = "",
    detail: Mapping[str, Any] | None = None,
    outcome: AuditRow.Outcome = AuditRow.Outcome.DONE,
) -> AuditRow:
    """Insert one row in the caller's transaction.

    `under` is the permission it was done by, `where` the kind and ids of the areas or organisations that it touched:
    role and holding are read from them. `subjects` are ids of persons; `detail` holds counts and ids only.
    Without a user, an organisation in `where` is the one whose program did it.
    """
    made = row(
        deed,
        by=by,
        under=under,
        where=where,
        purpose=purpose,
        subjects=subjects,
        target=target,
        detail=detail,
        outcome=outcome,
    )
    made.save(force_insert=True)
    return made


def record_each(rows: Iterable[AuditRow]) -> None:
    """Insert rows that `row` made, in the caller's transaction: of a list of evidence there are thousands."""
    AuditRow.objects.bulk_create(rows, batch_size=500)


def row(
    deed: Deed,
    *,
    by: "User | AnonymousUser | None",
    under: Act | None = None,
    where: tuple[str, Iterable[int]] = ("area", ()),
    purpose: str = "",
    subjects: Iterable[int] = (),
    target: str = "",
    detail: Mapping[str, Any] | None = None,
    outcome: AuditRow.Outcome = AuditRow.Outcome.DONE,
) -> AuditRow:
    """Return a row that is not inserted yet; what it takes is what `record` takes."""
    held = _held(by, under, where)
    (role, holding), also = held[0], [holding for _role, holding in held[1:]]
    return AuditRow(
        at=clock.now(),
        actor=by.pk if by is not None else None,
        role=role,
        holding=holding,
        deed=deed,
        purpose=purpose,
        outcome=outcome,
        subjects=sorted(set(subjects)),
        target=target[:80],
        detail={**(detail or {}), **({"also_under": also} if also else {})},
    )


def _held(
    by: "User | AnonymousUser | None", under: Act | None, where: tuple[str, Iterable[int]]
) -> list[tuple[str, str]]:
    kind, ids = where
    if by is None and kind == "organisation":
        return [(PROGRAM, f"{kind}:{number}") for number in ids]
    return scope.of(by).under(under, kind, ids) if by is not None and under else [("", "")]
