"""Forms of the ground's pages."""

import datetime as dt
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise

from citybrain.core import documents
from citybrain.core.models import ErasureRequest
from citybrain.core.models.audit import AuditRow, Deed
from citybrain.core.purposes import Purpose

FIRST_DAY, LAST_DAY = dt.date(1949, 10, 1), dt.date(2199, 12, 31)


def day_field(label: StrOrPromise) -> forms.DateField:
    """Return an optional day between FIRST_DAY and LAST_DAY."""
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)],
    )


class PhoneForm(forms.Form):
    """Asks for a mobile number."""

    phone = forms.CharField(
        label=_("Mobile number"),
        max_length=20,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel", "autofocus": True}),
    )

    def clean_phone(self) -> str:
        """Return the eleven digits."""
        return documents.check_phone(self.cleaned_data["phone"])


class CodeForm(forms.Form):
    """Asks for the one-time code."""

    code = forms.RegexField(
        r"^\s*\d{6}\s*$",
        label=_("Code from the message"),
        error_messages={"invalid": _("Enter the 6 digits of the message.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": "6", "autofocus": True},
        ),
    )

    def clean_code(self) -> str:
        """Return the digits."""
        return str(self.cleaned_data["code"]).strip()


class StaffSignInForm(forms.Form):
    """Asks staff for name and password."""

    username = forms.CharField(
        label=_("Staff number"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PurposeForm(forms.Form):
    """Asks why residents will be named."""

    purpose = forms.ChoiceField(
        label=_("What do you need residents' data for?"),
        choices=Purpose,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one.")},
    )


class ErasureAnswerForm(forms.Form):
    """How a request to erase data is answered."""

    outcome = forms.ChoiceField(
        label=_("What the law says"),
        choices=ErasureRequest.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one.")},
    )
    words = forms.CharField(
        label=_("Why, for the person to read"),
        help_text=_("In plain words: which rule, and until when."),
        min_length=20,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={
            "required": _("Write why: the person has a right to know."),
            "min_length": _("Write it so that the person understands it: at least 20 characters."),
        },
    )


class GalleryForm(forms.Form):
    """Shows how fields look; nothing is done with what is typed."""

    name = forms.CharField(label=_("Your name"), help_text=_("As it stands in your document."), max_length=40)
    day = day_field(_("Day"))
    kind = forms.ChoiceField(label=_("How did you come?"), choices=[("foot", _("On foot")), ("bus", _("By bus"))])
    fever = forms.ChoiceField(
        label=_("Do you have a fever?"),
        choices=[("no", pgettext_lazy("answer", "No")), ("yes", pgettext_lazy("answer", "Yes"))],
        widget=forms.RadioSelect,
    )
    remarks = forms.CharField(
        label=pgettext_lazy("gallery", "Remarks"), widget=forms.Textarea(attrs={"rows": 3}), required=False
    )
    agreed = forms.BooleanField(label=_("I have read this."))


class TreeDayForm(forms.Form):
    """Picks the day on which the area tree is shown."""

    on = day_field(_("As it stood on"))


class AuditFilterForm(forms.Form):
    """Narrows the trail."""

    staff = forms.CharField(label=_("Staff number or account"), required=False, max_length=40)
    deed = forms.ChoiceField(label=_("What was done"), required=False)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False)
    on = day_field(_("Day"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everything = [("", _("all"))]
        self.fields["deed"].choices = everything + list(Deed.choices)  # type: ignore[attr-defined]
        self.fields["outcome"].choices = everything + list(AuditRow.Outcome.choices)  # type: ignore[attr-defined]
