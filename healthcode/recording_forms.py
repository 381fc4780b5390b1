"""Forms of what staff record of others, one for each kind: each knows its facts and when they were true."""

import base64
import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar

from cryptography.exceptions import InvalidTag
from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise

from citybrain.core import clock, crypto, documents
from citybrain.core.keyring import KeyringError
from citybrain.core.models import User
from citybrain.core.photos import PhotoField
from healthcode import kinds, replay, words
from healthcode.fields import NOT_YET, YES, Celsius, line, one_of, past_day, some_of
from healthcode.kinds import Kind
from healthcode.models import RiskArea

# A form is about a moment: after this it has to be read once more before it is sent.
OPEN_FOR = dt.timedelta(minutes=30)
PICTURE = "recording-picture"
_SALT = "healthcode.recording"


class FindForm(forms.Form):
    """The identity document of whoever stands there."""

    type = forms.ChoiceField(
        label=_("Identity document"), choices=documents.Type.choices, initial=documents.Type.RESIDENT_ID
    )
    number = forms.CharField(
        label=_("Document number"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        error_messages={"required": _("Type the number that stands on the document.")},
    )

    def clean(self) -> dict[str, Any]:
        """Check the number against the kind of document."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("type") and cleaned.get("number"):
            try:
                cleaned["number"] = documents.check(cleaned["type"], cleaned["number"])
            except ValidationError as problem:
                self.add_error("number", problem)
        return cleaned


class Keeper:
    """What a form carries from page to page besides its fields: the moment it is about, and a picture, both sealed."""

    def __init__(self, user: User, data: Mapping[str, Any] | None) -> None:
        self._owner = str(user.pk)
        self.at = clock.now()
        # False when the form was opened too long ago, or never by us.
        self.is_fresh = False
        self.jpeg: bytes | None = None
        if data is not None:
            self._read_moment(str(data.get("at", "")))
            self._read_picture(str(data.get("kept", "")))

    @property
    def at_text(self) -> str:
        """The moment, for a hidden field."""
        return signing.dumps([self._owner, self.at.isoformat()], salt=_SALT)

    @property
    def kept_text(self) -> str:
        """The picture, for a hidden field; nobody else's session opens it."""
        if self.jpeg is None:
            return ""
        return base64.b64encode(crypto.seal_bytes(PICTURE, self.jpeg, owner=self._owner)).decode()

    def _read_moment(self, text: str) -> None:
        try:
            owner, at = signing.loads(text, salt=_SALT)
        except signing.BadSignature:
            return
        moment = dt.datetime.fromisoformat(at)
        if owner == self._owner and dt.timedelta() <= clock.now() - moment < OPEN_FOR:
            self.at, self.is_fresh = moment, True

    def _read_picture(self, text: str) -> None:
        try:
            sealed = base64.b64decode(text, validate=True)
            self.jpeg = crypto.unseal_bytes(PICTURE, sealed, owner=self._owner) if sealed else None
        except (ValueError, InvalidTag, KeyringError):
            self.jpeg = None


class RecordForm(forms.Form):
    """One piece of evidence about somebody; a row of a list has no picture of its own."""

    kind: ClassVar[Kind]
    # What it is and where it is taken from, in a sentence.
    lead: ClassVar[StrOrPromise]
    needs_document: ClassVar[bool] = False
    takes_document: ClassVar[bool] = True

    def __init__(
        self,
        user: User,
        data: MultiValueDict[str, str] | Mapping[str, Any] | None = None,
        files: MultiValueDict[str, Any] | None = None,
        *,
        is_row: bool = False,
    ) -> None:
        super().__init__(data, files)
        self.keeper, self.is_row = Keeper(user, data), is_row
        self.prepare()
        if self.takes_document and not is_row:
            needs = self.needs_document
            label = _("Photo of the paper") if needs else _("Photo of the paper, if there is one")
            self.fields["document"] = PhotoField(label=label, required=False)

    def prepare(self) -> None:
        """Add the fields that depend on the day."""

    @property
    def shown(self) -> list[forms.BoundField]:
        """Return the fields that the page asks for, the picture apart."""
        return [bound for bound in self if bound.name != "document"]

    @property
    def picture(self) -> forms.BoundField | None:
        """Return the field of the picture, where there is one."""
        return self["document"] if "document" in self.fields else None

    def clean(self) -> dict[str, Any]:
        """Keep the picture, the one from before where none is new."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("document"):
            self.keeper.jpeg = cleaned["document"]
        if self.needs_document and not self.is_row and self.keeper.jpeg is None and "document" not in self.errors:
            self.add_error("document", _("Take a photo of the paper: without it nobody can check this later."))
        return cleaned

    def facts(self) -> dict[str, Any]:
        """Return what healthcode.kinds lays down for the kind."""
        raise NotImplementedError

    def true_at(self) -> dt.datetime:
        """Return when it was true: by the end of its day, and not after the form's moment."""
        day, time = self.cleaned_data.get("day"), self.cleaned_data.get("time")
        if day is None:
            return self.keeper.at
        last = dt.datetime.combine(day, time or dt.time.max, clock.SHANGHAI)
        return min(last, self.keeper.at)

    def _ask_day(self, label: StrOrPromise, name: str = "day") -> None:
        self.fields[name] = past_day(label)
        self.fields[name].required = True

    def _ask_time(self, label: StrOrPromise) -> None:
        widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
        invalid = _("Enter hour and minute, such as 09:30.")
        errors = {"required": invalid, "invalid": invalid}
        self.fields["time"] = forms.TimeField(label=label, widget=widget, error_messages=errors)

    def _refuse_future(self) -> None:
        day, time = self.cleaned_data.get("day"), self.cleaned_data.get("time")
        if day and time and dt.datetime.combine(day, time, clock.SHANGHAI) > clock.now():
            self.add_error("time", NOT_YET)


class TripForm(RecordForm):
    """A trip into the city."""

    kind = Kind.TRIP
    lead = _("A journey into the city that an investigation has found.")
    origin = line(_("Where from (province and city, or country)"), kinds.LONGEST_WORDS, required=True)
    transport = one_of(_("By what"), words.TRANSPORT.items())
    number = line(_("Number of the train, flight, coach or car"), kinds.LONGEST_WORDS, help_text=_("If it is known."))

    def prepare(self) -> None:
        """Ask for the day."""
        self._ask_day(_("Day of arrival"))

    def facts(self) -> dict[str, Any]:
        """Return the trip."""
        told = self.cleaned_data
        number = {"number": told["number"]} if told["number"] else {}
        return {"from": told["origin"], "day": told["day"].isoformat(), "transport": told["transport"], **number}


class StayForm(RecordForm):
    """A stay in a risk area."""

    kind = Kind.RISK_AREA_STAY
    lead = _("Days spent in a place on the published list. The rules decide whether they count.")

    def prepare(self) -> None:
        """Offer the list in force, and ask for the days."""
        choices = [(area.prefix.ljust(12, "0"), area.name) for area in listed_areas()]
        self.fields["code"] = one_of(_("Where"), choices)
        self._ask_day(_("First day there"), "first")
        self._ask_day(_("Last day there"))

    def clean(self) -> dict[str, Any]:
        """Keep the days in order."""
        cleaned = super().clean()
        first, last = cleaned.get("first"), cleaned.get("day")
        if first and last and last < first:
            self.add_error("day", _("The last day is before the first."))
        return cleaned

    def facts(self) -> dict[str, Any]:
        """Return the stay."""
        told = self.cleaned_data
        return {"code": told["code"], "from": told["first"].isoformat(), "to": told["day"].isoformat()}


class ExposureForm(RecordForm):
    """A contact that an investigation found."""

    kind = Kind.EXPOSURE
    lead = _("A contact that an investigation has confirmed, taken from its signed report.")
    needs_document = True
    grade = one_of(_("What kind of contact"), words.CHOSEN["grade"].items())

    def prepare(self) -> None:
        """Ask for the day."""
        self._ask_day(_("Last day of the contact"))

    def facts(self) -> dict[str, Any]:
        """Return the grade."""
        return {"grade": self.cleaned_data["grade"]}


class CaseForm(RecordForm):
    """A case."""

    kind = Kind.CASE
    lead = _("A confirmed or suspected case, taken from the hospital's report.")
    needs_document = True
    status = one_of(_("What the report says"), words.CHOSEN["status"].items())

    def prepare(self) -> None:
        """Ask for the day."""
        self._ask_day(_("Day of the report"))

    def facts(self) -> dict[str, Any]:
        """Return the status."""
        return {"status": self.cleaned_data["status"]}


class ReleasedForm(RecordForm):
    """The end of a case."""

    kind = Kind.RELEASED
    lead = _("A case that has recovered or was ruled out: it ends the red of the case itself, and nothing else.")
    basis = one_of(_("Why it ends"), words.CHOSEN["basis"].items())

    def prepare(self) -> None:
        """Ask for the day."""
        self._ask_day(_("Day of the finding"))

    def facts(self) -> dict[str, Any]:
        """Return the basis."""
        return {"basis": self.cleaned_data["basis"]}


class TestForm(RecordForm):
    """A test result."""

    __test__ = False
    kind = Kind.TEST_RESULT
    lead = _("A result as the laboratory's paper has it. The time of sampling counts, not that of the result.")
    needs_document = True
    result = one_of(_("Result"), words.CHOSEN["result"].items())
    method = one_of(_("Method"), words.CHOSEN["method"].items())

    def prepare(self) -> None:
        """Ask when the sample was taken."""
        self._ask_day(_("Day of sampling"))
        self._ask_time(_("Time of sampling"))

    def clean(self) -> dict[str, Any]:
        """Refuse samples that are still to be taken."""
        cleaned = super().clean()
        self._refuse_future()
        return cleaned

    def facts(self) -> dict[str, Any]:
        """Return result and method."""
        return {"result": self.cleaned_data["result"], "method": self.cleaned_data["method"]}


class Degrees(Celsius):
    """A temperature that must be given."""

    def clean(self, value: Any) -> Any:
        """Return the number; an empty field is asked for."""
        number = super().clean(value)
        if number is None:
            raise ValidationError(_("Enter what the thermometer shows, such as 37.6."))
        return number


class TemperatureForm(RecordForm):
    """A temperature that was measured again."""

    kind = Kind.TEMPERATURE
    lead = _("Only a second measurement counts: after some minutes of rest, in the shade, with a clinical thermometer.")
    takes_document = False
    celsius = Degrees(label=_("Temperature of the second measurement, in °C"))
    confirmed = some_of(_("Your word"), [(YES, _("I have measured it a second time myself, just now."))])

    def prepare(self) -> None:
        """Say what to do without a second measurement."""
        self.fields["confirmed"].error_messages["required"] = _(
            "Let the person rest, measure again, then tick the box. A first measurement is not recorded."
        )

    def facts(self) -> dict[str, Any]:
        """Return the temperature."""
        return {"celsius": float(self.cleaned_data["celsius"]), "confirmed": True}


class ClinicVisitForm(RecordForm):
    """A visit to a fever clinic."""

    kind = Kind.FEVER_CLINIC_VISIT
    lead = _("What the doctor of the fever clinic found.")
    finding = one_of(_("Finding"), words.CHOSEN["finding"].items())
    celsius = Celsius(label=_("Temperature, in °C"), help_text=_("If it was measured."))

    def prepare(self) -> None:
        """Ask for the day."""
        self._ask_day(_("Day of the visit"))

    def facts(self) -> dict[str, Any]:
        """Return the finding."""
        told = self.cleaned_data
        celsius = {} if told["celsius"] is None else {"celsius": float(told["celsius"])}
        return {"finding": told["finding"], **celsius}


class VaccinationForm(RecordForm):
    """A vaccination."""

    kind = Kind.VACCINATION
    lead = _("Kept for whoever wants it on record. No rule hangs on it, and no code changes.")
    vaccine = line(_("Vaccine"), kinds.LONGEST_WORDS, required=True)
    dose = forms.IntegerField(
        label=_("Which dose"),
        min_value=1,
        max_value=kinds.MOST_DOSES,
        error_messages={"required": _("Enter 1 for the first dose, 2 for the second.")},
    )

    def prepare(self) -> None:
        """Ask for the day."""
        self._ask_day(_("Day of the vaccination"))

    def facts(self) -> dict[str, Any]:
        """Return dose and vaccine."""
        return {"dose": self.cleaned_data["dose"], "vaccine": self.cleaned_data["vaccine"]}


class RecoveryForm(RecordForm):
    """A recovery."""

    kind = Kind.RECOVERY
    lead = _("Kept for whoever wants it on record. No rule hangs on it, and no code changes.")

    def prepare(self) -> None:
        """Ask for the days."""
        self._ask_day(_("Day of the diagnosis"), "diagnosed_on")
        self._ask_day(_("Day of the recovery"))

    def clean(self) -> dict[str, Any]:
        """Keep the days in order."""
        cleaned = super().clean()
        diagnosed, recovered = cleaned.get("diagnosed_on"), cleaned.get("day")
        if diagnosed and recovered and recovered < diagnosed:
            self.add_error("day", _("The recovery is before the diagnosis. Look at both days again."))
        return cleaned

    def facts(self) -> dict[str, Any]:
        """Return the day of the diagnosis."""
        return {"diagnosed_on": self.cleaned_data["diagnosed_on"].isoformat()}


class WithdrawalForm(RecordForm):
    """Taking a piece of evidence back."""

    kind = Kind.WITHDRAWAL
    lead = _("The evidence stays on record as withdrawn, with your name. The code follows at once.")
    because = one_of(_("Why"), words.CHOSEN["because"].items())

    def facts(self) -> dict[str, Any]:
        """Return the reason."""
        return {"because": self.cleaned_data["because"]}


FORMS: Mapping[str, type[RecordForm]] = {
    form.kind: form
    for form in (
        ExposureForm,
        CaseForm,
        ReleasedForm,
        TestForm,
        TemperatureForm,
        ClinicVisitForm,
        TripForm,
        StayForm,
        VaccinationForm,
        RecoveryForm,
    )
}


class DecisionForm(forms.Form):
    """What somebody says to the sender of held evidence."""

    note = forms.CharField(
        label=pgettext_lazy("on held evidence", "Note to the sender"),
        help_text=_("Needed when you refuse: the sender reads it."),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def listed_areas() -> list[RiskArea]:
    """Return the places of the list in force that are risk areas by now."""
    now = clock.now()
    in_force = replay.activations(now).in_force(now)
    return list(RiskArea.objects.filter(version=in_force.risk_list, valid_from__lte=clock.today()).order_by("prefix"))


class ListForm(forms.Form):
    """A list from Excel or CSV, and the paper that it was taken from."""

    file = forms.FileField(
        label=_("List, as .xlsx or CSV"),
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods,.csv,text/csv"}),
        error_messages={"required": _("Choose the file."), "empty": _("This file is empty. Choose another.")},
    )
    document = PhotoField(label=_("Photo of the signed paper that the list was taken from"), required=False)

    def __init__(
        self, user: User, data: MultiValueDict[str, str] | None = None, files: MultiValueDict[str, Any] | None = None
    ) -> None:
        super().__init__(data, files)
        self.keeper = Keeper(user, data)

    @property
    def picture(self) -> forms.BoundField:
        """Return the field of the picture."""
        return self["document"]

    def clean(self) -> dict[str, Any]:
        """Keep the picture, the one from before where none is new."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("document"):
            self.keeper.jpeg = cleaned["document"]
        if self.keeper.jpeg is None and "document" not in self.errors:
            self.add_error("document", _("Take a photo of the paper: without it nobody can check this later."))
        return cleaned
