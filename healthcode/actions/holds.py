"""Deciding on held evidence: another person, of another unit."""

import hashlib
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, outbox, turns
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import limits
from healthcode.actions.evidence import Said
from healthcode.actions.submit import record_and_compare, unit_of
from healthcode.models import HeldItem, Hold, Impact
from healthcode.permissions import units_of
from healthcode.replay import NoRulesError


class HoldError(Exception):
    """It cannot be decided this way; the text says why and what to do."""


def why_not(hold: Hold, by: User) -> str:
    """Return why somebody may not decide on a hold, "" when they may."""
    if hold.state != Hold.State.WAITING:
        return _("This has been decided already.")
    if hold.made_by == by.pk:
        return _("You sent this yourself. Somebody of another unit has to decide.")
    if units_of(by) & _units_behind(hold):
        return _(
            "Your unit sent this, or recorded what counts together with it. Somebody of another unit has to decide."
        )
    return ""


def approve_held(*, hold: Hold, by: User, note: str = "") -> Hold:
    """Let held evidence in: it becomes known now, as its sender's; it counts towards no limit any more.

    Raises HoldError when it has been decided, when `by` may not, or when what was held cannot be recorded any more.
    """
    with transaction.atomic():
        hold = _locked(hold, by)
        items = list(hold.items.select_related("person", "document", "withdraws").order_by("id"))
        sender = User.objects.filter(pk=hold.made_by).first() if hold.made_by else None
        said = [_said(item) for item in items]
        try:
            done = record_and_compare(
                said=said, source=items[0].source, by=sender, unit=hold.made_under, is_approved=True
            )
        except ValidationError as problem:
            raise HoldError(" ".join(problem.messages)) from problem
        except NoRulesError:
            raise HoldError(_("No rules are in force at this moment, so no code can follow. Decide later.")) from None
        for item, evidence in zip(items, done.evidence, strict=True):
            item.evidence = evidence
        HeldItem.objects.bulk_update(items, ["evidence"], batch_size=500)
        Impact.objects.bulk_create(done.impacts)
        return _decide(hold, Hold.State.APPROVED, Deed.APPROVE_HELD, items, by, note)


def refuse_held(*, hold: Hold, by: User, note: str) -> Hold:
    """Refuse held evidence: it never becomes evidence. Raises HoldError as `approve_held` does."""
    if not note.strip():
        raise HoldError(_("Say why you refuse it: the sender reads it."))
    with transaction.atomic():
        hold = _locked(hold, by)
        items = list(hold.items.select_related("person").order_by("id"))
        return _decide(hold, Hold.State.REFUSED, Deed.REFUSE_HELD, items, by, note)


def _locked(hold: Hold, by: User) -> Hold:
    """Return the hold as it is now, for one decision at a time; refuse whoever may not decide."""
    turns.take(hashlib.sha256(f"hold:{hold.pk}".encode()).digest())
    now = Hold.objects.visible_to(by, Act.APPROVE_HELD).select_for_update().filter(pk=hold.pk).first()
    if now is None:
        raise HoldError(_("Some of these people do not live in your areas."))
    if problem := why_not(now, by):
        raise HoldError(problem)
    return now


def _units_behind(hold: Hold) -> set[str]:
    """Return the units that have a hand in it.

    The sender's, those of the evidence that it withdraws, and those whose evidence counted towards the limits that it
    went beyond: whoever filled a limit does not open it.
    """
    sender = User.objects.filter(pk=hold.made_by).first() if hold.made_by else None
    withdrawn = hold.items.exclude(withdraws=None).values_list("withdraws__unit", flat=True)
    return {hold.made_under, *(units_of(sender) if sender else ()), *filter(None, withdrawn), *_units_that_filled(hold)}


def _units_that_filled(hold: Hold) -> set[str]:
    """Return the units whose evidence was about the same grids or organisations, or came within the same hour."""
    areas = set(hold.items.values_list("person__area_id", flat=True))
    organisations = set(hold.items.values_list("person__memberships__organisation", flat=True))
    past = Impact.objects.filter(at__gt=hold.made_at - limits.DAY, at__lte=hold.made_at, is_approved=False)
    filled: dict[Hold.Because, Callable[[Impact], bool]] = {
        Hold.Because.ADDRESS: lambda row: row.area in areas,
        Hold.Because.ORGANISATION: lambda row: bool(organisations & set(row.organisations)),
        Hold.Because.DISTRICT: lambda row: row.at > hold.made_at - limits.HOUR,
    }
    asked = [filled[because] for because in map(Hold.Because, hold.because) if because in filled]
    return {row.unit for row in past if any(has(row) for has in asked)}


def _said(item: HeldItem) -> Said:
    return Said(item.person, item.kind, item.facts, item.true_at, item.document, item.withdraws)


def _decide(hold: Hold, state: Hold.State, deed: Deed, items: list[HeldItem], by: User, note: str) -> Hold:
    areas = sorted({item.person.area_id for item in items})
    hold.state, hold.note = state, note.strip()
    hold.decided_by, hold.decided_at = by.pk, clock.now()
    hold.decided_under = unit_of(by, Act.APPROVE_HELD, areas)
    hold.save(update_fields=["state", "note", "decided_by", "decided_at", "decided_under"])
    outbox.publish("hold.decided", hold=hold.pk)
    audit.record(
        deed,
        by=by,
        under=Act.APPROVE_HELD,
        where=("area", areas),
        subjects=[item.person_id for item in items],
        target=f"hold:{hold.pk}",
        detail={"worse": hold.worse, "better": hold.better},
    )
    return hold
