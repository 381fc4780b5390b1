"""Fields of the declaration: how days, words and temperatures are read, and the names of what can be chosen."""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise

from citybrain.core import clock, documents
from citybrain.core.models import Organisation
from healthcode import kinds

# Questions about the past go back this far; the day itself and today included.
DAYS_ASKED = 14
NONE = "none"
YES, NO = "yes", "no"
# Whoever is on the way arrives within so many days.
DAYS_AHEAD = 14
COMING = "coming"
# Where the household is registered, where that is not this district: elsewhere in the mainland, or nowhere there.
# The column for its code has six places.
ELSEWHERE, NOWHERE = "elsewhere", "none"
NO_DOCUMENT = "no_document"
# What has changed since the last declaration.
ADDRESS, WORK, BOTH = "address", "work", "both"
YES_OR_NO = ((YES, pgettext_lazy("answer", "Yes")), (NO, pgettext_lazy("answer", "No")))
FIRST_DAY = dt.date(documents.OLDEST_BIRTH_YEAR, 1, 1)
DAY_FORMATS = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日"]
LONGEST_WORK = 120
LONGEST_ADDRESS = 120

WORK_KINDS = (
    (Organisation.Kind.EMPLOYER.value, _("I work")),
    (Organisation.Kind.SCHOOL.value, _("I go to school or university")),
    (NONE, pgettext_lazy("work or school", "neither")),
)
WORK_KINDS_OF_OTHERS = (
    (Organisation.Kind.EMPLOYER.value, pgettext_lazy("somebody else", "works")),
    (Organisation.Kind.SCHOOL.value, pgettext_lazy("somebody else", "goes to school, university or kindergarten")),
    (NONE, pgettext_lazy("work or school", "neither")),
)
GRADES = (
    (NONE, pgettext_lazy("answer", "No")),
    ("close", _("Yes, with someone who has the disease or may have it")),
    ("secondary", _("Yes, with someone who was in contact with a sick person")),
)
NOT_YET = _("This day has not come yet. Look at the date again.")
ARRIVED = (
    (NO, pgettext_lazy("arrival", "No, in the city all the time")),
    (YES, pgettext_lazy("arrival", "Yes")),
    (COMING, pgettext_lazy("arrival", "Not yet: still on the way")),
)
WRONG_TEMPERATURE = format_lazy(
    _("A body temperature lies between {low} and {high} °C. Enter it in digits, such as 36.5, or leave it empty."),
    low=kinds.COLDEST,
    high=kinds.HOTTEST,
)

Choices = Iterable[tuple[Any, Any]]


class Words(forms.CharField):
    """A line of words; spaces are tidied up, signs that nobody can see are refused."""

    def to_python(self, value: Any) -> str:
        """Return the words with single spaces between."""
        words = super().to_python(value) or ""
        # NUL is left to the validator, which names it.
        return " ".join(unicodedata.normalize("NFC", words).split())

    def validate(self, value: str) -> None:
        """Refuse what is not to be read."""
        super().validate(value)
        if not value.replace("\x00", "").isprintable():
            raise ValidationError(_("There is a sign in it that cannot be shown. Type it anew."))


class Celsius(forms.DecimalField):
    """A body temperature, as people write it: 36.5, 36,5 or 36.5℃."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        validators = [MinValueValidator(kinds.COLDEST), MaxValueValidator(kinds.HOTTEST)]
        super().__init__(max_digits=4, decimal_places=2, required=False, validators=validators, **options)

    def clean(self, value: Any) -> Decimal | None:
        """Return the number; whatever is wrong with it gets one answer."""
        try:
            number: Decimal | None = super().clean(value)
        except ValidationError:
            raise ValidationError(WRONG_TEMPERATURE) from None
        return number

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        """Return the number."""
        plain = re.sub(r"[\s°度cC]", "", unicodedata.normalize("NFKC", str(value or ""))).replace(",", ".")
        return super().to_python(plain)


def one_of(label: StrOrPromise, choices: Choices, **options: Any) -> forms.TypedChoiceField:
    """Return a field of which one choice is taken, all of them in sight."""
    errors = {"required": _("Choose one."), "invalid_choice": _("This cannot be chosen here. Choose one of these.")}
    return forms.TypedChoiceField(
        label=label, choices=list(choices), widget=forms.RadioSelect, error_messages=errors, **options
    )


def some_of(label: StrOrPromise, choices: Choices, **options: Any) -> forms.MultipleChoiceField:
    """Return a field of which any number of choices is taken, all of them in sight."""
    errors = {"required": _("Choose what applies."), "invalid_choice": _("This cannot be chosen here. Choose again.")}
    widget = forms.CheckboxSelectMultiple
    return forms.MultipleChoiceField(
        label=label, choices=list(choices), widget=widget, error_messages=errors, **options
    )


def choose(form: forms.Form, name: str, choices: Choices) -> None:
    """Offer other choices in a field of one form."""
    field = form.fields[name]
    if isinstance(field, forms.ChoiceField):
        field.choices = list(choices)


def line(label: StrOrPromise, longest: int, *, required: bool = False, **options: Any) -> Words:
    """Return a field for a line of words."""
    widget = forms.TextInput(attrs={"autocomplete": options.pop("autocomplete", "off")})
    errors = {"required": _("Write something here.")}
    return Words(label=label, max_length=longest, required=required, widget=widget, error_messages=errors, **options)


def past_day(
    label: StrOrPromise, earliest: dt.date = FIRST_DAY, too_early: StrOrPromise = "", *, days_ahead: int = 0
) -> forms.DateField:
    """Return an optional day from `earliest` up to today, or so many days ahead."""
    last = clock.today() + dt.timedelta(days=days_ahead)
    too_late = _("This day is too far ahead. Look at the date again.") if days_ahead else NOT_YET
    validators = [
        MaxValueValidator(last, too_late),
        MinValueValidator(earliest, too_early or _("This day is too long ago. Look at the year again.")),
    ]
    span = {"type": "date", "min": earliest.isoformat(), "max": last.isoformat()}
    errors = {
        "required": _("Enter the day."),
        "invalid": _("There is no such day. Enter year, month and day, such as 2020-02-11."),
    }
    widget = forms.DateInput(format="%Y-%m-%d", attrs=span)
    return forms.DateField(
        label=label,
        required=False,
        widget=widget,
        validators=validators,
        error_messages=errors,
        input_formats=DAY_FORMATS,
    )


def earliest_asked() -> dt.date:
    """Return the first of the days that questions about the past are about."""
    return clock.today() - dt.timedelta(days=DAYS_ASKED)


def key_of(value: str) -> int | None:
    """Return the key that a choice stands for; none of them is None."""
    return None if value == NONE else int(value)
