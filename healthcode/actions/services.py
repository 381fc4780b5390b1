"""The services for programs: each does one thing for one person who agreed, or reads one code that was shown."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.core import signing
from django.db import connection, transaction

from citybrain.core import clock
from citybrain.core.models import Membership, Person
from citybrain.core.models.audit import Deed
from citybrain.core.purposes import Purpose
from healthcode import queries, tokens
from healthcode.actions import code as codes
from healthcode.actions.consent import find, put_on_record, spend
from healthcode.actions.evidence import Said, record_all
from healthcode.kinds import Kind
from healthcode.models import AppKey, Consent, Evidence
from healthcode.refusals import RefusalError

# So long a person's own terminal has to open a code that was called.
CALL_LIFE = dt.timedelta(minutes=2)
_CALL_SALT = "healthcode.code_call"
_CLAIM = """
INSERT INTO healthcode_showntoken AS known (number, counter, key_id, terminal, first_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (number, counter) DO UPDATE SET counter = known.counter
RETURNING key_id, terminal
"""


class Read(StrEnum):
    """What became of a code that was read: what it says, or why it says nothing."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    NOT_KNOWN = "not_known"
    EXPIRED = "expired"
    FORGED = "forged"
    STALE = "stale"
    REPLAYED = "replayed"
    REVOKED = "revoked"
    UNREADABLE = "unreadable"


# A kind, its facts, and when they were true.
Fact = tuple[Kind, dict[str, Any], dt.datetime]


@dataclass(frozen=True)
class Verified:
    """What a gate would see: the result, and of a code of ours what it says and the masked name."""

    result: Read
    state: str
    masked_name: str
    as_of: dt.datetime


@dataclass(frozen=True)
class Asked:
    """What somebody's code says, without reasons."""

    state: str
    masked_name: str
    as_of: dt.datetime


@dataclass(frozen=True)
class Made:
    """The text of a phone token, and until when it is good."""

    token: str
    expires_at: dt.datetime


def record_with_consent(*, key: AppKey, consent: Consent, said: Sequence[Fact]) -> dt.datetime:
    """Record what a person says of themselves at a program's terminal; return when it became known.

    The one-time code makes it the person's own word; its unit is the key that passed it on.
    """
    with transaction.atomic():
        person = spend(consent)
        facts = [Said(person, kind, what, true_at) for kind, what, true_at in said]
        evidence, _changes = record_all(said=facts, source=Evidence.Source.SELF, by=None, unit=key.unit)
        put_on_record(Deed.DECLARE, key, [person.pk], purpose=Purpose.HELP, kinds=[one.kind for one in evidence])
    return evidence[-1].known_at


def ask_state_of_member(*, key: AppKey, kind: str, number: str) -> Asked:
    """Return what the code of a member of the key's organisation says; others and nobody get the same refusal."""
    person = find(key=key, kind=kind, number=number)
    is_member = Membership.objects.filter(organisation=key.organisation_id, person=person).exists()
    if person is None or not is_member:
        subjects = [person.pk] if person else []
        put_on_record(Deed.ASK_STATE, key, subjects, is_refused=True)
        raise RefusalError("no_consent")
    with transaction.atomic():
        return _state_of(person, key, by="membership")


def ask_state_with_consent(*, key: AppKey, consent: Consent) -> Asked:
    """Return what the code of a person who agreed says."""
    with transaction.atomic():
        return _state_of(spend(consent), key, by="code")


def ask_state_by_token(*, key: AppKey, text: str, terminal: str) -> Asked:
    """Return what a code says that its person shows at this moment; whatever a gate would refuse is no consent."""
    found = verify(key=key, text=text, terminal=terminal)
    if not found.state or found.result in {Read.REPLAYED, Read.REVOKED}:
        raise RefusalError("no_consent")
    return Asked(found.state, found.masked_name, found.as_of)


def verify(*, key: AppKey, text: str, terminal: str) -> Verified:
    """Read a phone token as a gate would. A look on record, and no pass."""
    now = clock.now()
    try:
        token = tokens.read(text, now)
    except tokens.TokenError as fault:
        put_on_record(Deed.VERIFY_CODE, key, [], is_refused=True, result=fault.fault)
        return Verified(Read(fault.fault), "", "", now)
    holder = queries.holder_by_number(token.number)
    if holder is not None and holder.is_smoke != key.organisation.area.is_smoke:
        holder = None
    with transaction.atomic():
        is_first_spot = _claim(token, key, terminal, now)
        if holder is None or holder.is_revoked:
            result = Read.REVOKED
        else:
            result = Read(holder.state) if is_first_spot else Read.REPLAYED
        put_on_record(Deed.VERIFY_CODE, key, [holder.person_id] if holder else [], result=result.value)
    return Verified(result, holder.state if holder else "", holder.masked_name if holder else "", now)


def make_code(*, key: AppKey, consent: Consent) -> Made:
    """Make a phone token for a person who agreed."""
    now = clock.now()
    with transaction.atomic():
        person = spend(consent)
        number = codes.number_of(person=person, by=None).number
        put_on_record(Deed.MAKE_CODE, key, [person.pk], purpose=Purpose.HELP)
    began = now.timestamp() // tokens.PERIOD * tokens.PERIOD
    return Made(tokens.make(number, now), dt.datetime.fromtimestamp(began, dt.UTC) + tokens.LIFE)


def call_code(*, key: AppKey, consent: Consent) -> tuple[str, dt.datetime]:
    """Return a ticket that opens the code's page on the person's own terminal, once, and until when."""
    with transaction.atomic():
        person = spend(consent)
        put_on_record(Deed.CALL_CODE, key, [person.pk], purpose=Purpose.HELP)
    return signing.TimestampSigner(salt=_CALL_SALT).sign(str(consent.ref)), clock.now() + CALL_LIFE


def called(ticket: str) -> Consent | None:
    """Return what a ticket was made for while it is good; None for any other text."""
    try:
        ref = signing.TimestampSigner(salt=_CALL_SALT).unsign(ticket, max_age=CALL_LIFE)
    except signing.BadSignature:
        return None
    found = Consent.objects.filter(ref=ref, used_at__isnull=False, opened_at=None, person__isnull=False)
    return found.select_related("person", "key__organisation").first()


def open_called(ticket: str) -> Person | None:
    """Use a ticket up; return whose code it shows, None when it is no good any more."""
    consent = called(ticket)
    if consent is None or not Consent.objects.filter(pk=consent.pk, opened_at=None).update(opened_at=clock.now()):
        return None
    return consent.person


def _state_of(person: Person, key: AppKey, *, by: str) -> Asked:
    put_on_record(Deed.ASK_STATE, key, [person.pk], by=by)
    return Asked(queries.state_of(person).state, person.masked_name, clock.now())


def _claim(token: tokens.Token, key: AppKey, terminal: str, at: dt.datetime) -> bool:
    """Note where a token was read first; return whether that is this terminal. The second of two waits here."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [token.number, token.counter, key.pk, terminal, at])
        return bool(cursor.fetchone() == (key.pk, terminal))
