"""The pages of the declaration that ask who somebody is: name and document, relation and proof, household."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise

from citybrain.core import documents, photos
from citybrain.core.models import Area
from healthcode.answers import Household
from healthcode.fields import ELSEWHERE, NO_DOCUMENT, NOWHERE, YES_OR_NO, choose, line, one_of, past_day
from healthcode.forms import PageForm
from healthcode.models import Guardianship, NoDocument
from healthcode.provinces import PROVINCES

OLDEST = 130
LONGEST_PLACE = 60


class RelationForm(PageForm):
    """Who somebody new in the family is to whoever asks."""

    relation = one_of(_("This person is"), Guardianship.Relation.choices)


class ProofForm(PageForm):
    """A picture of what shows the relation. It is kept at once, so a page that is opened again asks for none."""

    photo = photos.PhotoField(label=_("Photo of the paper"), required=False)

    # What was wrong with the last file: the file itself is not kept.
    PROBLEMS: ClassVar[Mapping[str, StrOrPromise]] = {
        "none": _("Take a photo, or choose one."),
        "no_picture": _("This is not a picture. Take a photo, or choose a JPEG or PNG file."),
        "too_large": _("This file is larger than 10 MB. Choose a smaller one; the rest is still here."),
    }

    def clean(self) -> dict[str, Any]:
        """Say what was wrong; without a picture it is not complete."""
        problem = self.PROBLEMS.get(self.data.get("problem", ""))
        if problem or not self.asking.has_picture:
            self.add_error("photo", problem or self.PROBLEMS["none"])
        return self.cleaned_data


class WhoForm(PageForm):
    """Name and identity document."""

    name = line(_("Name, as on your document"), 60, required=True, autocomplete="name")
    kind = one_of(_("Identity document"), documents.Type.choices, initial=documents.Type.RESIDENT_ID)
    number = forms.CharField(
        label=_("Document number"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        error_messages={"required": _("Write something here.")},
    )

    def prepare(self) -> None:
        """Ask for the day of birth."""
        self.fields["born_on"] = past_day(_("Date of birth"))

    def clean_name(self) -> str:
        """Return the name."""
        name: str = self.cleaned_data["name"]
        if not any(character.isalpha() for character in name):
            raise ValidationError(_("Write the name as it stands on your document."))
        return name

    def clean(self) -> dict[str, Any]:
        """Check the number; the one of a resident identity card says the day of birth."""
        kind, number = self.cleaned_data.get("kind"), self.cleaned_data.get("number")
        if kind and number and kind in documents.Type:
            try:
                self.cleaned_data["number"] = documents.check(kind, number)
            except ValidationError as problem:
                self.add_error("number", problem)
        if kind == documents.Type.RESIDENT_ID:
            self.disregard("born_on")
        else:
            self.require("born_on")
        return self.cleaned_data


class OtherWhoForm(WhoForm):
    """Name and identity document of somebody else, who may have none: a child, or somebody who was found."""

    because = one_of(_("Why is there none?"), NoDocument.choices, required=False)

    def prepare(self) -> None:
        """Ask for the day of birth; where staff take it down, or for how old somebody seems."""
        super().prepare()
        self.fields["name"].label = _("Name, as on the document")
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        choose(self, "kind", [*documents.Type.choices, (NO_DOCUMENT, _("There is no document"))])
        self.fields["number"].required = False
        if self.asking.whom.is_present:
            self.fields["age"] = forms.IntegerField(
                label=_("If the day is not known: how old, about?"),
                min_value=0,
                max_value=OLDEST,
                required=False,
                widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            )

    def clean(self) -> dict[str, Any]:
        """Ask for number and day of birth, or for why there is no document and how old somebody is."""
        if self.cleaned_data.get("kind") != NO_DOCUMENT:
            self.disregard("because", *(["age"] if "age" in self.fields else []))
            self.require("number")
            return super().clean()
        self.disregard("number")
        self.require("because")
        if self.cleaned_data.get("age") is None:
            self.require("born_on")
        return self.cleaned_data


def who_form(form: type[PageForm], *, is_own: bool) -> type[PageForm]:
    """Return the form that asks who it is: of somebody else it asks otherwise."""
    return OtherWhoForm if form is WhoForm and not is_own else form


class TogetherForm(PageForm):
    """Whether somebody new in the family lives with whoever adds them."""

    together = one_of(_("Your answer"), YES_OR_NO)


class HouseholdForm(PageForm):
    """Where the household is registered: the code of GB/T 2260 by choice, the city or county in words."""

    province = forms.ChoiceField(
        label=_("Province"),
        choices=[("", pgettext_lazy("province", "choose")), *PROVINCES.items()],
        required=False,
        error_messages={"required": _("Choose one."), "invalid_choice": _("Choose one of the list.")},
    )
    place = line(_("City and county, as in the household book"), LONGEST_PLACE)
    field_order = ("registered", "province", "place")

    def prepare(self) -> None:
        """Offer this district, the rest of the mainland, and neither."""
        district = Area.objects.filter(level=Area.Level.DISTRICT, is_smoke=self.asking.user.is_smoke)
        own = district.order_by("code").values_list("code", "name")
        choices: list[tuple[str, StrOrPromise]] = [(code[:6], _("In %(area)s") % {"area": name}) for code, name in own]
        elsewhere = _("Elsewhere in the mainland")
        nowhere = _("Nowhere in the mainland: from Hong Kong, Macao, Taiwan or abroad")
        self.fields["registered"] = one_of(_("Your answer"), [*choices, (ELSEWHERE, elsewhere), (NOWHERE, nowhere)])
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        """Ask for province and city where it is elsewhere; add `household`."""
        registered = self.cleaned_data.get("registered")
        if registered == ELSEWHERE:
            self.require("province", "place")
        else:
            self.disregard("province", "place")
        code = self.cleaned_data.get("province") if registered == ELSEWHERE else registered
        self.cleaned_data["household"] = Household(code or "", self.cleaned_data.get("place") or "")
        return self.cleaned_data
