"""Asking that one's data is erased, and answering it; the retention job erases (citybrain.core.retention)."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, outbox, workdays
from citybrain.core.models import ErasureRequest, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.purposes import Purpose
from citybrain.core.roles import Act


class ErasureError(Exception):
    """What is asked is not possible as things stand; its text says why."""


def ask(*, person: Person, by: User) -> ErasureRequest:
    """Ask that everything about a person is erased; whoever asks twice gets the request that stands."""
    now = clock.now()
    due = workdays.deadline(now, settings.ERASURE_WORKING_DAYS, workdays.Hours(*settings.WORKING_HOURS)).at
    try:
        with transaction.atomic():
            request = ErasureRequest.objects.create(
                person=person, area_id=person.area_id, asked_by=by.pk, asked_at=now, due_at=due
            )
            outbox.publish("erasure.asked", request=request.pk)
            target = f"erasure:{request.pk}"
            audit.record(Deed.ASK_ERASURE, by=by, under=Act.SEE_OWN_DATA, subjects=[person.pk], target=target)
    except IntegrityError:
        return standing(person) or ErasureRequest.objects.filter(person=person).latest("pk")
    return request


def standing(person: Person) -> ErasureRequest | None:
    """Return the request of a person that is not answered yet, or is to be carried out."""
    rows = ErasureRequest.objects.filter(person=person, taken_back_at=None, erased_at=None)
    return rows.exclude(outcome=ErasureRequest.Outcome.KEEP).first()


def take_back(*, request: ErasureRequest, by: User) -> None:
    """Take a request back, as long as nothing is erased."""
    with transaction.atomic():
        held = ErasureRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
        if held.taken_back_at or held.cleared_at or held.outcome == ErasureRequest.Outcome.KEEP:
            raise ErasureError(_("This request can no longer be taken back."))
        held.taken_back_at = clock.now()
        held.save(update_fields=["taken_back_at"])
        subjects, detail = [held.person_id] if held.person_id else [], {"step": "taken_back"}
        target = f"erasure:{held.pk}"
        audit.record(Deed.ASK_ERASURE, by=by, under=Act.SEE_OWN_DATA, subjects=subjects, target=target, detail=detail)


def answer(*, request: ErasureRequest, outcome: str, words: str, by: User) -> None:
    """Answer a request as the law has it, with words for the person to read."""
    with transaction.atomic():
        held = ErasureRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
        if held.answered_at or held.taken_back_at:
            raise ErasureError(_("Somebody has answered this request already, or it was taken back."))
        if held.person is not None and by.person_id == held.person_id:
            raise ErasureError(_("This is your own request: somebody else answers it."))
        held.outcome, held.answer_cipher = ErasureRequest.Outcome(outcome), held.seal(words)
        held.answered_by, held.answered_at = by.pk, clock.now()
        held.save()
        audit.record(
            Deed.ANSWER_ERASURE,
            by=by,
            under=Act.DECIDE_APPEALS,
            where=("area", [held.area_id]),
            purpose=Purpose.COMPLAINT,
            subjects=[held.person_id] if held.person_id else [],
            target=f"erasure:{held.pk}",
            detail={"outcome": outcome},
        )


def delete_account(*, user: User) -> None:
    """Delete at once an account by phone that no person is linked to, with its number and drafts."""
    try:
        with transaction.atomic():
            held = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
            if held.person_id is not None or not held.is_resident:
                raise ErasureError(_("A person belongs to this account: ask for the erasure of their data."))
            audit.record(Deed.ERASE, by=held, under=Act.SEE_OWN_DATA, target=f"user:{held.pk}")
            held.delete()
    except ProtectedError:
        raise ErasureError(_("You act for somebody by this account. End that first, then delete it.")) from None
