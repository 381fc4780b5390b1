"""Reads of the health code for pages and for the apps above."""

import datetime as dt
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from citybrain.core import clock, crypto, documents, names
from citybrain.core.models import Person, User
from healthcode import replay
from healthcode.models import CodeChange, CodeState, DeclarationDraft, Reason, State


@dataclass(frozen=True)
class Code:
    """What a person's code says now."""

    state: State
    # None while nothing is known.
    since: dt.datetime | None
    valid_until: dt.datetime | None

    @property
    def last_day(self) -> dt.date | None:
        """The last day on which it holds by itself."""
        if self.valid_until is None:
            return None
        return (self.valid_until - dt.timedelta(microseconds=1)).astimezone(clock.SHANGHAI).date()


def state_of(person: Person) -> Code:
    """Return what a person's code says now."""
    return code_of(CodeState.objects.filter(person=person).first())


def code_of(stored: CodeState | None) -> Code:
    """Return what the last verdict says now: expired by itself past its time, not known where there is none."""
    if stored is None:
        return Code(State.NOT_KNOWN, None, None)
    state = stored.at(clock.now())
    return Code(state, stored.since if state == stored.state else stored.valid_until, stored.valid_until)


def has_draft(user: User) -> bool:
    """Return whether an account has begun a declaration of its own and not sent it."""
    return DeclarationDraft.objects.filter(user=user, whom="").exists()


def changes_of(person: Person) -> QuerySet[CodeChange]:
    """Return every change of the code; pages run along ("-at", "-id")."""
    return CodeChange.objects.filter(person=person)


def reasons_of(person: Person) -> QuerySet[Reason]:
    """Return the open reasons as they were last evaluated, red before yellow, then by their beginning."""
    return Reason.objects.filter(person=person, closed_at=None).order_by("colour", "since", "rule")


def why_at(person: Person, at: dt.datetime) -> replay.Verdict:
    """Return state and reasons at an instant, from the evidence known and the rules in force at that instant.

    Raises NoRulesError when no rules were in force then. Holds within the time that evidence is retained.
    """
    return replay.judge([person.pk], at=at)[person.pk]


# A gate asks this for everyone who passes: one statement, index look-ups only. EXISTS in the place of LATERAL could be
# planned as a hash of all open reasons.
_HOLDER = """
SELECT p.id, p.name, s.state, s.valid_until, r.id IS NOT NULL, {is_revoked}, p.area_id, a.level, a.is_smoke
  FROM {found} JOIN core_person AS p ON p.id = found.person_id JOIN core_area AS a ON a.id = p.area_id
  LEFT JOIN healthcode_codestate AS s ON s.person_id = p.id
  LEFT JOIN LATERAL (SELECT id FROM healthcode_reason WHERE person_id = p.id AND closed_at IS NULL LIMIT 1) AS r ON true
"""
_BY_NUMBER = _HOLDER.format(found="healthcode_codenumber AS found", is_revoked="found.revoked_at IS NOT NULL") + (
    " WHERE found.number = %s"
)
_BY_DOCUMENT = _HOLDER.format(found="core_document AS found", is_revoked="false") + (
    " WHERE found.number_index = ANY(%s)"
)
_BY_PAPER = _HOLDER.format(found="healthcode_papercode AS found", is_revoked="found.voided_at IS NOT NULL") + (
    " WHERE found.serial = %s"
)


@dataclass(frozen=True)
class Holder:
    """Whose code or document somebody shows, as far as a gate may know."""

    person_id: int
    masked_name: str
    state: State
    has_open_reason: bool
    # The code shown was replaced by its holder.
    is_revoked: bool
    # Of the present address.
    area_id: int
    area_level: str
    # Lives in the smoke tree of areas, for test walks.
    is_smoke: bool


def holder_by_number(number: int) -> Holder | None:
    """Return whose code a token's number belongs to, one that was replaced too; None when it is nobody's."""
    return _holder(_BY_NUMBER, number)


def holder_by_document(kind: str, number: str) -> Holder | None:
    """Return who holds a document of a type (documents.Type); None when it is nobody's."""
    return _holder(_BY_DOCUMENT, crypto.blind_indexes(kind, documents.normalise(number)))


def holder_by_paper(serial: int) -> Holder | None:
    """Return whose paper code has this serial number, one that was voided too; None when it is nobody's."""
    return _holder(_BY_PAPER, serial)


def _holder(statement: str, value: int | list[bytes]) -> Holder | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [value])
        row = cursor.fetchone()
    if row is None:
        return None
    person_id, name, state, valid_until, *rest = row
    says = State.NOT_KNOWN if state is None else CodeState(state=state, valid_until=valid_until).at(clock.now())
    return Holder(person_id, names.mask(name), says, *rest)
