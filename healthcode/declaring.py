"""The order of the declaration: what is asked, what is skipped, and how far somebody has come."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from citybrain.core import clock, documents
from citybrain.core.models import Organisation, Person
from healthcode import answers, forms, replay, who_forms
from healthcode.actions import drafts
from healthcode.address_book import address_book
from healthcode.answers import Answers, Home, LivesWith
from healthcode.fields import ADDRESS, BOTH, COMING, NO_DOCUMENT, NONE, WORK, YES, earliest_asked
from healthcode.forms import Asking, Given, PageForm
from healthcode.models import Declaration, RiskArea
from healthcode.whom import Whom

# Whose documents say that their household is registered in the mainland, or may be.
MAINLAND = {documents.Type.RESIDENT_ID.value, documents.Type.PASSPORT.value, NO_DOCUMENT}


@dataclass(frozen=True)
class Known:
    """What need not be asked, or only whether it still holds."""

    # Whoever it is about has been asked for name and document before.
    person: bool = False
    address: bool = False
    # Where the household is registered; also of those who have none in the mainland.
    household: bool = False
    work: bool = False
    # Some place is a risk area, or was one within the days asked about.
    risk_areas: bool = True
    # Somebody new in the family: how they are related, and what shows it.
    is_new_member: bool = False
    # The address of whoever adds them, who may live with them.
    has_address_to_share: bool = False


def _never(_known: Known, _given: Given) -> bool:
    return False


@dataclass(frozen=True)
class Page:
    """A page of the declaration: one question."""

    name: str
    title: StrOrPromise
    # The same, about somebody else.
    title_of_others: StrOrPromise
    form: type[PageForm]
    # Whether it is asked, after what was answered on the pages before.
    is_asked: Callable[[Known, Given], bool] = lambda _known, _given: True
    # Whether it usually follows while the answer that it hangs on is still missing: so that the number of questions
    # that somebody is told at the beginning does not grow from page to page.
    may_come: Callable[[Known, Given], bool] = _never


def _moves(known: Known, given: Given) -> bool:
    if known.is_new_member and known.has_address_to_share and given.get("together", {}).get("together", YES) == YES:
        return False
    return not known.address or given.get("same", {}).get("same") in {ADDRESS, BOTH}


def _works_anew(known: Known, given: Given) -> bool:
    return not (known.address and known.work) or given.get("same", {}).get("same") in {WORK, BOTH}


def _has_household(known: Known, given: Given) -> bool:
    return not known.household and given.get("who", {}).get("kind", NO_DOCUMENT) in MAINLAND


def _has_estates(_known: Known, given: Given) -> bool:
    return bool(given.get("community", {}).get("estates"))


def _may_have_estates(known: Known, given: Given) -> bool:
    return _moves(known, given) and "community" not in given


def _has_estate(_known: Known, given: Given) -> bool:
    return bool(given.get("estate", {}).get("name"))


def _may_have_estate(known: Known, given: Given) -> bool:
    return _may_have_estates(known, given) or (_has_estates(known, given) and "estate" not in given)


def _lacks_flat(known: Known, given: Given) -> bool:
    """Whether estate and building are settled as far as the register goes."""
    if "community" not in given or (_has_estates(known, given) and "estate" not in given):
        return False
    return not _has_estate(known, given) or "building" in given


PAGES: Mapping[str, Page] = {
    page.name: page
    for page in (
        Page(
            "relation",
            _("Who is this person to you?"),
            _("Who is this person to you?"),
            who_forms.RelationForm,
            lambda known, _given: known.is_new_member,
        ),
        Page(
            "proof",
            _("What shows that?"),
            _("What shows that?"),
            who_forms.ProofForm,
            lambda known, _given: known.is_new_member,
        ),
        Page(
            "who",
            _("Who are you?"),
            _("Who is it?"),
            who_forms.WhoForm,
            lambda known, _given: not known.person,
        ),
        Page(
            "same",
            _("Is this still right?"),
            _("Is this still right?"),
            forms.SameForm,
            lambda known, _given: known.address,
        ),
        Page(
            "together",
            _("Does this person live with you?"),
            _("Does this person live with you?"),
            who_forms.TogetherForm,
            lambda known, _given: known.is_new_member and known.has_address_to_share,
        ),
        Page(
            "address",
            _("In which street do you live now?"),
            _("In which street does the person live now?"),
            forms.StreetForm,
            _moves,
        ),
        Page(
            "community",
            _("In which community?"),
            _("In which community?"),
            forms.CommunityForm,
            lambda known, given: "address" in given and _moves(known, given),
            _moves,
        ),
        Page("estate", _("In which estate?"), _("In which estate?"), forms.EstateForm, _has_estates, _may_have_estates),
        Page(
            "building",
            _("In which building?"),
            _("In which building?"),
            forms.BuildingForm,
            _has_estate,
            _may_have_estate,
        ),
        Page("room", _("Where exactly?"), _("Where exactly?"), forms.RoomForm, _lacks_flat, _moves),
        Page(
            "household",
            _("Where is your household registered?"),
            _("Where is the person's household registered?"),
            who_forms.HouseholdForm,
            _has_household,
        ),
        Page(
            "work",
            _("Where do you work or go to school?"),
            _("Where does the person work or go to school?"),
            forms.WorkForm,
            _works_anew,
        ),
        Page(
            "organisation",
            _("Which of these is it?"),
            _("Which of these is it?"),
            forms.OrganisationForm,
            lambda _known, given: bool(given.get("work", {}).get("matches")),
        ),
        Page(
            "arrival",
            _("Have you come into the city in the last 14 days?"),
            _("Has the person come into the city in the last 14 days?"),
            forms.ArrivalForm,
        ),
        Page(
            "stays",
            _("Have you been in one of these risk areas in the last 14 days?"),
            _("Has the person been in one of these risk areas in the last 14 days?"),
            forms.StaysForm,
            lambda known, _given: known.risk_areas,
        ),
        Page(
            "contact",
            _("Were you close to a sick person in the last 14 days?"),
            _("Was the person close to a sick person in the last 14 days?"),
            forms.ContactForm,
        ),
        Page("health", _("How are you today?"), _("How is the person today?"), forms.HealthForm),
    )
}


def asked(known: Known, given: Given) -> list[str]:
    """Return the names of the pages that are asked, in order; later answers may still add pages."""
    return [page.name for page in PAGES.values() if page.is_asked(known, given)]


def coming(known: Known, given: Given) -> list[str]:
    """Return the names of the pages that are asked or will usually follow, in order."""
    return [page.name for page in PAGES.values() if page.is_asked(known, given) or page.may_come(known, given)]


def progress(known: Known, given: Given, name: str) -> tuple[int, int]:
    """Return the number of a question and how many there are."""
    pages = coming(known, given)
    return pages.index(name) + 1, len(pages)


@dataclass(frozen=True)
class Walk:
    """How far somebody has come: the pages whose answers stand, and the first one that is still to be answered."""

    asking: Asking
    known: Known
    typed: drafts.Typed
    # When the draft was last changed; None without a draft.
    read_at: dt.datetime | None
    given: Given
    first_open: str | None

    @property
    def may_open(self) -> list[str]:
        """The names of the pages that can be shown, in order: none is jumped over."""
        return [*self.given, *([self.first_open] if self.first_open else [])]

    def form(self, name: str, *, is_judged: bool = False) -> PageForm:
        """Return the form of a page with what was typed before; judged, it says what is wrong with that."""
        data = MultiValueDict(self.typed.get(name, {})) if is_judged else None
        form = form_of(name, self.asking.whom)(self.asking, self.given, data)
        kept = {field: values for field, values in self.typed.get(name, {}).items() if field in form.fields and values}
        form.initial = {field: values if form.takes_many(field) else values[-1] for field, values in kept.items()}
        return form

    def before(self, name: str) -> str | None:
        """Return the page before one, None at the first."""
        place = self.may_open.index(name)
        return self.may_open[place - 1] if place else None

    def after(self, name: str) -> str | None:
        """Return the page after one, None at the last; no further than the first that is open."""
        if name not in self.given:
            return self.first_open
        rest = self.may_open[self.may_open.index(name) + 1 :]
        return rest[0] if rest else None


def form_of(name: str, whom: Whom) -> type[PageForm]:
    """Return the form of a page: of somebody else, name and document are asked otherwise."""
    return who_forms.who_form(PAGES[name].form, is_own=whom.is_own)


def title_of(name: str, whom: Whom) -> StrOrPromise:
    """Return the question of a page, to whoever it is about or to whoever speaks for them."""
    return PAGES[name].title if whom.is_own else PAGES[name].title_of_others


def walk(whom: Whom) -> Walk:
    """Read the draft for somebody and check its answers in order, each against those before and what is so today.

    Raises NoRulesError when no rules are in force.
    """
    draft = drafts.draft_of(whom.user, whom.key)
    person = whom.person
    last = Declaration.objects.filter(person=person).order_by("-declared_at", "-id").first() if person else None
    has_picture = whom.is_new_member and drafts.has_picture(draft)
    asking = Asking(whom, last, _risk_areas(), address_book(), has_picture)
    known = _known(asking)
    typed = drafts.typed_answers(draft)
    given: dict[str, Mapping[str, Any]] = {}
    while first_open := next((name for name in asked(known, given) if name not in given), None):
        if first_open not in typed:
            break
        form = form_of(first_open, whom)(asking, given, MultiValueDict(typed[first_open]))
        if not form.is_valid():
            break
        given[first_open] = form.cleaned_data
    return Walk(asking, known, typed, draft.changed_at if draft else None, given, first_open)


def _known(asking: Asking) -> Known:
    person, whom = asking.person, asking.whom
    return Known(
        person=person is not None,
        # Whoever may be taken down only where they live now is asked for it.
        address=bool(person and person.address and not whom.must_move),
        household=bool(asking.last and asking.last.household_code) or _is_from_outside(person),
        work=asking.last is not None,
        risk_areas=bool(asking.risk_areas),
        is_new_member=whom.is_new_member,
        has_address_to_share=bool(whom.user.person and whom.user.person.address),
    )


def _is_from_outside(person: Person | None) -> bool:
    """Whether all documents of somebody say that no household in the mainland is theirs."""
    kinds = set(person.documents.values_list("type", flat=True)) if person else set()
    return bool(kinds) and not kinds & MAINLAND


def _risk_areas() -> list[RiskArea]:
    """Return the places of the list in force that were risk areas on some day asked about, the worst first."""
    in_force = replay.activations(clock.now()).in_force(clock.now())
    begun = RiskArea.objects.filter(version=in_force.risk_list, valid_from__lte=clock.today())
    return list(begun.exclude(valid_to__lte=earliest_asked()).order_by("level", "prefix", "id"))


def collect(walk: Walk) -> Answers:
    """Return the answers of a walk that has come to its end."""
    given = walk.given
    work, organisation = _work(walk)
    arrival, contact, health = (given.get(name, {}) for name in ("arrival", "contact", "health"))
    trip = [arrival[name] for name in ("origin", "day", "transport", "number")]
    stays = given.get("stays", {}).get("stays", [])
    return Answers(
        identity=_identity(given),
        home=home(walk),
        household=given.get("household", {}).get("household"),
        work=work,
        organisation=organisation,
        trip=answers.Trip(*trip) if arrival["arrived"] in {YES, COMING} else None,
        # A code has as many places as a community's at least.
        stays=[answers.Stay(area.prefix.ljust(12, "0"), first, last) for area, first, last in stays],
        contact=None if contact["contact"] == NONE else answers.Contact(contact["contact"], contact["day"]),
        celsius=None if health["celsius"] is None else float(health["celsius"]),
        symptoms=health["symptoms"],
        explained=health["explained"],
    )


def _identity(given: Given) -> answers.Identity | None:
    who = given.get("who")
    if who is None:
        return None
    if who["kind"] == NO_DOCUMENT:
        return answers.Identity(who["name"], "", "", who["born_on"], who["because"], who.get("age"))
    return answers.Identity(who["name"], who["kind"], who["number"], who["born_on"])


def home(walk: Walk) -> Home | LivesWith | None:
    """Return the home that was described anew, None when it is the one on record."""
    given, sharing = walk.given, walk.asking.user.person
    if sharing and given.get("together", {}).get("together") == YES:
        return LivesWith(sharing.pk)
    if "room" not in given:
        return None
    room, building = given["room"]["room"], given.get("building", {}).get("building")
    estate = "" if building else given.get("estate", {}).get("name", "")
    return Home(given["community"]["community"], building, estate + room)


def _work(walk: Walk) -> tuple[str, Organisation | None]:
    """Return employer or school in words, and the row where it is one that is known."""
    last = walk.asking.last
    if last is not None and "work" not in walk.given:
        return last.work, last.organisation
    work = walk.given["work"]
    found: Organisation | None = walk.given.get("organisation", work)["organisation"]
    return found.name if found else work["name"] or "", found
