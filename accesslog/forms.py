"""Forms of the gate's pages."""

import base64
import datetime as dt
import json
import uuid
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accesslog import queries
from accesslog.actions.devices import CODE_DIGITS
from accesslog.models import Place, Point
from citybrain.core import clock, crypto, documents
from citybrain.core.keyring import KeyringError
from citybrain.core.models import Area, Organisation, User
from citybrain.core.photos import PhotoField
from healthcode import paper_queries
from healthcode.models import State

# A form that is open for longer is about someone else by now.
LANE_LIFE = dt.timedelta(minutes=10)
LANE_KIND = "gate-lane"


class GridChoice(forms.ModelChoiceField[Area]):
    """A grid, shown with its code."""

    def label_from_instance(self, area: Area) -> str:
        """Return code and name."""
        return f"{area.code} {area.name}"


class NamedForm(forms.Form):
    """Something with a name: whether that is taken, the database alone knows for certain."""

    def refuse_name(self) -> None:
        """Say that the insert found the name taken."""
        self.add_error("name", _("This name is taken here. Choose another."))


class PlaceForm(NamedForm):
    """A place with a gate."""

    kind = forms.ChoiceField(
        label=_("Kind of place"),
        choices=[("", _("choose one")), *Place.Kind.choices],
        error_messages={"required": _("Choose what stands behind the gate.")},
    )
    name = forms.CharField(
        label=pgettext_lazy("of a place", "Name"),
        max_length=80,
        error_messages={"required": _("Give it the name that people there use.")},
    )
    area = GridChoice(
        label=_("Grid"),
        queryset=Area.objects.none(),
        empty_label=_("choose a grid"),
        error_messages={"required": _("Choose the grid in which the gate stands.")},
    )
    organisation = forms.ModelChoiceField(
        label=_("Run by"),
        help_text=_("Its gate staff may then check here. Leave it empty for a gate of the area."),
        queryset=Organisation.objects.none(),
        required=False,
        empty_label=_("the area itself"),
    )
    admits_yellow = forms.BooleanField(
        label=_("Also admits yellow codes"),
        required=False,
        help_text=_("For a home, where people with a yellow code must be able to return. Red is never admitted."),
    )

    def __init__(self, user: User, place: Place | None, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = _particulars(place) if place else None
        super().__init__(*args, **kwargs)
        area, organisation = cast("GridChoice", self.fields["area"]), cast("Any", self.fields["organisation"])
        area.queryset, organisation.queryset = queries.grids(user), queries.organisations(user)
        if place and place.organisation_id:
            # Its own stays a choice, wherever that lies.
            organisation.queryset |= Organisation.objects.filter(pk=place.organisation_id)

    def particulars(self) -> dict[str, Any]:
        """Return what `actions.places` takes."""
        asked = dict(self.cleaned_data)
        yellow = [State.YELLOW.value] if asked.pop("admits_yellow") else []
        return {**asked, "admits": [State.GREEN.value, *yellow]}


def _particulars(place: Place) -> dict[str, Any]:
    shown = {name: getattr(place, name) for name in ("kind", "name", "area", "organisation")}
    return {**shown, "admits_yellow": State.YELLOW in place.admits}


class PointForm(NamedForm):
    """A scanning point of a place."""

    name = forms.CharField(
        label=_("Name of the point, such as “north door”"),
        max_length=40,
        error_messages={"required": _("Give it a name, so that guards know which door is meant.")},
    )
    direction = forms.ChoiceField(label=_("Direction"), choices=Point.Direction)


class DeviceForm(NamedForm):
    """A phone or tablet at a point."""

    name = forms.CharField(
        label=_("Name of the device, such as “tablet 1”"),
        max_length=40,
        error_messages={"required": _("Give it a name, so that you know later which one to revoke.")},
    )


class EnrolmentForm(forms.Form):
    """Takes the one-time code on the tablet."""

    code = forms.CharField(
        label=_("One-time code, 8 digits"),
        max_length=20,
        error_messages={"required": _("Enter the 8 digits that the screen of the set-up shows.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric", "autofocus": True}),
    )

    def clean_code(self) -> str:
        """Return the eight digits."""
        digits = "".join(character for character in self.cleaned_data["code"] if not character.isspace())
        if not (len(digits) == CODE_DIGITS and digits.isascii() and digits.isdigit()):
            raise ValidationError(_("Enter the 8 digits that the screen of the set-up shows."))
        return digits


class LaneForm(forms.Form):
    """A check by hand. It is one scan from the moment it was opened: sent twice, it is kept once."""

    opened = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"opened": _open()}
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Read nonce and time; a form that was open for too long is renewed, with all that was typed."""
        cleaned = super().clean() or self.cleaned_data
        try:
            cleaned["nonce"], cleaned["scanned_at"] = _read_opened(cleaned.get("opened", ""))
        except ValidationError:
            renewed = cast("Any", self.data).copy()
            renewed["opened"] = _open()
            self.data = renewed
            raise
        return cleaned


class DocumentLaneForm(LaneForm):
    """An identity document in the guard's hand."""

    type = forms.ChoiceField(label=_("Document"), choices=documents.Type, initial=documents.Type.RESIDENT_ID)
    number = forms.CharField(
        label=pgettext_lazy("of a document", "Number"),
        max_length=40,
        error_messages={"required": _("Type the number that stands on the document.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "autofocus": True}
        ),
    )
    is_compared = forms.BooleanField(
        label=_("The document is in front of me, and the photo is of this person."),
        error_messages={"required": _("Compare the photo with the person first. Without the document nobody passes.")},
    )

    def clean(self) -> dict[str, Any]:
        """Check the number against the kind of document."""
        cleaned = super().clean()
        if cleaned.get("type") and cleaned.get("number"):
            try:
                cleaned["number"] = documents.check(cleaned["type"], cleaned["number"])
            except ValidationError as problem:
                self.add_error("number", problem)
        return cleaned


class PaperLaneForm(LaneForm):
    """A paper code; the page shows whom it names, and then asks whether that is who holds it."""

    code = forms.CharField(
        label=_("Scan the paper, or type the number below its code"),
        help_text=_("Such as 7K3F-9QX2-M4RT-8A. Capitals, spaces and hyphens do not matter."),
        max_length=500,
        strip=False,
        error_messages={"required": _("Scan the paper, or type the number that stands below its code.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "autofocus": True}
        ),
    )
    # The button that was pressed; none the first time.
    is_holder = forms.TypedChoiceField(
        choices=[("", ""), ("yes", ""), ("no", "")],
        coerce=lambda answer: answer == "yes",
        empty_value=None,
        required=False,
    )

    def clean_code(self) -> str:
        """Refuse what can be no paper code, so that a slip of the hand is no refusal at the gate."""
        code: str = self.cleaned_data["code"]
        if not paper_queries.is_paper(code):
            raise ValidationError(_("This is no number of a paper code. Compare all 14 characters with the paper."))
        return code


class CertificateLaneForm(LaneForm):
    """无码认单: a certificate of another region in place of a code."""

    number = forms.CharField(
        label=_("Number of the certificate"),
        max_length=40,
        error_messages={"required": _("Type the number that stands on the certificate.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    issuer = forms.CharField(
        label=_("Issued by"),
        help_text=_("The office whose seal it carries."),
        max_length=80,
        error_messages={"required": _("Type which office issued it.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    photo = PhotoField(
        label=_("Photo of the certificate"),
        error_messages={"required": _("Take a photo of the certificate, so that it can be checked later.")},
    )
    accepted = forms.TypedChoiceField(
        label=_("Do you accept it?"),
        choices=[
            ("yes", pgettext_lazy("certificate", "Yes: it is valid today and names this person")),
            ("no", pgettext_lazy("certificate", "No")),
        ],
        coerce=lambda answer: answer == "yes",
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one.")},
    )


def _open() -> str:
    """Return a sealed nonce and the present time: a page cannot be made to have been opened at another."""
    content = {"nonce": str(uuid.uuid4()), "at": clock.now().isoformat()}
    return base64.urlsafe_b64encode(crypto.seal(LANE_KIND, json.dumps(content))).decode()


def _read_opened(sealed: str) -> tuple[uuid.UUID, dt.datetime]:
    try:
        content = json.loads(crypto.unseal(LANE_KIND, base64.urlsafe_b64decode(sealed)))
    except (ValueError, InvalidTag, KeyringError):
        content = {}
    at = dt.datetime.fromisoformat(content["at"]) if content else None
    if at is None or clock.now() - at > LANE_LIFE:
        raise ValidationError(_("This page was open for long. Look at the person once more, then send it again."))
    return uuid.UUID(content["nonce"]), at
