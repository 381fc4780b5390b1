"""The pages of the declaration as forms: each asks one thing and says what is wrong with the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundWidget
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from citybrain.core import clock
from citybrain.core.models import Area, Organisation, Person, User
from healthcode import kinds, words
from healthcode.address_book import AddressBook
from healthcode.fields import (
    ADDRESS,
    ARRIVED,
    BOTH,
    COMING,
    DAYS_AHEAD,
    GRADES,
    LONGEST_ADDRESS,
    LONGEST_WORK,
    NONE,
    NOT_YET,
    WORK,
    WORK_KINDS,
    WORK_KINDS_OF_OTHERS,
    YES,
    Celsius,
    choose,
    earliest_asked,
    key_of,
    line,
    one_of,
    past_day,
    some_of,
)
from healthcode.models import Declaration, RiskArea
from healthcode.whom import Whom

# Of organisations whose name contains what was typed, so many are offered.
MATCHES = 10

# What has been answered so far: page → field → value.
Given = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Asking:
    """Who is asked about whom, and what is known of them and of the district."""

    whom: Whom
    last: Declaration | None
    risk_areas: Sequence[RiskArea]
    book: AddressBook
    # Of somebody new in the family: whether the proof of the relation is there.
    has_picture: bool = False

    @property
    def user(self) -> User:
        """Whoever answers."""
        return self.whom.user

    @property
    def person(self) -> Person | None:
        """Whoever it is about, None while they are entered for the first time."""
        return self.whom.person

    @property
    def is_own(self) -> bool:
        """Whether they are the same."""
        return self.whom.is_own


class PageForm(forms.Form):
    """One page; `given` are the answers of the pages before."""

    def __init__(
        self,
        asking: Asking,
        given: Given,
        data: MultiValueDict[str, str] | None = None,
    ) -> None:
        super().__init__(data)
        self.asking, self.given = asking, given
        self.prepare()

    def prepare(self) -> None:
        """Add the fields that depend on who is asked, and when."""

    def takes_many(self, field: str) -> bool:
        """Whether a field's answer may be several choices."""
        return isinstance(self.fields[field], forms.MultipleChoiceField)

    def require(self, *fields: str) -> None:
        """Say of each field that it must be filled, unless something else is wrong with it."""
        for name in fields:
            if name not in self.errors and self.cleaned_data.get(name) in {None, ""}:
                self.add_error(name, self.fields[name].error_messages["required"])

    def disregard(self, *fields: str) -> None:
        """Forget fields that are not asked under this answer: the page does not show them."""
        for name in fields:
            self.errors.pop(name, None)
            self.cleaned_data[name] = None


class SameForm(PageForm):
    """Whether what is on record of address and work still holds."""

    def prepare(self) -> None:
        """Offer what may have changed; work only where it was declared before."""
        is_own = self.asking.is_own
        moved = _("No, my address has changed") if is_own else _("No, the address has changed")
        changed = _("No, my work or school has changed") if is_own else _("No, work or school has changed")
        choices = [(YES, _("Yes, nothing has changed")), (ADDRESS, moved)]
        if self.asking.last is not None:
            choices += [(WORK, changed), (BOTH, _("No, both have changed"))]
        self.fields["same"] = one_of(_("Your answer"), choices)


class StreetForm(PageForm):
    """The street."""

    def prepare(self) -> None:
        """Offer the streets that have communities; test accounts live in test areas, all others elsewhere."""
        streets = Area.objects.filter(level=Area.Level.STREET, is_smoke=self.asking.user.is_smoke)
        named = streets.filter(children__level=Area.Level.COMMUNITY).distinct().order_by("code")
        self.fields["street"] = one_of(_("Street"), named.values_list("id", "name"), coerce=int)


class CommunityForm(PageForm):
    """The community."""

    def prepare(self) -> None:
        """Offer the communities of the street."""
        street = self.given["address"]["street"]
        below = Area.objects.filter(parent=street, level=Area.Level.COMMUNITY, is_smoke=self.asking.user.is_smoke)
        self.names = dict(below.order_by("code").values_list("id", "name"))
        self.fields["community"] = one_of(_("Community"), self.names.items(), coerce=int)

    def clean(self) -> dict[str, Any]:
        """Add the name, and the estates that the register has there."""
        if community := self.cleaned_data.get("community"):
            estates = self.asking.book.estates(community)
            self.cleaned_data |= {"name": self.names[community], "estates": estates}
        return self.cleaned_data


class EstateForm(PageForm):
    """The estate, where the register has any in the community."""

    def prepare(self) -> None:
        """Offer the estates of the community, and none of them."""
        self.names = dict(self.given["community"]["estates"])
        choices = [*self.names.items(), (NONE, _("The estate is not in the list"))]
        self.fields["estate"] = one_of(_("Estate"), choices, coerce=key_of)

    def clean(self) -> dict[str, Any]:
        """Add the name."""
        self.cleaned_data["name"] = self.names.get(self.cleaned_data.get("estate", 0), "")
        return self.cleaned_data


class BuildingForm(PageForm):
    """The building of the estate."""

    def prepare(self) -> None:
        """Offer the buildings of the estate, and none of them."""
        self.names = dict(self.asking.book.buildings(self.given["estate"]["estate"]))
        choices = [*self.names.items(), (NONE, _("The building is not in the list"))]
        self.fields["building"] = one_of(_("Building"), choices, coerce=key_of)

    def clean(self) -> dict[str, Any]:
        """Add the name."""
        self.cleaned_data["name"] = self.names.get(self.cleaned_data.get("building", 0), "")
        return self.cleaned_data


class RoomForm(PageForm):
    """The flat in words; the whole address where the register does not have the building."""

    def prepare(self) -> None:
        """Ask for as much as is not known yet."""
        estate, building = (self.given.get(page, {}).get("name", "") for page in ("estate", "building"))
        self.so_far = " ".join(filter(None, [self.given["community"]["name"], estate, building]))
        self.is_found = bool(building)
        label, longest = (_("Unit and room"), kinds.LONGEST_WORDS) if building else (_("Address"), LONGEST_ADDRESS)
        example: StrOrPromise
        if building:
            example = _("For example: unit 2, room 301")
        elif estate:
            example = _("Building, unit and room in %(estate)s") % {"estate": estate}
        else:
            example = _("Estate, or road and number; then building, unit and room")
        self.fields["room"] = line(label, longest, required=True, help_text=example)


class WorkForm(PageForm):
    """Employer or school, in words."""

    kind = one_of(_("Work or school"), WORK_KINDS)
    name = line(_("Name of the employer or school"), LONGEST_WORK, autocomplete="organization")

    def prepare(self) -> None:
        """Speak of somebody else where it is about somebody else."""
        if not self.asking.is_own:
            choose(self, "kind", WORK_KINDS_OF_OTHERS)

    def clean(self) -> dict[str, Any]:
        """Look the name up: exactly this organisation, or the ones whose name contains it."""
        self.cleaned_data |= {"organisation": None, "matches": []}
        if self.cleaned_data.get("kind") == NONE:
            self.disregard("name")
            return self.cleaned_data
        self.require("name")
        if not self.errors:
            self._look_up(self.cleaned_data["kind"], self.cleaned_data["name"])
        return self.cleaned_data

    def _look_up(self, kind: str, name: str) -> None:
        found = Organisation.objects.filter(kind=kind, area__is_smoke=self.asking.user.is_smoke)
        exact = list(found.filter(name__iexact=name)[:2])
        if len(exact) == 1:
            self.cleaned_data["organisation"] = exact[0]
        else:
            self.cleaned_data["matches"] = list(found.filter(name__icontains=name)[:MATCHES])


class OrganisationForm(PageForm):
    """Which of the organisations whose names fit."""

    def prepare(self) -> None:
        """Offer them, and none of them."""
        self.found = {match.pk: match for match in self.given["work"]["matches"]}
        choices = [*((pk, match.name) for pk, match in self.found.items()), (NONE, _("None of these"))]
        self.fields["organisation"] = one_of(_("Employer or school"), choices, coerce=key_of)

    def clean_organisation(self) -> Organisation | None:
        """Return the organisation."""
        return self.found.get(self.cleaned_data["organisation"])


class ArrivalForm(PageForm):
    """The last trip into the city, or the one that is about to end here."""

    arrived = one_of(_("Your answer"), ARRIVED)
    origin = line(_("Where from (province and city, or country)"), kinds.LONGEST_WORDS)
    transport = one_of(_("By what?"), words.TRANSPORT.items(), required=False)
    number = line(_("Number of the train, flight, coach or car"), kinds.LONGEST_WORDS, help_text=_("If you know it."))

    def prepare(self) -> None:
        """Ask for the day."""
        too_early = _("This is more than 14 days ago. Look at the date again, or answer No.")
        self.fields["day"] = past_day(_("Day of arrival"), earliest_asked(), too_early, days_ahead=DAYS_AHEAD)

    def clean(self) -> dict[str, Any]:
        """Ask for the rest when there was a trip, or is one under way."""
        arrived, day = self.cleaned_data.get("arrived"), self.cleaned_data.get("day")
        if arrived in {YES, COMING}:
            self.require("day", "origin", "transport")
            if day and arrived == YES and day > clock.today():
                self.add_error("day", NOT_YET)
            if day and arrived == COMING and day < clock.today():
                self.add_error("day", _("This day is over. Look at the date again, or answer Yes."))
        else:
            self.disregard("day", "origin", "transport", "number")
        return self.cleaned_data


@dataclass(frozen=True)
class StayRow:
    """A risk area on the page: its box and its two days."""

    area: RiskArea
    choice: BoundWidget
    first: forms.BoundField
    last: forms.BoundField


class StaysForm(PageForm):
    """Stays in risk areas, each with its days."""

    def prepare(self) -> None:
        """Offer the areas, each with two days, and none of them."""
        areas = self.asking.risk_areas
        choices = [*((str(area.pk), area.name) for area in areas), (NONE, _("None of these"))]
        where = _("Where have you been?") if self.asking.is_own else _("Where has the person been?")
        self.fields["areas"] = some_of(where, choices)
        for area in areas:
            self.fields[f"first_{area.pk}"] = past_day(_("First day in %(area)s") % {"area": area.name})
            self.fields[f"last_{area.pk}"] = past_day(_("Last day in %(area)s") % {"area": area.name})

    @property
    def rows(self) -> list[StayRow]:
        """Return the areas as the page shows them."""
        boxes = list(self["areas"])
        pairs = zip(self.asking.risk_areas, boxes[:-1], strict=True)
        return [StayRow(area, box, self[f"first_{area.pk}"], self[f"last_{area.pk}"]) for area, box in pairs]

    @property
    def none_of_these(self) -> BoundWidget:
        """Return the box for no stay at all."""
        return list(self["areas"])[-1]

    def clean(self) -> dict[str, Any]:
        """Ask for the days of the areas chosen; add `stays`, triples of area, first and last day."""
        chosen = self.cleaned_data.get("areas", [])
        if NONE in chosen and len(chosen) > 1:
            self.add_error("areas", _("You chose a place and also None of these. Take one of them back."))
        stays = []
        for area in self.asking.risk_areas:
            first, last = f"first_{area.pk}", f"last_{area.pk}"
            if str(area.pk) not in chosen:
                self.disregard(first, last)
                continue
            self.require(first, last)
            days = self.cleaned_data.get(first), self.cleaned_data.get(last)
            if days[0] and days[1] and days[1] < days[0]:
                self.add_error(last, _("The last day is before the first."))
            stays.append((area, *days))
        self.cleaned_data["stays"] = stays
        return self.cleaned_data


class ContactForm(PageForm):
    """Contact with a case, or with somebody who had contact with one."""

    contact = one_of(_("Your answer"), GRADES)

    def prepare(self) -> None:
        """Ask for the day."""
        too_early = _("This is more than 14 days ago. Look at the date again, or answer No.")
        self.fields["day"] = past_day(_("Last day of the contact"), earliest_asked(), too_early)

    def clean(self) -> dict[str, Any]:
        """Ask for the day when there was a contact."""
        if self.cleaned_data.get("contact") in {None, "", NONE}:
            self.disregard("day")
        else:
            self.require("day")
        return self.cleaned_data


class HealthForm(PageForm):
    """Temperature and symptoms."""

    symptoms = some_of(_("Which of these do you have now?"), [*words.SYMPTOMS.items(), (NONE, _("None of these"))])
    explained = some_of(
        _("Which of them come from a chronic illness or a medicine of yours?"),
        words.SYMPTOMS.items(),
        required=False,
        help_text=_("A cough from asthma, for example. Leave it empty when nothing applies."),
    )
    celsius = Celsius(
        label=_("Temperature today, in °C"),
        help_text=_("Only if you have measured it."),
    )

    def prepare(self) -> None:
        """Speak of somebody else where it is about somebody else."""
        if not self.asking.is_own:
            self.fields["symptoms"].label = _("Which of these does the person have now?")
            self.fields["explained"].label = _("Which of them come from a chronic illness or a medicine?")

    def clean(self) -> dict[str, Any]:
        """Keep what is explained among the symptoms that there are."""
        symptoms = self.cleaned_data.get("symptoms", [])
        if NONE in symptoms and len(symptoms) > 1:
            self.add_error("symptoms", _("You chose a symptom and also None of these. Take one of them back."))
        self.cleaned_data["symptoms"] = [name for name in kinds.SYMPTOMS if name in symptoms]
        # The page hides the box of an illness behind a symptom that is not ticked.
        self.errors.pop("explained", None)
        explained = self.cleaned_data.get("explained", [])
        self.cleaned_data["explained"] = [name for name in kinds.SYMPTOMS if name in explained and name in symptoms]
        return self.cleaned_data


class PledgeForm(forms.Form):
    """The promise that it is true, given beside the answers."""

    pledge = some_of(_("Your promise"), [(YES, _("What I have said is true and complete."))])

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.fields["pledge"].error_messages["required"] = _("Tick the box: without your promise nothing can be sent.")
