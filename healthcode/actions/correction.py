"""Correcting a person's data: somebody asks, the community's staff compare and decide; both values stay on record."""

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, names, photos
from citybrain.core.actions.persons import DocumentTakenError, add_document
from citybrain.core.models import Person, Phone, User
from citybrain.core.models.audit import Deed
from citybrain.core.purposes import Purpose
from citybrain.core.roles import Act
from healthcode import correction_values
from healthcode.actions import paper
from healthcode.actions.consent import put_on_record
from healthcode.actions.evidence import Said, record_all
from healthcode.actions.submit import unit_of
from healthcode.kinds import Kind
from healthcode.models import AppKey, Correction, Evidence, PaperCode
from healthcode.permissions import source_of

Field, State, Shown = Correction.Field, Correction.State, Correction.Shown


class CorrectionError(Exception):
    """A step that is not possible as things stand; its text says why, to whoever tried."""


def ask_correction(*, person: Person, field: str, new: Sequence[str], jpeg: bytes | None, by: User) -> Correction:
    """Ask that one's own data are corrected.

    Raises ValidationError when the value cannot be, CorrectionError when it is on record already or was asked for.
    """
    with transaction.atomic():
        correction = _open(person, field, new)
        correction.made_by = by.pk
        if jpeg is not None:
            correction.picture = photos.keep(jpeg=jpeg, area=person.area, by=by)
        correction.save()
        _record(Deed.ASK_CORRECTION, correction, by, Act.SEE_OWN_DATA)
    return correction


def ask_by_program(*, person: Person, field: str, new: Sequence[str], key: AppKey) -> Correction:
    """Ask for a correction at a program's terminal, in the transaction that spends the person's consent.

    Without a picture: the document is shown at the desk. Raises what `ask_correction` does.
    """
    correction = _open(person, field, new)
    correction.key = key
    correction.save()
    put_on_record(Deed.ASK_CORRECTION, key, [person.pk], purpose=Purpose.CORRECTION, field=field)
    return correction


def take_back(*, correction: Correction, by: User) -> None:
    """End a request because the person no longer wants it."""
    with transaction.atomic():
        held = _hold(correction)
        held.state = State.TAKEN_BACK
        held.save(update_fields=["state"])
        _record(Deed.ASK_CORRECTION, held, by, Act.SEE_OWN_DATA, taken_back=True)


def approve(*, correction: Correction, compared: str, answer: str = "", by: User) -> Correction:
    """Correct the data as asked; evidence says that it was. Raises CorrectionError saying what hinders."""
    with transaction.atomic():
        held = _hold(correction)
        person, new = held.person, held.new()
        _forbid_own(held, by)
        if compared == Shown.PICTURE and held.picture_id is None:
            raise CorrectionError(_("There is no picture with this request. Ask to be shown the document itself."))
        if correction_values.on_record(person, held.field, new) != held.old():
            message = _("The data have changed since this was asked. Refuse it; the person can ask again.")
            raise CorrectionError(message)
        _apply(held, new, compared, by)
        said = Said(person, Kind.CORRECTION, {"field": held.field, "request": held.pk})
        unit = unit_of(by, Act.CORRECT_DATA, [person.area_id])
        source: Evidence.Source = source_of(by, Act.CORRECT_DATA, person)
        (held.evidence,), _changes = record_all(said=[said], source=source, by=by, unit=unit)
        held.compared = compared
        return _close(held, State.APPROVED, answer, by)


def refuse(*, correction: Correction, answer: str, by: User) -> Correction:
    """Leave the data as they are, with a reason that the person reads. Raises CorrectionError saying what hinders."""
    with transaction.atomic():
        held = _hold(correction)
        _forbid_own(held, by)
        return _close(held, State.REFUSED, answer, by)


def obstacle(correction: Correction, user: User) -> str:
    """Say why somebody may not decide a request, "" when they may."""
    if correction.made_by == user.pk or (user.person_id and user.person_id == correction.person_id):
        return _("This is about yourself: somebody else decides.")
    return ""


def _open(person: Person, field: str, new: Sequence[str]) -> Correction:
    """Return an unsaved request; the person is locked, so that two of the same find each other."""
    value = correction_values.check(field, new)
    held = Person.objects.select_for_update(no_key=True, of=("self",)).select_related("area").get(pk=person.pk)
    if Correction.objects.filter(person=held, field=field, state=State.OPEN).exists():
        raise CorrectionError(_("You have asked for this already. Wait for the answer, or take the request back."))
    old = correction_values.on_record(held, field, value)
    if old == value:
        raise CorrectionError(_("This is what is on record already."))
    correction = Correction(person=held, field=field, made_at=clock.now())
    correction.old_cipher, correction.new_cipher = correction.seal(old), correction.seal(value)
    return correction


def _hold(correction: Correction) -> Correction:
    """Lock person and request until the transaction ends; raise CorrectionError unless it still waits."""
    person = Person.objects.select_for_update(no_key=True, of=("self",)).select_related("area")
    held = Correction.objects.select_for_update(of=("self",)).get(pk=correction.pk)
    held.person = person.get(pk=held.person_id)
    if held.state != State.OPEN:
        message = _("This was not done: the request is now “%(state)s”. Somebody was faster, or it was sent twice.")
        raise CorrectionError(message % {"state": held.get_state_display()})
    return held


def _forbid_own(correction: Correction, by: User) -> None:
    if why := obstacle(correction, by):
        raise CorrectionError(why)


def _apply(correction: Correction, new: list[str], compared: str, by: User) -> None:
    person = correction.person
    if correction.field == Field.DOCUMENT:
        _add_document(person, new, is_seen=compared == Shown.DOCUMENT, by=by)
    elif correction.field == Field.PHONE:
        _change_phone(person, correction.old(), new)
    elif correction.field == Field.NAME:
        person.name, person.name_sort = new[0], names.sort_key(new[0])
    elif correction.field == Field.SEX:
        person.sex = new[0]
    else:
        person.born_on = dt.date.fromisoformat(new[0])
    person.save(update_fields=["name", "name_sort", "sex", "born_on"])
    if correction.field in {Field.NAME, Field.DOCUMENT}:
        because = PaperCode.Because.CORRECTED
        paper.void(person=person, because=because, by=by, under=Act.CORRECT_DATA, purpose=Purpose.CORRECTION)


def _add_document(person: Person, new: list[str], *, is_seen: bool, by: User) -> None:
    """Put the right document beside the old one, which stays: nobody else may claim its number unseen."""
    try:
        document = add_document(person=person, kind=new[0], number=new[1], by=by)
    except DocumentTakenError:
        message = _(
            "Somebody else is on record with this number, so nothing was changed. Ask to be shown the document; then"
            " tell your street, who see both."
        )
        raise CorrectionError(message) from None
    if is_seen:
        document.verified_at = clock.now()
        document.save(update_fields=["verified_at"])


def _change_phone(person: Person, old: list[str], new: list[str]) -> None:
    """Replace the number by which the person is called; the one that they sign in with is the account's own."""
    numbers = {phone.reveal(): phone for phone in person.phones.all()}
    if new[0] not in numbers:
        Phone.of(person, new[0]).save()
    if old and old[0] in numbers:
        numbers[old[0]].delete()


def _close(correction: Correction, state: Correction.State, answer: str, by: User) -> Correction:
    correction.state, correction.decided_by, correction.decided_at = state, by.pk, clock.now()
    if answer:
        correction.answer_cipher = correction.seal([answer])
    correction.save()
    _record(Deed.DECIDE_CORRECTION, correction, by, Act.CORRECT_DATA, outcome=state.value)
    return correction


def _record(deed: Deed, correction: Correction, by: User, act: Act, **detail: object) -> None:
    person = correction.person
    audit.record(
        deed,
        by=by,
        under=act,
        where=("area", [person.area_id]),
        purpose=Purpose.CORRECTION if act == Act.CORRECT_DATA else "",
        subjects=[person.pk],
        target=f"correction:{correction.pk}",
        detail={"field": correction.field, **detail},
    )
