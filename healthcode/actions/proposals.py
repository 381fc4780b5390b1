"""A change of rules or risk areas: proposed by one person after a trial, put in force by another of another unit."""

import datetime as dt

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, turns
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode.actions.rules import TURN, activate
from healthcode.actions.submit import unit_of
from healthcode.models import RuleActivation, RuleProposal, Trial


def propose(
    *, trial: Trial, starts_at: dt.datetime | None, announcement_zh: str, announcement_en: str, by: User
) -> RuleProposal:
    """Propose what a trial tried; None starts at the approval.

    Raises ValidationError when the trial is not finished or holds no longer, or the start lies in the past.
    """
    now = clock.now()
    check_trial(trial, now, settings.TRIAL_LIFE)
    if starts_at is not None and starts_at <= now:
        raise ValidationError({"starts_at": _("The start lies in the past. Choose a later time, or “at once”.")})
    with transaction.atomic():
        proposal = RuleProposal.objects.create(
            trial=trial,
            starts_at=starts_at,
            announcement_zh=announcement_zh,
            announcement_en=announcement_en,
            proposed_by=by.pk,
            proposed_under=unit_of(by, Act.PROPOSE_RULES, []),
            proposed_at=now,
        )
        detail = {"trial": trial.pk, "rule_set": trial.rule_set_id, "risk_list": trial.risk_list}
        audit.record(
            Deed.PROPOSE_RULES, by=by, under=Act.PROPOSE_RULES, target=f"rule_proposal:{proposal.pk}", detail=detail
        )
    return proposal


def approve(*, proposal: RuleProposal, note: str, by: User) -> RuleActivation:
    """Put proposed rules in force at their start, or now; return the activation.

    Raises ValidationError when `by` proposed them, acts for the same unit, or the proposal is decided or holds no more.
    """
    with transaction.atomic():
        turns.take(TURN)
        waiting = _waiting(proposal)
        under = _another(waiting, by)
        now = clock.now()
        check_trial(waiting.trial, now, settings.RULE_PROPOSAL_LIFE)
        activation = activate(
            rule_set=waiting.trial.rule_set,
            risk_list=waiting.trial.risk_list,
            valid_from=max(waiting.starts_at or now, now),
            by=[waiting.proposed_by, by],
        )
        waiting.state, waiting.activation = RuleProposal.State.APPROVED, activation
        _decide(waiting, note, by, under, now)
    return activation


def refuse(*, proposal: RuleProposal, note: str, by: User) -> None:
    """Refuse proposed rules, with a reason; raises ValidationError as `approve` does."""
    if not note.strip():
        raise ValidationError({"note": _("Say why, so that whoever proposed it can do better.")})
    with transaction.atomic():
        waiting = _waiting(proposal)
        under = _another(waiting, by)
        waiting.state = RuleProposal.State.REFUSED
        _decide(waiting, note, by, under, clock.now())
        audit.record(Deed.REFUSE_RULES, by=by, under=Act.APPROVE_RULES, target=f"rule_proposal:{waiting.pk}")


def take_back(*, proposal: RuleProposal, by: User) -> None:
    """Take a proposal back that nobody has decided; raises ValidationError when it is decided or another's."""
    with transaction.atomic():
        waiting = _waiting(proposal)
        if waiting.proposed_by != by.pk:
            raise ValidationError(_("Only whoever proposed it can take it back."))
        waiting.state = RuleProposal.State.TAKEN_BACK
        waiting.decided_at = clock.now()
        waiting.save(update_fields=["state", "decided_at"])
        detail = {"state": waiting.state}
        target = f"rule_proposal:{waiting.pk}"
        audit.record(Deed.PROPOSE_RULES, by=by, under=Act.PROPOSE_RULES, target=target, detail=detail)


def check_trial(trial: Trial, at: dt.datetime, life: dt.timedelta) -> None:
    """Raise ValidationError when what a trial found is not what holds: unfinished, too old, or other rules since."""
    if trial.state != Trial.State.DONE:
        raise ValidationError(_("The dry run is not finished."))
    if trial.judged_at < at - life:
        raise ValidationError(_("The dry run is too old: people's evidence has changed. Run it again."))
    if _in_force(trial.judged_at) != _in_force(at):
        raise ValidationError(_("Other rules have come in force since the dry run. Run it again."))


def _in_force(at: dt.datetime) -> int | None:
    newest = RuleActivation.objects.filter(valid_from__lte=at).order_by("-valid_from", "-id")
    return newest.values_list("pk", flat=True).first()


def _waiting(proposal: RuleProposal) -> RuleProposal:
    """Lock a proposal, so that two who decide at once do it one after the other."""
    rows = RuleProposal.objects.select_for_update(of=("self",)).select_related("trial__rule_set")
    locked = rows.get(pk=proposal.pk)
    if locked.state != RuleProposal.State.WAITING:
        raise ValidationError(_("Somebody has decided this proposal already."))
    return locked


def _another(proposal: RuleProposal, by: User) -> str:
    """Return the unit of the second person, who is neither the first nor of the same unit."""
    under = unit_of(by, Act.APPROVE_RULES, [])
    if proposal.proposed_by == by.pk:
        raise ValidationError(_("You proposed this yourself: another person decides."))
    if under == proposal.proposed_under:
        raise ValidationError(_("You act for the unit that proposed this: a person of another unit decides."))
    return under


def _decide(proposal: RuleProposal, note: str, by: User, under: str, now: dt.datetime) -> None:
    proposal.decided_by, proposal.decided_under, proposal.decided_at = by.pk, under, now
    proposal.note = note.strip()
    proposal.save(update_fields=["state", "activation", "decided_by", "decided_under", "decided_at", "note"])
