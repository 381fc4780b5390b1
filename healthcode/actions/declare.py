"""Declaring: answers are kept while they are given, then sent as evidence."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, crypto, documents, keyring, names, outbox
from citybrain.core.actions.persons import DocumentTakenError, add_document, change_address
from citybrain.core.models import Area, Organisation, Person, Phone, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode.actions.evidence import record_evidence
from healthcode.address_book import address_book
from healthcode.kinds import Kind
from healthcode.models import Declaration, DeclarationDraft, Evidence

DRAFT_KEEP = dt.timedelta(days=7)

# Answers as they were typed: page → field → values.
Typed = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Identity:
    """Who declares for the first time; of a resident identity card, the number says when they were born."""

    name: str
    document_type: str
    document_number: str
    born_on: dt.date | None = None

    def birth_date(self) -> dt.date | None:
        """Return the date in the number where there is one, else the one that was given."""
        if self.document_type == documents.Type.RESIDENT_ID:
            return documents.birth_date(documents.check(self.document_type, self.document_number))
        return self.born_on


@dataclass(frozen=True)
class Home:
    """A building of the register and the flat in words, or a community and the whole address in words."""

    community_id: int
    building: int | None
    words: str


@dataclass(frozen=True)
class Trip:
    """How somebody came into the city."""

    origin: str
    day: dt.date
    transport: str
    number: str = ""


@dataclass(frozen=True)
class Stay:
    """Days in a risk area, named by its code."""

    code: str
    first: dt.date
    last: dt.date


@dataclass(frozen=True)
class Contact:
    """A contact of a grade of kind exposure, and its last day."""

    grade: str
    day: dt.date


@dataclass(frozen=True)
class Answers:
    """Everything that is declared. No identity: the account is bound already; no home: it is still the same."""

    identity: Identity | None = None
    home: Home | None = None
    work: str = ""
    organisation: Organisation | None = None
    trip: Trip | None = None
    stays: Sequence[Stay] = ()
    contact: Contact | None = None
    celsius: float | None = None
    symptoms: Sequence[str] = ()
    explained: Sequence[str] = ()


class DraftChangedError(Exception):
    """The draft is not the one that was read: it was changed in another window."""


def typed_answers(draft: DeclarationDraft | None) -> Typed:
    """Return the answers of a draft; none when the key that sealed them has been retired meanwhile."""
    try:
        return draft.answers() if draft is not None else {}
    except keyring.KeyringError:
        return {}


def keep_answer(*, user: User, page: str, typed: Mapping[str, list[str]]) -> None:
    """Keep what was typed on a page, valid or not, in the user's draft."""
    with transaction.atomic():
        _take_turns(user)
        draft = DeclarationDraft.objects.filter(user=user).first()
        answers = {**typed_answers(draft), page: dict(typed)}
        (draft or DeclarationDraft(user=user)).keep(answers)


def send_draft(*, user: User, read_at: dt.datetime, answers: Answers) -> Declaration | None:
    """Declare the answers that were read from the draft of `read_at` (its `changed_at`), and delete it.

    Returns None when the draft is gone, because it has been sent: of two clicks one declares. Raises DraftChangedError
    when it is another by now, and whatever `declare` raises; then the draft stays.
    """
    with transaction.atomic():
        _take_turns(user)
        draft = DeclarationDraft.objects.select_for_update().filter(user=user).first()
        if draft is None:
            return None
        if draft.changed_at != read_at:
            raise DraftChangedError
        draft.delete()
        return declare(user=user, answers=answers)


def declare(*, user: User, answers: Answers) -> Declaration:
    """Turn a resident's answers into evidence; the first time, enter the person and bind the account.

    A document that somebody else holds is left out, and a grid worker is asked to compare it; so is an address that
    the register does not have. Raises ValidationError when an answer cannot be, NoRulesError without rules in force.
    """
    with transaction.atomic():
        _take_turns(user)
        user.refresh_from_db(fields=["person"])
        area, address, building = _settle(user, answers.home)
        person = user.person
        if person is None:
            person = _enter(user, answers.identity, area, address)
        else:
            change_address(person=person, area=area, address=address, by=user, under=Act.DECLARE)
        declaration = Declaration.objects.create(
            person=person,
            evidence=_record(person, answers, user),
            area=area,
            address=address,
            building=building,
            work=answers.work,
            organisation=answers.organisation,
            declared_at=clock.now(),
        )
        target = f"declaration:{declaration.pk}"
        audit.record(Deed.DECLARE, by=user, under=Act.DECLARE, subjects=[person.pk], target=target)
        if area.level != Area.Level.GRID:
            outbox.publish("declaration.address_not_found", declaration=declaration.pk)
    return declaration


def purge_drafts() -> int:
    """Delete drafts that nobody has touched for DRAFT_KEEP; return how many."""
    gone, _models = DeclarationDraft.objects.filter(changed_at__lt=clock.now() - DRAFT_KEEP).delete()
    return gone


def _take_turns(user: User) -> None:
    """Let one request at a time keep, send or declare for an account."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _settle(user: User, home: Home | None) -> tuple[Area, str, int | None]:
    """Return area, address and building of the home declared; without one, those on record."""
    if home is None:
        return _on_record(user.person)
    communities = Area.objects.filter(level=Area.Level.COMMUNITY, is_smoke=user.is_smoke)
    community = communities.filter(pk=home.community_id).first()
    if community is None:
        raise ValidationError(_("This is not a community of this district. Choose your community again."))
    if home.building is None:
        return community, home.words, None
    place = address_book().building(home.building)
    if place is None or place.community_id != community.pk:
        raise ValidationError(_("The register has no such building in this community. Choose your building again."))
    return Area.objects.get(pk=place.area_id), place.text + home.words, home.building


def _on_record(person: Person | None) -> tuple[Area, str, int | None]:
    if person is None or not person.address:
        raise ValidationError(_("Say where you live."))
    last = Declaration.objects.filter(person=person, address=person.address).order_by("-declared_at").first()
    return person.area, person.address, last.building if last else None


def _enter(user: User, identity: Identity | None, area: Area, address: str) -> Person:
    """Enter the person and bind the account."""
    if identity is None:
        raise ValidationError(_("Say who you are."))
    person = Person.objects.create(
        name=identity.name,
        name_sort=names.sort_key(identity.name),
        born_on=identity.birth_date(),
        area=area,
        address=address,
    )
    if user.phone_cipher is not None:
        Phone.of(person, crypto.unseal("phone", bytes(user.phone_cipher))).save()
    user.person = person
    user.save(update_fields=["person"])
    try:
        add_document(person=person, kind=identity.document_type, number=identity.document_number, by=user)
    except DocumentTakenError:
        outbox.publish("declaration.document_taken", person=person.pk)
    return person


def _record(person: Person, answers: Answers, by: User) -> Evidence:
    """Record the evidence, what makes the code worse first, and return that of the declaration itself."""

    def tell(kind: Kind, facts: Mapping[str, Any], day: dt.date | None = None) -> Evidence:
        """Record a fact that was true until the end of a day, or now."""
        now = clock.now()
        end = dt.datetime.combine(day, dt.time.max, clock.SHANGHAI) if day else now
        source = Evidence.Source.SELF
        return record_evidence(person=person, kind=kind, facts=facts, source=source, by=by, true_at=min(end, now))

    for stay in answers.stays:
        facts = {"code": stay.code, "from": stay.first.isoformat(), "to": stay.last.isoformat()}
        tell(Kind.RISK_AREA_STAY, facts, stay.last)
    if contact := answers.contact:
        tell(Kind.EXPOSURE, {"grade": contact.grade}, contact.day)
    if trip := answers.trip:
        number = {"number": trip.number} if trip.number else {}
        facts = {"from": trip.origin, "day": trip.day.isoformat(), "transport": trip.transport, **number}
        tell(Kind.TRIP, facts, trip.day)
    celsius = {"celsius": answers.celsius} if answers.celsius is not None else {}
    facts_now = {"symptoms": list(answers.symptoms), "explained": list(answers.explained), "pledged": True, **celsius}
    return tell(Kind.DECLARATION, facts_now)
