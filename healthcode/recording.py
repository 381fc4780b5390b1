"""Recording of others: who is found by a document, what staff may record of whom, and what it would mean."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from citybrain.core import audit, clock, crypto, documents, scope, turns
from citybrain.core.models import Area, AuditRow, Organisation, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import ROLES, Act
from healthcode import explanation, limits
from healthcode.actions.submit import Foreseen
from healthcode.kinds import Kind
from healthcode.models import Evidence, State
from healthcode.permissions import RECORDED_UNDER, STANDING, kinds_for, may_record_of
from healthcode.recording_forms import FORMS

# As at a gate.
DOCUMENTS_A_MINUTE = 20
# Whoever was found by a document stands there for so long.
PRESENT_FOR = dt.timedelta(minutes=30)
PRESENT_KEY = "before_me"
MOST_PRESENT = 20
BY_NUMBER = ["number"]


class TooManyError(Exception):
    """The account asks for documents faster than people can be attended to; the text says what to do."""


def find(user: User, kind: str, number: str, purpose: str) -> Person | None:
    """Return whom a document names if the user may record anything of them; every look-up is on record.

    Raises TooManyError beyond DOCUMENTS_A_MINUTE.
    """
    # One look-up after the other, so that parallel ones cannot each find room.
    turns.take(hashlib.sha256(f"look-ups:{user.pk}".encode()).digest())
    since = clock.now() - dt.timedelta(minutes=1)
    asked = AuditRow.objects.filter(actor=user.pk, deed=Deed.SEE_PERSON, at__gt=since, detail__by=BY_NUMBER)
    if asked.count() >= DOCUMENTS_A_MINUTE:
        raise TooManyError(_("Too many documents in one minute. Wait a minute, then go on."))
    tags = crypto.blind_indexes(kind, documents.normalise(number))
    person = Person.objects.select_related("area").filter(documents__number_index__in=tags).first()
    is_theirs = person is not None and bool(kinds_of(user, person))
    audit.record(
        Deed.SEE_PERSON,
        by=user,
        under=Act.RECORD_TEMPERATURE,
        where=("area", [person.area_id] if person else []),
        purpose=purpose,
        subjects=[person.pk] if person else [],
        detail={"by": BY_NUMBER},
        outcome=AuditRow.Outcome.REFUSED if person and not is_theirs else AuditRow.Outcome.DONE,
    )
    return person if is_theirs else None


def kinds_of(user: User, person: Person) -> list[str]:
    """Return which kinds the user may record of a person by a form, in the order of the menu."""
    return kinds_for(user, person, list(FORMS))


def lists_of(user: User, kinds: Sequence[str]) -> list[str]:
    """Return which of the kinds the user may record at all, of anybody."""
    return [kind for kind in kinds if scope.of(user).may(RECORDED_UNDER[kind][0])]


def remember(session: SessionBase, person: Person) -> None:
    """Note that a person stands before the user now: their document was shown."""
    until = (clock.now() + PRESENT_FOR).timestamp()
    present = {ref: end for ref, end in _present(session).items() if end > clock.now().timestamp()}
    session[PRESENT_KEY] = dict([*present.items(), (str(person.ref), until)][-MOST_PRESENT:])


def is_before(session: SessionBase, person: Person) -> bool:
    """Return whether a person's document was shown to this session a moment ago."""
    return _present(session).get(str(person.ref), 0) > clock.now().timestamp()


def _present(session: SessionBase) -> Mapping[str, float]:
    present: Mapping[str, float] = session.get(PRESENT_KEY, {})
    return present


def to_withdraw(user: User, person: Person) -> QuerySet[Evidence]:
    """Return the evidence of a person that the user may withdraw, the newest first."""
    withdrawn = Evidence.objects.filter(withdraws=OuterRef("pk"))
    live = Evidence.objects.filter(~Exists(withdrawn), person=person).exclude(kind__in=STANDING)
    if not may_record_of(user, Act.WITHDRAW_EVIDENCE, person):
        live = live.filter(author=user.pk)
    return live.order_by("-known_at", "-pk")


@dataclass(frozen=True)
class Meaning:
    """What recording would mean for one person, in the reader's language."""

    before: State
    after: State
    opened: list[str]
    closed: list[str]

    @property
    def is_nothing(self) -> bool:
        """Whether the code stays as it is, and so does what stands against the person."""
        return self.before == self.after and not self.opened and not self.closed


def meaning(person: Person, now: State, foreseen: Foreseen) -> Meaning:
    """Return what is foreseen for one person whose code says `now`."""
    change = next((one for one in foreseen.changes if one.person_id == person.pk), None)
    opened, closed = foreseen.opened[person.pk], foreseen.closed[person.pk]
    words = explanation.rule_words([*opened, *closed])

    def names(rules: Iterable[str]) -> list[str]:
        return [words[rule].name if rule in words else rule for rule in sorted(rules)]

    return Meaning(now, State(change.after) if change else now, names(opened), names(closed))


def unit_words(units: Iterable[str]) -> dict[str, str]:
    """Return units ("health_officer@area:1", "key:3") as people name them, in two statements at most."""
    parts = {unit: unit.partition("@") for unit in set(units)}
    ids: dict[str, set[int]] = {"area": set(), "organisation": set()}
    for _role, _at, holding in parts.values():
        kind, _colon, number = holding.partition(":")
        if kind in ids and number.isdecimal():
            ids[kind].add(int(number))
    names = {
        "area": dict(Area.objects.filter(pk__in=ids["area"]).values_list("pk", "name")),
        "organisation": dict(Organisation.objects.filter(pk__in=ids["organisation"]).values_list("pk", "name")),
    }
    return {unit: _unit_in_words(role, holding, unit, names) for unit, (role, _at, holding) in parts.items()}


def _unit_in_words(role: str, holding: str, unit: str, names: Mapping[str, Mapping[int, str]]) -> str:
    if limits.is_feed(unit):
        return _("Data feed %(number)s") % {"number": unit.removeprefix(limits.FEED)}
    kind, _colon, number = holding.partition(":")
    where = names.get(kind, {}).get(int(number) if number.isdecimal() else 0, "")
    title: StrOrPromise = ROLES[role].title if role in ROLES else role
    return f"{title} · {where}" if where else str(title)


def kind_words(kinds: Iterable[str]) -> list[str]:
    """Return kinds of evidence in the reader's language."""
    return [str(Kind(kind).label) for kind in kinds]
