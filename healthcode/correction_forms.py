"""Forms of corrections."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from citybrain.core import documents
from citybrain.core.forms import day_field
from citybrain.core.models import Person
from citybrain.core.photos import PhotoField
from healthcode import correction_values
from healthcode.models import Correction

Field, Shown = Correction.Field, Correction.Shown
CHOOSE = {"required": _("Choose one."), "invalid_choice": _("Choose one.")}


class CorrectionForm(forms.Form):
    """The right value of one field, and a picture of what shows it."""

    def __init__(self, field: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.about = field
        self.fields |= _value_fields(field)
        if field != Field.PHONE:
            self.fields["picture"] = PhotoField(
                label=_("Picture of the document"),
                help_text=_("The side with your name and number, so that everything can be read."),
                error_messages={"required": _("Take a picture of the document that shows it.")},
            )

    def clean(self) -> dict[str, Any]:
        """Check the value as a whole."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                correction_values.check(self.about, self.new)
            except ValidationError as problem:
                self.add_error(list(self.fields)[1 if self.about == Field.DOCUMENT else 0], problem)
        return cleaned

    @property
    def new(self) -> list[str]:
        """The value as it was typed."""
        return [str(self.cleaned_data[name]) for name in self.fields if name != "picture"]

    @property
    def jpeg(self) -> bytes | None:
        """The picture."""
        jpeg: bytes | None = self.cleaned_data.get("picture")
        return jpeg


def _value_fields(field: str) -> dict[str, forms.Field]:
    if field == Field.DOCUMENT:
        number = forms.CharField(label=_("The right number"), max_length=40)
        number.widget.attrs |= {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        kind = forms.ChoiceField(
            label=_("Which document?"),
            choices=documents.Type.choices,
            widget=forms.RadioSelect,
            error_messages=CHOOSE,
        )
        return {"type": kind, "number": number}
    if field == Field.SEX:
        known = [choice for choice in Person.Sex.choices if choice[0] != Person.Sex.UNKNOWN]
        entry = forms.ChoiceField(
            label=_("The right entry"), choices=known, widget=forms.RadioSelect, error_messages=CHOOSE
        )
        return {"value": entry}
    if field == Field.BORN_ON:
        day = day_field(_("The right day"))
        day.required, day.validators = True, []
        return {"value": day}
    if field == Field.PHONE:
        phone = forms.CharField(label=_("The right number"), max_length=20)
        phone.widget.attrs |= {"type": "tel", "inputmode": "tel", "autocomplete": "tel"}
        return {"value": phone}
    label, help_text = _("The right name"), _("As it stands in your document.")
    return {"value": forms.CharField(label=label, max_length=60, help_text=help_text)}


class DecideCorrectionForm(forms.Form):
    """Says by what the value was compared, and why it was decided so."""

    compared = forms.ChoiceField(
        label=_("By what did you compare it?"),
        required=False,
        choices=Shown.choices,
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=_("What the person reads"),
        help_text=_("When you refuse, say why and what to do."),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, correction: Correction, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_phone = correction.field == Field.PHONE
        shown = [
            Shown.DOCUMENT,
            *([Shown.CALL] if is_phone else []),
            *([Shown.PICTURE] if correction.picture_id else []),
        ]
        self.fields["compared"].choices = [(one.value, one.label) for one in shown]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen answer needs."""
        cleaned = super().clean() or {}
        is_approved = self.data.get("answer_is") == "approve"
        if is_approved and not cleaned.get("compared"):
            self.add_error("compared", _("Compare it first, and say by what."))
        if not is_approved and not cleaned.get("answer"):
            self.add_error("answer", _("Say why you refuse it, and what the person can do."))
        return cleaned
