"""Forms of the community's pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from citybrain.core.models import Area, User
from citybrain.core.roles import Act
from community import queries


class AreaChoice(forms.ModelChoiceField[Area]):
    """An area, shown with its code."""

    def label_from_instance(self, area: Area) -> str:
        """Return code and name."""
        return f"{area.code} {area.name}"


class AreaFilterForm(forms.Form):
    """Narrows the map of residents; lives in the URL. It takes no name: that would find where a person lives."""

    area = AreaChoice(label=_("Area"), queryset=Area.objects.none(), required=False, empty_label=_("all of mine"))

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["area"].queryset = queries.visible_areas(user, Act.SEE_PEOPLE)  # type: ignore[attr-defined]

    def narrowing(self) -> dict[str, Any]:
        """Return the filter for `queries.residents`; call it on a valid form only, as no filter means everybody."""
        return {name: value.strip() if isinstance(value, str) else value for name, value in self.cleaned_data.items()}


class ResidentFilterForm(AreaFilterForm):
    """Narrows lists and exports of residents; lives in the URL."""

    name = forms.CharField(label=_("Name or pinyin"), required=False, max_length=60)
    field_order = ("name", "area")


class FindForm(forms.Form):
    """Finds a resident by a number; sent in the body, so that no number stands in a URL or a log."""

    number = forms.CharField(
        label=_("Document number, or the last four digits of a phone"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text"}),
    )
