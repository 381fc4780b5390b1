"""The order of the declaration: what is asked, what is skipped, and how far somebody has come."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from citybrain.core import clock
from citybrain.core.models import Organisation, User
from healthcode import forms, replay
from healthcode.actions import declare
from healthcode.address_book import address_book
from healthcode.fields import ADDRESS, BOTH, NONE, WORK, YES, earliest_asked
from healthcode.forms import Asking, Given, PageForm
from healthcode.models import Declaration, DeclarationDraft, RiskArea


@dataclass(frozen=True)
class Known:
    """What need not be asked, or only whether it still holds."""

    # The account is bound to a person, who has been asked for name and document before.
    person: bool = False
    address: bool = False
    work: bool = False
    # Some place is a risk area, or was one within the days asked about.
    risk_areas: bool = True


def _never(_known: Known, _given: Given) -> bool:
    return False


@dataclass(frozen=True)
class Page:
    """A page of the declaration: one question."""

    name: str
    title: StrOrPromise
    form: type[PageForm]
    # Whether it is asked, after what was answered on the pages before.
    is_asked: Callable[[Known, Given], bool] = lambda _known, _given: True
    # Whether it usually follows while the answer that it hangs on is still missing: so that the number of questions
    # that somebody is told at the beginning does not grow from page to page.
    may_come: Callable[[Known, Given], bool] = _never


def _moves(known: Known, given: Given) -> bool:
    return not known.address or given.get("same", {}).get("same") in {ADDRESS, BOTH}


def _works_anew(known: Known, given: Given) -> bool:
    return not (known.address and known.work) or given.get("same", {}).get("same") in {WORK, BOTH}


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
        Page("who", _("Who are you?"), forms.WhoForm, lambda known, _given: not known.person),
        Page("same", _("Is this still right?"), forms.SameForm, lambda known, _given: known.address),
        Page("address", _("In which street do you live now?"), forms.StreetForm, _moves),
        Page(
            "community",
            _("In which community?"),
            forms.CommunityForm,
            lambda _known, given: "address" in given,
            _moves,
        ),
        Page("estate", _("In which estate?"), forms.EstateForm, _has_estates, _may_have_estates),
        Page("building", _("In which building?"), forms.BuildingForm, _has_estate, _may_have_estate),
        Page("room", _("Where exactly?"), forms.RoomForm, _lacks_flat, _moves),
        Page("work", _("Where do you work or go to school?"), forms.WorkForm, _works_anew),
        Page(
            "organisation",
            _("Which of these is it?"),
            forms.OrganisationForm,
            lambda _known, given: bool(given.get("work", {}).get("matches")),
        ),
        Page("arrival", _("Have you come into the city in the last 14 days?"), forms.ArrivalForm),
        Page(
            "stays",
            _("Have you been in one of these risk areas in the last 14 days?"),
            forms.StaysForm,
            lambda known, _given: known.risk_areas,
        ),
        Page("contact", _("Were you close to a sick person in the last 14 days?"), forms.ContactForm),
        Page("health", _("How are you today?"), forms.HealthForm),
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
    typed: declare.Typed
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
        form = PAGES[name].form(self.asking, self.given, data)
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


def walk(user: User) -> Walk:
    """Read the user's draft and check its answers in order, each against those before and what is so today.

    Raises NoRulesError when no rules are in force.
    """
    asking = _asking(user)
    person = asking.person
    known = Known(
        person=person is not None,
        address=bool(person and person.address),
        work=asking.last is not None,
        risk_areas=bool(asking.risk_areas),
    )
    draft = DeclarationDraft.objects.filter(user=user).first()
    typed = declare.typed_answers(draft)
    given: dict[str, Mapping[str, Any]] = {}
    while first_open := next((name for name in asked(known, given) if name not in given), None):
        if first_open not in typed:
            break
        form = PAGES[first_open].form(asking, given, MultiValueDict(typed[first_open]))
        if not form.is_valid():
            break
        given[first_open] = form.cleaned_data
    return Walk(asking, known, typed, draft.changed_at if draft else None, given, first_open)


def _asking(user: User) -> Asking:
    person = user.person
    last = Declaration.objects.filter(person=person).order_by("-declared_at").first() if person else None
    return Asking(user, person, last, _risk_areas(), address_book())


def _risk_areas() -> list[RiskArea]:
    """Return the places of the list in force that were risk areas on some day asked about, the worst first."""
    in_force = replay.activations(clock.now()).in_force(clock.now())
    begun = RiskArea.objects.filter(version=in_force.risk_list, valid_from__lte=clock.today())
    return list(begun.exclude(valid_to__lte=earliest_asked()).order_by("level", "prefix", "id"))


def collect(walk: Walk) -> declare.Answers:
    """Return the answers of a walk that has come to its end."""
    given = walk.given
    work, organisation = _work(walk)
    who, arrival, contact, health = (given.get(name, {}) for name in ("who", "arrival", "contact", "health"))
    trip = [arrival[name] for name in ("origin", "day", "transport", "number")]
    stays = given.get("stays", {}).get("stays", [])
    return declare.Answers(
        identity=declare.Identity(who["name"], who["kind"], who["number"], who["born_on"]) if who else None,
        home=home(given),
        work=work,
        organisation=organisation,
        trip=declare.Trip(*trip) if arrival["arrived"] == YES else None,
        # A code has as many places as a community's at least.
        stays=[declare.Stay(area.prefix.ljust(12, "0"), first, last) for area, first, last in stays],
        contact=None if contact["contact"] == NONE else declare.Contact(contact["contact"], contact["day"]),
        celsius=None if health["celsius"] is None else float(health["celsius"]),
        symptoms=health["symptoms"],
        explained=health["explained"],
    )


def home(given: Given) -> declare.Home | None:
    """Return the home that was described anew, None when it is the one on record."""
    if "room" not in given:
        return None
    room, building = given["room"]["room"], given.get("building", {}).get("building")
    estate = "" if building else given.get("estate", {}).get("name", "")
    return declare.Home(given["community"]["community"], building, estate + room)


def _work(walk: Walk) -> tuple[str, Organisation | None]:
    """Return employer or school in words, and the row where it is one that is known."""
    last = walk.asking.last
    if last is not None and "work" not in walk.given:
        return last.work, last.organisation
    work = walk.given["work"]
    found: Organisation | None = walk.given.get("organisation", work)["organisation"]
    return found.name if found else work["name"] or "", found
