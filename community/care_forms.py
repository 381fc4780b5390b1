"""Forms of the care of people in isolation."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community.care_queries import SHOWS
from community.models import CareRequest

LONGEST_WORDS = 200
SHOWN_AS = {
    "all": pgettext_lazy("people to care for", "all"),
    "due": pgettext_lazy("people to care for", "not yet today"),
    "missed": pgettext_lazy("people to care for", "missed yesterday"),
    "worse": pgettext_lazy("people to care for", "worse"),
    "needs": pgettext_lazy("people to care for", "needs something"),
    "ending": pgettext_lazy("people to care for", "ends today or tomorrow"),
}


class CareFilterForm(forms.Form):
    """Chooses whom the list shows; lives in the URL."""

    show = forms.ChoiceField(choices=[(name, SHOWN_AS[name]) for name in SHOWS], required=False)


class AskForm(forms.Form):
    """What somebody in isolation needs."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**63 - 1)
    wants = forms.MultipleChoiceField(
        label=_("What do you need?"),
        choices=CareRequest.Want.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose what you need."), "invalid_choice": _("Choose from the list.")},
    )
    words = forms.CharField(
        label=_("In your own words"),
        help_text=_("For example: rice and eggs for two days; the name of the medicine. At most 200 characters."),
        required=False,
        max_length=LONGEST_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_words(self) -> str:
        """Return the words; signs that nobody can see are refused."""
        words = str(self.cleaned_data["words"]).strip()
        if not words.replace("\r", "").replace("\n", "").isprintable():
            raise ValidationError(_("There is a sign in it that cannot be shown. Type it anew."))
        return words

    def asked(self) -> dict[str, Any]:
        """Return what `ask_for_care` takes."""
        given = self.cleaned_data
        wants = [want for want in CareRequest.Want.values if want in given["wants"]]
        return {"wants": wants, "words": given["words"], "seen": given["seen"]}
