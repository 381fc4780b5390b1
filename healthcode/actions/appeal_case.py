"""Deciding appeals: what staff do with a case. The decision is evidence, and the code follows from it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import clock, scope
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import appeal_queries
from healthcode.actions.appeal import AppealError, Did, State, hold, put_on_record, step
from healthcode.actions.evidence import Said
from healthcode.actions.submit import submit_evidence
from healthcode.kinds import Kind
from healthcode.models import Appeal, Evidence, Hold
from healthcode.replay import NoRulesError

Outcome = Appeal.Outcome


def take(*, appeal: Appeal, by: User) -> None:
    """Take a case on, or over from somebody who does not get to it."""
    with transaction.atomic():
        held = _held(appeal, {State.OPEN, State.TAKEN}, by)
        if held.handler == by.pk:
            raise AppealError(_("You have this case already."))
        held.state, held.handler = State.TAKEN, by.pk
        held.save(update_fields=["state", "handler"])
        step(held, Did.TAKEN, by)
        put_on_record(Deed.TAKE_APPEAL, held, by, Act.DECIDE_APPEALS)


def ask(*, appeal: Appeal, question: str, by: User) -> None:
    """Ask the person something; they answer on their page."""
    with transaction.atomic():
        held = _held(appeal, {State.TAKEN}, by)
        _require_handler(held, by)
        step(held, Did.ASKED, by, question)
        put_on_record(Deed.TAKE_APPEAL, held, by, Act.DECIDE_APPEALS, step="asked")


def propose(*, appeal: Appeal, outcome: str, withdraws: Sequence[int], answer: str, by: User) -> Appeal:
    """Decide a case: which contested evidence (ids) is withdrawn, and why, for the person to read.

    Where red is in it, this is a proposal that a second person confirms. Returns the case as it stands then.
    """
    with transaction.atomic():
        held = _held(appeal, {State.TAKEN}, by)
        _require_handler(held, by)
        held.contested = appeal_queries.contested_now(held)
        _check(Outcome(outcome), set(withdraws), {one.pk for one in appeal_queries.live(held.contested)})
        held.proposed_outcome, held.proposed_by = outcome, by.pk
        held.withdraws, held.answer_cipher = sorted(set(withdraws)), held.seal(answer)
        if appeal_queries.needs_two(held):
            held.state = State.PROPOSED
            step(held, Did.PROPOSED, by)
            put_on_record(Deed.PROPOSE_DECISION, held, by, Act.DECIDE_APPEALS, outcome=outcome)
        else:
            _decide(held, by)
        held.save()
    return held


def confirm(*, appeal: Appeal, by: User) -> Appeal:
    """Make a proposal the decision, as a second person; return the case as it stands then."""
    with transaction.atomic():
        held = _held(appeal, {State.PROPOSED}, by)
        _require_second(held, by)
        _decide(held, by)
        held.save()
    return held


def send_back(*, appeal: Appeal, note: str, by: User) -> None:
    """Not agree to a proposal, as a second person; whoever handles the case goes on with it."""
    with transaction.atomic():
        held = _held(appeal, {State.PROPOSED}, by)
        _require_second(held, by)
        _open_again(held, by, note)
        put_on_record(Deed.PROPOSE_DECISION, held, by, Act.DECIDE_APPEALS, step="sent_back")


def follow_hold(payload: Mapping[str, Any]) -> None:
    """Handle `hold.decided`: close the case whose decision was let in, or open it again."""
    decided = Hold.objects.get(pk=payload["hold"])
    for number in {item.facts["appeal"] for item in decided.items.filter(kind=Kind.APPEAL_DECISION)}:
        held = Appeal.objects.select_for_update(of=("self",)).filter(pk=number, state=State.HELD).first()
        if held is None:
            continue
        by = User.objects.get(pk=decided.decided_by or held.decided_by or 0)
        if decided.state == Hold.State.APPROVED:
            _close(held, by)
            held.save()
        elif decided.state == Hold.State.REFUSED:
            held.decided_by = None
            _open_again(held, by, decided.note)


def obstacle(appeal: Appeal, by: User) -> str:
    """Say why somebody may not handle a case, "" when they may."""
    if appeal.area_id not in scope.of(by).ids("area", Act.DECIDE_APPEALS):
        return _("This case belongs to another area.")
    if by.pk == appeal.made_by or (by.person_id is not None and by.person_id == appeal.person_id):
        return _("This is your own case: somebody else decides it.")
    if appeal.person.area_id not in scope.of(by).ids("area", Act.DECIDE_APPEALS):
        return _("The person has moved away since. Somebody who decides there, or for the whole district, does this.")
    at_issue = {*appeal.contested, *appeal_queries.contested_now(appeal)}
    if Evidence.objects.filter(pk__in=at_issue, author=by.pk).exists():
        return _("You recorded some of the evidence that is contested here: somebody else decides this case.")
    return ""


def _held(appeal: Appeal, before: set[Appeal.State], by: User) -> Appeal:
    held = hold(appeal, before)
    if problem := obstacle(held, by):
        raise AppealError(problem)
    return held


def _require_handler(appeal: Appeal, by: User) -> None:
    if appeal.handler != by.pk:
        raise AppealError(_("Somebody else has taken this case over."))


def _require_second(appeal: Appeal, by: User) -> None:
    if appeal.proposed_by == by.pk:
        raise AppealError(_("You proposed this decision: a second person checks it."))


def _check(outcome: Outcome, chosen: set[int], live: set[int]) -> None:
    """Raise AppealError when outcome and chosen evidence do not go together."""
    if not chosen <= live:
        raise AppealError(_("The evidence has changed since you opened the page. Look at it again, then decide."))
    if outcome == Outcome.REJECTED and chosen:
        raise AppealError(_("You chose “rejected” and also evidence to withdraw. Choose one of the two."))
    if outcome == Outcome.GRANTED and chosen != live:
        raise AppealError(_("Granted means that all contested evidence is withdrawn. Choose all, or grant it in part."))
    if outcome == Outcome.GRANTED_IN_PART and (not chosen or chosen == live):
        raise AppealError(_("Granted in part means that some of the evidence is withdrawn, and some stays."))


def _decide(appeal: Appeal, by: User) -> None:
    """Record the decision as evidence; the code follows in the same transaction."""
    outcome = appeal.proposed_outcome
    facts = {"appeal": appeal.pk, "outcome": outcome}
    # What somebody else has withdrawn since the proposal is not withdrawn twice.
    withdrawn = [one for one in appeal_queries.live(appeal.contested) if one.pk in appeal.withdraws]
    said = [Said(appeal.person, Kind.APPEAL_DECISION, facts, withdraws=one) for one in withdrawn]
    try:
        done = submit_evidence(
            said=said or [Said(appeal.person, Kind.APPEAL_DECISION, facts)],
            source=Evidence.Source.APPEAL,
            by=by,
            under=Act.DECIDE_APPEALS,
        )
    except NoRulesError:
        raise AppealError(_("No rules are in force at this moment, so no code can follow. Decide it later.")) from None
    except ValidationError as problem:
        raise AppealError(" ".join(problem.messages)) from None
    appeal.decided_by = by.pk
    put_on_record(Deed.DECIDE_APPEAL, appeal, by, Act.DECIDE_APPEALS, outcome=outcome, withdrawn=len(withdrawn))
    if done.hold is not None:
        appeal.state = State.HELD
        step(appeal, Did.HELD, by)
    else:
        _close(appeal, by)


def _close(appeal: Appeal, by: User) -> None:
    appeal.state, appeal.outcome, appeal.decided_at = State.DECIDED, appeal.proposed_outcome, clock.now()
    step(appeal, Did.DECIDED, by, appeal.read(bytes(appeal.answer_cipher)))


def _open_again(appeal: Appeal, by: User, note: str) -> None:
    appeal.state, appeal.handler = State.TAKEN, appeal.proposed_by
    appeal.proposed_outcome, appeal.proposed_by, appeal.withdraws, appeal.answer_cipher = "", None, [], b""
    appeal.save()
    step(appeal, Did.SENT_BACK, by, note)
