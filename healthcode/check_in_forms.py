"""Forms of the daily check-in and of isolation."""

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from citybrain.core import clock, documents
from citybrain.core.photos import PhotoField
from healthcode import kinds, words
from healthcode.actions.check_in import Given
from healthcode.actions.isolation import Order
from healthcode.fields import NONE, Celsius, line, one_of, some_of
from healthcode.models import Isolation

LONGEST_ISOLATION = dt.timedelta(days=60)


def hidden_id(*, required: bool = True) -> forms.IntegerField:
    """Return a field for the id of a row that the page had seen, 0 for none."""
    return forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**63 - 1, required=required)


class DayOfForm(forms.Form):
    """What every way to check in carries: what the page had seen, and what it replaces."""

    seen = hidden_id()
    replaces = hidden_id(required=False)


class NoChangeForm(DayOfForm):
    """One tap: nothing has changed."""

    def given(self) -> Given:
        """Return what was answered."""
        return Given(is_no_change=True, seen=self.cleaned_data["seen"], replaces=self.cleaned_data["replaces"])


class CheckInForm(DayOfForm):
    """Temperature and symptoms."""

    celsius = Celsius(label=_("Temperature today, in °C"), help_text=_("Leave it empty if you have not measured it."))
    symptoms = some_of(_("Which of these do you have today?"), [*words.SYMPTOMS.items(), (NONE, _("None of these"))])

    def clean_symptoms(self) -> list[str]:
        """Return the symptoms; none and some at once cannot be."""
        chosen = self.cleaned_data["symptoms"]
        if NONE in chosen and len(chosen) > 1:
            raise ValidationError(_("You chose a symptom and also None of these. Take one of them back."))
        return [name for name in kinds.SYMPTOMS if name in chosen]

    def given(self) -> Given:
        """Return what was answered."""
        given = self.cleaned_data
        celsius = None if given["celsius"] is None else float(given["celsius"])
        return Given(symptoms=given["symptoms"], celsius=celsius, seen=given["seen"], replaces=given["replaces"])


class FindPersonForm(forms.Form):
    """Finds whom to isolate by a document number; sent in the body, so that no number stands in a URL or a log."""

    number = forms.CharField(
        label=_("Document number"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        error_messages={"required": _("Write something here.")},
    )

    def clean_number(self) -> str:
        """Return the number as it is compared."""
        return documents.normalise(self.cleaned_data["number"])


def _day(label: Any) -> forms.DateField:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    errors = {"required": _("Enter the day."), "invalid": _("There is no such day. Enter it such as 2020-02-11.")}
    return forms.DateField(label=label, widget=widget, error_messages=errors)


class OrderForm(forms.Form):
    """Where somebody is to stay, and for how long."""

    seen = hidden_id()
    place = one_of(_("Where"), Isolation.Place.choices)
    address = line(
        _("Address"),
        kinds.LONGEST_WORDS,
        help_text=_("Of the hotel or hospital, with the room. At home: leave it empty for the present address."),
    )
    first_day = _day(_("First day"))
    last_day = _day(_("Last day"))

    def clean(self) -> dict[str, Any]:
        """Ask for the address away from home; let the days follow each other."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("place") in {Isolation.Place.HOTEL, Isolation.Place.HOSPITAL} and not given.get("address"):
            self.add_error("address", _("Write the address of the hotel or hospital."))
        first, last = given.get("first_day"), given.get("last_day")
        if first and abs(first - clock.today()) > LONGEST_ISOLATION:
            self.add_error("first_day", _("This is more than 60 days away. Look at the year again."))
        elif first and last and not first <= last <= first + LONGEST_ISOLATION:
            self.add_error("last_day", _("The last day comes after the first, and at most 60 days later."))
        return given

    def order(self) -> Order:
        """Return the order."""
        given = self.cleaned_data
        return Order(given["place"], given["address"], given["first_day"], given["last_day"])


class ReleaseForm(forms.Form):
    """Why an isolation ends by hand, and what shows it."""

    why = one_of(_("Why it ends now"), words.CHOSEN["why"].items())
    document = PhotoField(
        label=_("Document that shows it"),
        help_text=_("A photo of the paper."),
        error_messages={"required": _("A document is needed: without one the isolation goes on.")},
    )
