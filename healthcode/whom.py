"""For whom somebody declares: one walk for all; what differs is who is asked, what may be seen, where it leads."""

import datetime as dt
import uuid
from dataclasses import dataclass
from enum import StrEnum

from django.urls import reverse

from citybrain.core import access, clock, scope
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import family_queries, permissions
from healthcode.models import DeclarationDraft, Evidence

# Whoever stood there with their document is taken to be there for so long after the last answer.
PRESENT_FOR = dt.timedelta(minutes=30)


class Case(StrEnum):
    """Who speaks of whom; the values are what the names of the pages begin with."""

    OWN = "declare"
    MEMBER = "family_declare"
    NEW_MEMBER = "family_new"
    PRESENT = "present_declare"
    NEW_PRESENT = "present_new"


ACTS = {
    Case.OWN: Act.DECLARE,
    Case.MEMBER: Act.ACT_FOR_FAMILY,
    Case.NEW_MEMBER: Act.ACT_FOR_FAMILY,
    Case.PRESENT: Act.DECLARE_FOR_PRESENT,
    Case.NEW_PRESENT: Act.DECLARE_FOR_PRESENT,
}
NEW_PRESENT_KEY = "present:new"


@dataclass(frozen=True)
class Whom:
    """The one a declaration is about, and who gives it."""

    case: Case
    user: User
    # None while somebody is entered for the first time.
    person: Person | None = None
    # Whether what is on record may be shown to whoever declares; else only whether it still holds is asked.
    may_see: bool = True

    @property
    def key(self) -> str:
        """What their draft is kept under (DeclarationDraft.whom)."""
        if self.case == Case.MEMBER and self.person:
            return str(self.person.ref)
        if self.case == Case.PRESENT and self.person:
            return f"present:{self.person.ref.hex}"
        return {Case.NEW_MEMBER: family_queries.NEW_MEMBER_KEY, Case.NEW_PRESENT: NEW_PRESENT_KEY}.get(self.case, "")

    @property
    def act(self) -> Act:
        """The permission that it is done by."""
        return ACTS[self.case]

    @property
    def is_own(self) -> bool:
        """Whether somebody speaks of themselves."""
        return self.case == Case.OWN

    @property
    def is_family(self) -> bool:
        """Whether somebody speaks of their family."""
        return self.act == Act.ACT_FOR_FAMILY

    @property
    def is_new_member(self) -> bool:
        """Whether somebody is added to the family."""
        return self.case == Case.NEW_MEMBER

    @property
    def is_present(self) -> bool:
        """Whether staff take down what somebody before them says."""
        return self.act == Act.DECLARE_FOR_PRESENT

    @property
    def must_move(self) -> bool:
        """Whether staff may take it down only if whoever stands there lives in their area by now."""
        person = self.person
        return self.is_present and person is not None and not permissions.may_record_of(self.user, self.act, person)

    def source(self, person: Person) -> str:
        """Return where evidence about the person comes from: what staff take down, from whoever takes it down."""
        if self.is_present:
            return permissions.source_of(self.user, self.act, person)
        return Evidence.Source.SELF if self.is_own else Evidence.Source.GUARDIAN

    @property
    def start_url(self) -> str:
        """Where it begins."""
        return self._url("")

    @property
    def review_url(self) -> str:
        """Where the answers are read once more."""
        return self._url("_review")

    @property
    def done_url(self) -> str:
        """What is shown when it has been sent; of whoever is new it is the page on which they are found from now on."""
        places = {Case.NEW_MEMBER: "healthcode:family", Case.NEW_PRESENT: "healthcode:present"}
        return reverse(places[self.case]) if self.case in places else self._url("_done")

    def done_of(self, person: Person, *, is_held: bool) -> str:
        """Return where it goes on with somebody present: to what became of it, or on to the next."""
        done = reverse(f"healthcode:{Case.PRESENT}_done", args=[person.ref])
        return reverse("healthcode:present") if is_held else done

    def page_url(self, name: str) -> str:
        """Return where a question is asked."""
        return self._url("_page", name)

    def _url(self, part: str, *names: str) -> str:
        about = [self.person.ref] if self.person and self.case in {Case.MEMBER, Case.PRESENT} else []
        return reverse(f"healthcode:{self.case}{part}", args=[*about, *names])


def own(user: User) -> Whom:
    """Return somebody themself."""
    return Whom(Case.OWN, user, user.person)


def member(user: User, ref: uuid.UUID) -> Whom:
    """Return somebody for whom an account acts today; otherwise a 404 on record."""
    return Whom(Case.MEMBER, user, family_queries.person_for(user, ref, Act.ACT_FOR_FAMILY, Deed.DECLARE))


def new_member(user: User) -> Whom:
    """Return somebody who is to be added to the family."""
    return Whom(Case.NEW_MEMBER, user)


def new_present(user: User) -> Whom:
    """Return somebody before a member of staff who is not on record."""
    return Whom(Case.NEW_PRESENT, user)


def of_person_present(user: User, person: Person) -> Whom:
    """Return somebody before a member of staff whose document was just looked at."""
    may_see = person.area_id in scope.of(user).ids("area", Act.SEE_PEOPLE)
    return Whom(Case.PRESENT, user, person, may_see)


def present(user: User, ref: uuid.UUID) -> Whom:
    """Return somebody whose document this user looked at a short while ago; otherwise a 404 on record."""
    person = Person.objects.select_related("area").filter(ref=ref).first()
    if person is not None:
        found = of_person_present(user, person)
        drafts = DeclarationDraft.objects.filter(user=user, whom=found.key)
        if drafts.filter(changed_at__gt=clock.now() - PRESENT_FOR).exists():
            return found
    raise access.RefusedLookError(
        Deed.DECLARE, Act.DECLARE_FOR_PRESENT, status=404, target=f"person:{ref}", person_ref=ref
    )
