"""Reads of who acts for whom. Nothing of a person is read here before somebody has checked that it may be."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Case, IntegerField, Q, QuerySet, When
from django.urls import reverse

from citybrain.core import access
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import queries
from healthcode.models import CodeState, DeclarationDraft, Guardianship

State = Guardianship.State
# What the draft of somebody new in the family is kept under.
NEW_MEMBER_KEY = "new"
# Checked ones first, then what waits, then what came to nothing.
_ORDER = Case(
    When(state=State.VERIFIED, then=0), When(state=State.WAITING, then=1), default=2, output_field=IntegerField()
)


@dataclass(frozen=True)
class Member:
    """Somebody an account acts for or has asked to: name and relation, and what their code says if it may be seen."""

    guardianship: Guardianship
    # As the guardian wrote it, for the guardian's own list: two children may look the same when masked.
    name: str
    masked_name: str
    relation: str
    # None unless the guardianship is in force: before that, nothing is said of anybody.
    code: queries.Code | None
    # To the code; "" where there is none to be seen.
    link: str

    @property
    def is_in_force(self) -> bool:
        """Whether the account may act for them today."""
        return self.code is not None


def members_of(user: User) -> list[Member]:
    """Return whom an account acts for and has asked to act for, in one statement; what was refused stays in sight."""
    shown = Q(state__in=[State.VERIFIED, State.WAITING, State.REFUSED])
    rows = Guardianship.objects.filter(shown, guardian=user).select_related("person__code_state")
    return [_member(row) for row in rows.order_by(_ORDER, "asked_at", "id")]


def _member(row: Guardianship) -> Member:
    relation = str(row.get_relation_display())
    if row.person is None or not row.is_in_force:
        return Member(row, row.named, row.masked_name, relation, None, "")
    stored: CodeState | None = getattr(row.person, "code_state", None)
    link = reverse("healthcode:family_code", args=[row.person.ref])
    return Member(row, row.named, row.masked_name, relation, queries.code_of(stored), link)


def person_for(user: User, ref: uuid.UUID, act: Act = Act.ACT_FOR_FAMILY, deed: Deed = Deed.SEE_PERSON) -> Person:
    """Return the person that an account acts for today; otherwise a 404 that is put on record."""
    return guardianship_for(user, ref, act, deed).person_in_force


def guardianship_for(user: User, ref: uuid.UUID, act: Act, deed: Deed = Deed.SEE_PERSON) -> Guardianship:
    """Return by what an account acts for the person with this reference today; otherwise a 404 on record."""
    held = Guardianship.objects.in_force().filter(guardian=user, person__ref=ref).select_related("person__area").first()
    if held is None:
        raise access.RefusedLookError(deed, act, status=404, target=f"person:{ref}", person_ref=ref)
    return held


def own_request(user: User, ref: uuid.UUID) -> Guardianship:
    """Return what an account has asked for or been given, in whatever state; a stranger's is a 404 on record."""
    held = Guardianship.objects.filter(guardian=user, ref=ref).select_related("person").first()
    if held is None:
        raise access.RefusedLookError(Deed.SEE_PERSON, Act.ACT_FOR_FAMILY, status=404, target=f"guardianship:{ref}")
    return held


def guardians_of(person: Person) -> list[Guardianship]:
    """Return who acts for a person today, for the person themself to see and to end."""
    return list(Guardianship.objects.in_force().filter(person=person).select_related("guardian__person"))


def taking_room(user: User) -> QuerySet[Guardianship]:
    """Return what counts towards how many somebody may act for."""
    return Guardianship.objects.filter(guardian=user, state__in=[State.VERIFIED, State.WAITING])


def has_room(members: Iterable[Member]) -> bool:
    """Whether whoever acts for these may ask to act for somebody more."""
    return sum(one.guardianship.state != State.REFUSED for one in members) < settings.FAMILY_MOST


def has_begun_to_add(user: User) -> bool:
    """Whether an account has begun to add somebody and not sent it."""
    return DeclarationDraft.objects.filter(user=user, whom=NEW_MEMBER_KEY).exists()


def to_check(user: User) -> QuerySet[Guardianship]:
    """Return what waits to be checked where a worker may, the longest waiting first."""
    rows = Guardianship.objects.visible_to(user, Act.VERIFY_FAMILY).waiting()
    return rows.select_related("guardian__person", "person", "area").order_by("asked_at", "id")
