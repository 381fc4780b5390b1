"""Acting for others: asked for with a proof, decided by the grid worker, ended by either side.

Before the check nothing is written about the person and nothing is looked up: the answer to whoever asks is the same
whether the district knows the number or not, and nobody can declare for a stranger, or invent a child (ADR 0020).
"""

import datetime as dt

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, crypto, documents, outbox, photos, scope
from citybrain.core.models import Area, Document, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import answers as told
from healthcode.actions import declare
from healthcode.answers import Answers
from healthcode.family_queries import taking_room
from healthcode.models import Guardianship

State, Relation = Guardianship.State, Guardianship.Relation
DEEDS = {State.VERIFIED: Deed.VERIFY_FAMILY, State.REFUSED: Deed.VERIFY_FAMILY, State.ENDED: Deed.END_FAMILY}


def ask(*, user: User, relation: str, jpeg: bytes, answers: Answers) -> Guardianship:
    """Ask to act for somebody, with a picture that shows the relation; what was said of them waits, sealed.

    Raises ValidationError when the account has as many as it may, or has not said yet who it is itself.
    """
    with transaction.atomic():
        declare.take_turns(user)
        _require_room(user)
        identity = answers.identity
        if identity is None:
            raise ValidationError(_("Say who it is."))
        area = declare.area_of(user=user, home=answers.home)
        asked = Guardianship(guardian=user, relation=Relation(relation), area=area, named=identity.name)
        asked.keep_said(told.to_json(answers))
        return _ask(asked, jpeg)


def ask_anew(*, guardianship: Guardianship, jpeg: bytes, by: User) -> Guardianship:
    """Ask for a new check of somebody who has grown up, with a new picture; until then the account may do nothing."""
    with transaction.atomic():
        declare.take_turns(by)
        held = _hold(guardianship)
        if held.guardian_id != by.pk or not held.has_run_out or held.person is None:
            raise ValidationError(_("This has been changed meanwhile. Look at it again."))
        _close(held, State.ENDED, by)
        area, named = held.person.area, held.named
        anew = Guardianship(guardian=by, person=held.person, relation=held.relation, area=area, named=named)
        return _ask(anew, jpeg)


def _ask(asked: Guardianship, jpeg: bytes) -> Guardianship:
    asked.asked_at = clock.now()
    asked.proof = photos.keep(jpeg=jpeg, area=asked.area, by=asked.guardian)
    asked.save()
    target = f"guardianship:{asked.pk}"
    subjects = [asked.person_id] if asked.person_id is not None else []
    audit.record(Deed.ADD_FAMILY, by=asked.guardian, under=Act.ACT_FOR_FAMILY, subjects=subjects, target=target)
    outbox.publish("family.asked", guardianship=asked.pk)
    return asked


def _require_room(user: User) -> None:
    if user.person is None:
        raise ValidationError(_("Make your own health declaration first, so that it is known who acts."))
    if taking_room(user).count() >= settings.FAMILY_MOST:
        raise ValidationError(
            _("You act for %(most)s people already. End one of these first.") % {"most": settings.FAMILY_MOST}
        )


def on_record(guardianship: Guardianship) -> Person | None:
    """Return whom it is about, where the district knows them: for the check, never for whoever asked."""
    return guardianship.person or _holder(guardianship)


def send_to(*, guardianship: Guardianship, area: Area) -> None:
    """Let the workers of a grid check it."""
    Guardianship.objects.filter(pk=guardianship.pk, state=State.WAITING).update(area=area)


def accept(*, guardianship: Guardianship, note: str, by: User) -> Person | None:
    """Find the relation shown: the account may act from now on; somebody new is entered with what was said of them.

    Returns None when the number turns out to be on record for somebody who lives elsewhere: then the workers there
    decide. Raises ValidationError when it cannot be, NoRulesError without rules in force.
    """
    with transaction.atomic():
        held = _to_decide(guardianship, by)
        person = on_record(held)
        if person is not None and person.area_id not in scope.of(by).ids("area", Act.VERIFY_FAMILY):
            outbox.publish("family.asked", guardianship=held.pk)
            return None
        if person is None:
            said = told.from_json(held.said())
            person = declare.enter_as_said(user=held.guardian, answers=said, at=held.asked_at)
        elif person.pk == held.guardian.person_id:
            raise ValidationError(_("This is the number of whoever asks: nobody acts for themself. Refuse it."))
        elif taking_room(held.guardian).filter(person=person).exclude(pk=held.pk).exists():
            raise ValidationError(_("The account acts for this person already. Refuse this one."))
        held.person, held.until = person, _until(held.relation, person)
        _decide(held, State.VERIFIED, note, by)
    return person


def refuse(*, guardianship: Guardianship, note: str, by: User) -> None:
    """Find the relation not shown, and say why; what was said of the person is forgotten."""
    with transaction.atomic():
        _decide(_to_decide(guardianship, by), State.REFUSED, note, by)


def end(*, guardianship: Guardianship, by: User) -> None:
    """End it, as the guardian, or as the person whom somebody acts for."""
    with transaction.atomic():
        held = _hold(guardianship)
        is_theirs = held.guardian_id == by.pk or (held.person_id is not None and held.person_id == by.person_id)
        if not is_theirs or held.state not in {State.WAITING, State.VERIFIED}:
            raise ValidationError(_("This has been changed meanwhile. Look at it again."))
        _close(held, State.ENDED, by)


def _hold(guardianship: Guardianship) -> Guardianship:
    rows = Guardianship.objects.select_for_update(of=("self",)).select_related("guardian", "person__area", "area")
    return rows.get(pk=guardianship.pk)


def _to_decide(guardianship: Guardianship, by: User) -> Guardianship:
    held = _hold(guardianship)
    if held.state != State.WAITING:
        raise ValidationError(_("Somebody has decided on this already."))
    if held.guardian_id == by.pk or (by.person_id is not None and by.person_id == held.guardian.person_id):
        raise ValidationError(_("You ask for this yourself: somebody else decides on it."))
    return held


def _decide(held: Guardianship, state: str, note: str, by: User) -> None:
    held.state, held.note, held.decided_at, held.decided_by = state, note, clock.now(), by.pk
    held.said_cipher = b""
    held.save()
    _record(held, by, Act.VERIFY_FAMILY)


def _close(held: Guardianship, state: str, by: User) -> None:
    held.state, held.ended_at, held.ended_by = state, clock.now(), by.pk
    held.said_cipher = b""
    held.save()
    _record(held, by, Act.ACT_FOR_FAMILY)


def _record(held: Guardianship, by: User, under: Act) -> None:
    audit.record(
        DEEDS[State(held.state)],
        by=by,
        under=under,
        where=("area", [held.area_id]),
        subjects=[one for one in (held.person_id, held.guardian.person_id) if one is not None],
        target=f"guardianship:{held.pk}",
        detail={"state": held.state},
    )


def _holder(held: Guardianship) -> Person | None:
    """Return who holds the document that the guardian named, None when nobody does."""
    identity = told.from_json(said).identity if (said := held.said()) else None
    if identity is None or not identity.document_number:
        return None
    tags = crypto.blind_indexes(identity.document_type, documents.normalise(identity.document_number))
    found = Document.objects.filter(number_index__in=tags, person__area__is_smoke=held.guardian.is_smoke)
    document = found.select_related("person__area").first()
    return document.person if document else None


def _until(relation: str, person: Person) -> dt.date | None:
    """Return the day on which a child is grown up and it must be confirmed anew; None for everybody else."""
    if relation != Relation.CHILD or person.born_on is None:
        return None
    grown_up = settings.FAMILY_CHILD_UNTIL
    if person.age is None or person.age >= grown_up:
        return None
    try:
        return person.born_on.replace(year=person.born_on.year + grown_up)
    except ValueError:
        return dt.date(person.born_on.year + grown_up, 3, 1)
