"""Forms of keys for programs."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from citybrain.core import clock
from citybrain.core.forms import day_field
from citybrain.core.models import Organisation, User
from citybrain.core.roles import Act
from citybrain.core.scope import of as scope_of
from healthcode import scopes
from healthcode.actions.app_keys import LONGEST_DAYS

USUAL_DAYS = 180


class AppKeyForm(forms.Form):
    """Proposes a key."""

    organisation = forms.ModelChoiceField(
        Organisation.objects.none(), label=_("Organisation"), error_messages={"required": _("Choose one.")}
    )
    name = forms.CharField(
        label=_("What is the program for?"),
        max_length=60,
        help_text=_("For example “results of the laboratory”. Whoever decides reads it."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What may it do?"),
        help_text=_("As little as it needs. Only a hospital or laboratory may send evidence."),
        choices=scopes.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose what the program may do.")},
    )
    per_minute = forms.IntegerField(label=_("Requests a minute"), min_value=1, max_value=6000, initial=60)
    per_day = forms.IntegerField(label=_("Requests a day"), min_value=1, max_value=2_000_000, initial=10_000)
    valid_until = day_field(_("Good until"))

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        areas = scope_of(user).ids("area", Act.RUN_SYSTEM)
        organisations = Organisation.objects.filter(area_id__any=areas).order_by("kind", "name")
        self.fields["organisation"].queryset = organisations  # type: ignore[attr-defined]
        last = self.fields["valid_until"]
        last.required, last.initial = True, clock.today() + dt.timedelta(days=USUAL_DAYS)
        last.help_text = _("The last day on which it works; a year at most.")
        last.widget.attrs["max"] = (clock.today() + dt.timedelta(days=LONGEST_DAYS)).isoformat()


class RollForm(forms.Form):
    """How long the secret before is good for."""

    hours = forms.TypedChoiceField(
        label=_("How long is the old secret still good?"),
        choices=((0, _("not any more: it may be in wrong hands")), (24, _("one day")), (168, _("one week"))),
        coerce=int,
        initial=24,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one."), "invalid_choice": _("Choose one.")},
    )


class DecideKeyForm(forms.Form):
    """Lets a key in or refuses it."""

    note = forms.CharField(
        label=_("A note for whoever proposed it"),
        help_text=_("When you refuse, say why."),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
