"""Forms of the paper code."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from healthcode.models import PaperCode

Because = PaperCode.Because


class VoidForm(forms.Form):
    """Why staff makes a paper code worthless."""

    because = forms.TypedChoiceField(
        label=pgettext_lazy("paper code", "Why?"),
        choices=[(one.value, one.label) for one in (Because.LOST, Because.CORRECTED, Because.BY_HOLDER)],
        coerce=Because,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one.")},
    )
