"""Declaring: what is said of a person becomes evidence; by themselves, by their family, or taken down by staff."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, crypto, names, outbox, scope
from citybrain.core.actions.persons import DocumentTakenError, add_document, change_address
from citybrain.core.models import Area, Person, Phone, User
from citybrain.core.models.audit import Deed
from citybrain.core.purposes import Purpose
from healthcode import permissions
from healthcode.actions.evidence import Said, record_all
from healthcode.actions.submit import submit_evidence
from healthcode.address_book import address_book
from healthcode.answers import Answers, Home, Identity, LivesWith, Stay, Trip
from healthcode.family_queries import guardianship_for
from healthcode.kinds import Kind
from healthcode.models import Declaration, Evidence, Hold
from healthcode.whom import Case, Whom, own

# What whoever declares from outside this app needs.
__all__ = [
    "Answers",
    "Declared",
    "Home",
    "Identity",
    "Stay",
    "Trip",
    "area_of",
    "declare",
    "declare_for",
    "enter",
    "enter_as_said",
    "take_turns",
]


@dataclass(frozen=True)
class Declared:
    """What became of it: a declaration; or a hold, and then a second person decides before it is evidence."""

    person: Person
    declaration: Declaration | None
    hold: Hold | None = None


@dataclass(frozen=True)
class _Place:
    """Where somebody lives: area, address in words, and the building's key in the register."""

    area: Area
    address: str
    building: int | None


def declare(*, user: User, answers: Answers) -> Declaration:
    """Turn a resident's answers into evidence; the first time, enter the person and bind the account.

    A document that somebody else holds is left out, and a grid worker is asked to compare it; so is an address that
    the register does not have. Raises ValidationError when an answer cannot be, NoRulesError without rules in force.
    """
    with transaction.atomic():
        take_turns(user)
        user.refresh_from_db(fields=["person"])
        place = _settle(user, user.person, answers.home)
        if user.person is None:
            _bind(user, enter(answers.identity, place.area, place.address, by=user, is_own=True))
        declared = _declare(own(user), user.person, place, answers)
    if declared.declaration is None:
        raise TypeError  # what somebody says of themselves is never held
    return declared.declaration


def declare_for(*, whom: Whom, answers: Answers) -> Declared:
    """Turn what is said of a member of the family, or taken down by staff, into evidence; enter whoever is new.

    Raises RefusedLookError when the guardianship has ended meanwhile, else what `declare` does.
    """
    with transaction.atomic():
        take_turns(whom.user)
        if whom.is_family and whom.person:
            # Read again under the lock: it may have ended while the questions were answered.
            guardianship_for(whom.user, whom.person.ref, whom.act, Deed.DECLARE)
        place = _settle(whom.user, whom.person, answers.home)
        if whom.is_present:
            _require_area(whom, place.area)
        person = whom.person or enter(answers.identity, place.area, place.address, by=whom.user)
        return _declare(whom, person, place, answers)


def enter_as_said(*, user: User, answers: Answers, at: dt.datetime) -> Person:
    """Enter somebody whom an account may act for now that it is checked, with what was said of them at an instant."""
    place = _settle(user, None, answers.home)
    person = enter(answers.identity, place.area, place.address, by=user)
    _declare(Whom(Case.MEMBER, user, person), person, place, answers, at=at)
    return person


def area_of(*, user: User, home: Home | LivesWith | None) -> Area:
    """Return the area of a home that was described; raise ValidationError when it cannot be."""
    return _settle(user, None, home).area


def enter(identity: Identity | None, area: Area, address: str, *, by: User, is_own: bool = False) -> Person:
    """Enter a person. A document that somebody else holds: of oneself it becomes a task, of another it is refused."""
    if identity is None:
        raise ValidationError(_("Say who it is."))
    person = Person.objects.create(
        name=identity.name,
        name_sort=names.sort_key(identity.name),
        born_on=identity.birth_date(),
        area=area,
        address=address,
    )
    if not identity.document_number:
        return person
    try:
        add_document(person=person, kind=identity.document_type, number=identity.document_number, by=by)
    except DocumentTakenError as problem:
        if not is_own:
            raise ValidationError(str(problem)) from None
        outbox.publish("declaration.document_taken", person=person.pk)
    return person


def take_turns(user: User) -> None:
    """Let one request at a time keep, send or declare for an account."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _require_area(whom: Whom, area: Area) -> None:
    """Refuse what a grid worker takes down of somebody who lives elsewhere; at a gate or clinic they stand there."""
    user, act = whom.user, whom.act
    if area.pk not in scope.of(user).ids("area", act) and not permissions.meets_people(user, act):
        raise ValidationError(_("This address is not in your area: whoever works there takes it down, or a gate."))


def _bind(user: User, person: Person) -> None:
    """Link the account to its person. Only one's own phone is put on record, never that of whoever speaks for one."""
    if user.phone_cipher is not None:
        Phone.of(person, crypto.unseal("phone", bytes(user.phone_cipher))).save()
    user.person = person
    user.save(update_fields=["person"])


def _declare(
    whom: Whom, person: Person | None, place: _Place, answers: Answers, at: dt.datetime | None = None
) -> Declared:
    if person is None:
        raise TypeError
    user, identity = whom.user, answers.identity
    before = person.area, person.address
    change_address(person=person, area=place.area, address=place.address, by=user, under=whom.act)
    said = _said(person, answers, at)
    hold: Hold | None = None
    if whom.is_present:
        # Through the door of what staff say of others, so that nobody paints a crowd by taking down its declarations.
        # What is held is no evidence yet, and a declaration is one with its evidence: then there is none of these
        # either, and nobody has moved. It is rare: an honest desk stays far below the limits.
        submitted = submit_evidence(said=said, source=whom.source(person), by=user, under=whom.act)
        evidence, hold = submitted.evidence, submitted.hold
        if hold:
            change_address(person=person, area=before[0], address=before[1], by=user, under=whom.act)
    else:
        evidence, _changes = record_all(said=said, source=whom.source(person), by=user)
    declaration = None if hold else _keep(person, place, answers, evidence[-1])
    audit.record(
        Deed.DECLARE,
        by=user,
        under=whom.act,
        where=("area", [place.area.pk]) if whom.is_present else ("area", ()),
        purpose=Purpose.HELP if whom.is_present else "",
        subjects=[person.pk],
        target=f"declaration:{declaration.pk}" if declaration else f"hold:{hold.pk if hold else ''}",
        detail={"no_document": identity.no_document} if identity and identity.no_document else {},
    )
    if declaration and place.area.level != Area.Level.GRID:
        outbox.publish("declaration.address_not_found", declaration=declaration.pk)
    return Declared(person, declaration, hold)


def _keep(person: Person, place: _Place, answers: Answers, evidence: Evidence) -> Declaration:
    last = Declaration.objects.filter(person=person).order_by("-declared_at", "-id").first()
    household = answers.household
    identity = answers.identity
    return Declaration.objects.create(
        person=person,
        evidence=evidence,
        area=place.area,
        address=place.address,
        building=place.building,
        work=answers.work,
        organisation=answers.organisation,
        household_code=household.code if household else (last.household_code if last else ""),
        household_place=household.place if household else (last.household_place if last else ""),
        no_document=identity.no_document if identity else (last.no_document if last else ""),
        age_guessed=identity.age_guessed if identity else (last.age_guessed if last else None),
        declared_at=clock.now(),
    )


def _settle(user: User, person: Person | None, home: Home | LivesWith | None) -> _Place:
    """Return where somebody lives by the home declared; without one, by what is on record."""
    if home is None:
        return _on_record(person)
    if isinstance(home, LivesWith):
        return _on_record(Person.objects.select_related("area").get(pk=home.person_id))
    communities = Area.objects.filter(level=Area.Level.COMMUNITY, is_smoke=user.is_smoke)
    community = communities.filter(pk=home.community_id).first()
    if community is None:
        raise ValidationError(_("This is not a community of this district. Choose your community again."))
    if home.building is None:
        return _Place(community, home.words, None)
    place = address_book().building(home.building)
    if place is None or place.community_id != community.pk:
        raise ValidationError(_("The register has no such building in this community. Choose your building again."))
    return _Place(Area.objects.get(pk=place.area_id), place.text + home.words, home.building)


def _on_record(person: Person | None) -> _Place:
    if person is None or not person.address:
        raise ValidationError(_("Say where you live."))
    last = Declaration.objects.filter(person=person, address=person.address).order_by("-declared_at").first()
    return _Place(person.area, person.address, last.building if last else None)


def _said(person: Person, answers: Answers, at: dt.datetime | None) -> Sequence[Said]:
    """Return the facts in the order of the questions; the declaration itself comes last."""
    now = at or clock.now()

    def until(day: dt.date) -> dt.datetime:
        """Return the end of a day, or now; what lies ahead is true as an intention, now."""
        return min(dt.datetime.combine(day, dt.time.max, clock.SHANGHAI), now)

    said = []
    for stay in answers.stays:
        facts = {"code": stay.code, "from": stay.first.isoformat(), "to": stay.last.isoformat()}
        said.append(Said(person, Kind.RISK_AREA_STAY, facts, until(stay.last)))
    if contact := answers.contact:
        said.append(Said(person, Kind.EXPOSURE, {"grade": contact.grade}, until(contact.day)))
    if trip := answers.trip:
        number = {"number": trip.number} if trip.number else {}
        facts = {"from": trip.origin, "day": trip.day.isoformat(), "transport": trip.transport, **number}
        said.append(Said(person, Kind.TRIP, facts, until(trip.day)))
    celsius = {"celsius": answers.celsius} if answers.celsius is not None else {}
    symptoms = {"symptoms": list(answers.symptoms), "explained": list(answers.explained)}
    return [*said, Said(person, Kind.DECLARATION, {**symptoms, "pledged": True, **celsius}, at)]
