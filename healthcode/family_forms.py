"""Forms of the family's pages and of those who check them."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from citybrain.core import documents, photos
from healthcode.fields import one_of

LONGEST_NOTE = 300
ACCEPT, REFUSE = "accept", "refuse"


class ProofAgainForm(forms.Form):
    """A new photo of what shows that somebody still acts for a child that has grown up."""

    photo = photos.PhotoField(
        label=_("Photo of the paper"),
        error_messages={"required": _("Take a photo, or choose one.")},
    )


class DecideForm(forms.Form):
    """What the grid worker found."""

    outcome = one_of(
        _("What you found"),
        [
            (ACCEPT, pgettext_lazy("family", "The paper shows the relation: the account may act for the person")),
            (REFUSE, pgettext_lazy("family", "It does not show it: refuse")),
        ],
    )
    note = forms.CharField(
        label=_("To whoever asked: why it is refused, or what you noted"),
        help_text=_("They read it on their page. Needed when you refuse."),
        max_length=LONGEST_NOTE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for a reason of a refusal."""
        if self.cleaned_data.get("outcome") == REFUSE and not self.cleaned_data.get("note"):
            self.add_error("note", _("Say why, and what they can bring, so that they know what to do."))
        return self.cleaned_data


class PresentForm(forms.Form):
    """The document in the hand of whoever is asked; sent in the body, so that no number stands in a URL or a log."""

    number = forms.CharField(
        label=_("Document number"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        error_messages={"required": _("Write something here.")},
    )
    is_compared = forms.BooleanField(
        label=_("I hold the document and have compared it with the person"),
        error_messages={"required": _("Compare first: a number alone says nothing.")},
    )
    kind = one_of(_("Identity document"), documents.Type.choices, initial=documents.Type.RESIDENT_ID)

    def clean(self) -> dict[str, Any]:
        """Check the number."""
        kind, number = self.cleaned_data.get("kind"), self.cleaned_data.get("number")
        if kind and number:
            try:
                self.cleaned_data["number"] = documents.check(kind, number)
            except ValidationError as problem:
                self.add_error("number", problem)
        return self.cleaned_data
