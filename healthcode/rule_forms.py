"""Forms of a change of rules: rule files, lists of risk areas, what is announced, and the decision."""

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from citybrain.core import clock
from citybrain.core.forms import day_field
from healthcode.models import RiskArea, RuleSet
from healthcode.models.risk_area import prefix_of
from healthcode.rule_words import in_language

LARGEST = 2 * 1024 * 1024
MOST_PLACES = 5000
# Told at once; whoever made the file sees more than one mistake, and no thousand.
MOST_MISTAKES = 20
COLUMNS = ("code", "name", "level", "valid_from", "valid_to", "listed_on")
HEADINGS: Mapping[str, str] = {
    "代码": "code",
    "区划代码": "code",
    "名称": "name",
    "等级": "level",
    "开始日期": "valid_from",
    "解除日期": "valid_to",
    "首次列入日期": "listed_on",
}
LEVELS: Mapping[str, str] = {"high": "high", "高风险": "high", "高": "high"} | {
    "medium": "medium",
    "中风险": "medium",
    "中": "medium",
}
CODE = RegexValidator(r"^\d{12}(\d{3})?$", gettext_lazy("A code has 12 digits, or 15 for a grid."))


class RuleFileForm(forms.Form):
    """Takes a rule file."""

    file = forms.FileField(label=gettext_lazy("Rule file (JSON)"), allow_empty_file=False)

    def clean_file(self) -> Any:
        """Return what the file says; the form checks no rule."""
        text = _text(self.cleaned_data["file"])
        try:
            return json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as problem:
            told = {"problem": str(problem)}
            raise forms.ValidationError(_("This is no JSON file: %(problem)s") % told) from problem


class RiskListFileForm(forms.Form):
    """Takes a list of risk areas as CSV."""

    title = forms.CharField(
        label=gettext_lazy("Who published it, and when"),
        max_length=200,
        help_text=gettext_lazy("As it stands on the list; everybody can read it."),
    )
    file = forms.FileField(label=gettext_lazy("List (CSV)"), allow_empty_file=False)

    def __init__(self, *args: Any, listed_on: Mapping[tuple[str, str], dt.date], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # When places of the list in force first came on it.
        self._listed_on = listed_on

    def clean_file(self) -> list[dict[str, Any]]:
        """Return the places, or an error for each row that cannot be."""
        rows = list(_rows(_text(self.cleaned_data["file"])))
        areas, mistakes, seen = list[dict[str, Any]](), list[str](), dict[tuple[Any, ...], int]()
        for number, row in rows:
            form = PlaceForm(row, listed_on=self._listed_on)
            if not form.is_valid():
                told = [f"{form.fields[name].label}: {text}" for name, texts in form.errors.items() for text in texts]
                mistakes.append(_("Row %(row)s: %(problem)s") % {"row": number, "problem": " ".join(told)})
                continue
            area = form.cleaned_data
            key = (prefix_of(area["code"]), area["level"], area["valid_from"])
            if key in seen:
                told_twice = {"row": number, "other": seen[key]}
                mistakes.append(_("Row %(row)s: the same place as in row %(other)s.") % told_twice)
            seen.setdefault(key, number)
            areas.append(area)
        if len(mistakes) > MOST_MISTAKES:
            more = _("And %(number)s more.") % {"number": len(mistakes) - MOST_MISTAKES}
            mistakes = [*mistakes[:MOST_MISTAKES], more]
        if mistakes:
            raise forms.ValidationError(mistakes)
        return areas


class PlaceForm(forms.Form):
    """Takes one place of the list."""

    code = forms.CharField(
        label=pgettext_lazy("risk area", "Code"),
        max_length=15,
        validators=[CODE],
        help_text=gettext_lazy("12 digits; for a whole city or district the rest are zeros."),
    )
    name = forms.CharField(label=pgettext_lazy("risk area", "Name"), max_length=100)
    level = forms.ChoiceField(label=pgettext_lazy("risk area", "Level"), choices=RiskArea.Level)
    valid_from = day_field(gettext_lazy("First day"))
    valid_to = day_field(gettext_lazy("First day on which it is a risk area no more"))
    listed_on = day_field(gettext_lazy("Day on which it was first published"))
    field_order = COLUMNS

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *args: Any,
        listed_on: Mapping[tuple[str, str], dt.date],
        **kwargs: Any,
    ) -> None:
        super().__init__(data, *args, **kwargs)
        self.fields["valid_from"].required = True
        self._listed_on = listed_on

    def clean(self) -> dict[str, Any]:
        """Fill in when it was first listed: as on the list in force, else today."""
        area = self.cleaned_data
        first, last = area.get("valid_from"), area.get("valid_to")
        if first and last and last <= first:
            self.add_error("valid_to", _("It must end after its first day."))
        if not area.get("listed_on") and "code" in area and "level" in area:
            area["listed_on"] = self._listed_on.get((prefix_of(area["code"]), area["level"]), clock.today())
        return area


class EndPlaceForm(forms.Form):
    """Ends one place of the list."""

    area = forms.IntegerField(widget=forms.HiddenInput)
    valid_to = day_field(gettext_lazy("First day on which it is a risk area no more"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["valid_to"].required = True


class RuleSetChoice(forms.ModelChoiceField[RuleSet]):
    """A rule set, shown with its version."""

    def label_from_instance(self, rule_set: RuleSet) -> str:
        """Return title, name and version."""
        return f"{in_language(rule_set.body['title'])} ({rule_set})"


class TryForm(forms.Form):
    """Chooses what to try out."""

    rule_set = RuleSetChoice(label=gettext_lazy("Rules"), queryset=RuleSet.objects.order_by("-pk"), empty_label=None)
    risk_list = forms.TypedChoiceField(label=gettext_lazy("List of risk areas"), coerce=int)

    def __init__(self, *args: Any, lists: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["risk_list"].choices = lists  # type: ignore[attr-defined]


class ProposeForm(forms.Form):
    """Takes what is announced, and from when it holds."""

    announcement_zh = forms.CharField(
        label=gettext_lazy("Announcement in Chinese"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "lang": "zh-Hans"}),
        help_text=gettext_lazy("What changes for people, why, and what they have to do. Everybody can read it."),
    )
    announcement_en = forms.CharField(
        label=gettext_lazy("Announcement in English"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "lang": "en"}),
    )
    start = forms.ChoiceField(
        label=pgettext_lazy("rules", "Start"),
        choices=[("now", gettext_lazy("at once, with the approval")), ("later", gettext_lazy("at a time"))],
        widget=forms.RadioSelect,
    )
    starts_at = forms.DateTimeField(
        label=gettext_lazy("Time of the start"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"],
    )

    def clean(self) -> dict[str, Any]:
        """Want a time when one is to be chosen, and take none when not."""
        said = self.cleaned_data
        if said.get("start") == "now":
            said["starts_at"] = None
        elif said.get("start") == "later" and not said.get("starts_at") and "starts_at" not in self.errors:
            self.add_error("starts_at", _("Say when they start."))
        if (starts_at := said.get("starts_at")) and starts_at > clock.now() + dt.timedelta(days=90):
            self.add_error("starts_at", _("That is more than 90 days away."))
        return said


class DecideForm(forms.Form):
    """Takes the decision on a proposal."""

    note = forms.CharField(
        label=gettext_lazy("What you say to whoever proposed it"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Needed when you refuse."),
    )


def _text(file: UploadedFile) -> str:
    if (file.size or 0) > LARGEST:
        raise forms.ValidationError(_("The file is larger than 2 MB."))
    raw = file.read()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text: str = raw.decode(encoding)
        except ValueError:
            continue
        if "\x00" in text or "\\u0000" in text or "\\ud" in text.lower():
            raise forms.ValidationError(_("The file holds characters that cannot be kept."))
        return text
    raise forms.ValidationError(_("The file is no text: save it as UTF-8."))


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file with their numbers, by the names of the columns."""
    try:
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as problem:
        told = {"problem": str(problem)}
        raise forms.ValidationError(_("This is no CSV file: %(problem)s") % told) from problem
    heads = [HEADINGS.get(head.strip(), head.strip().lower()) for head in lines[0]] if lines else []
    wrong = [head for head in heads if head not in COLUMNS]
    missing = [name for name in COLUMNS[:4] if name not in heads]
    if wrong or missing:
        told = {"columns": ", ".join(COLUMNS), "wrong": ", ".join(wrong or missing)}
        raise forms.ValidationError(
            _("The first row names the columns: %(columns)s. Not understood or missing: %(wrong)s") % told
        )
    if len(lines) > MOST_PLACES + 1:
        raise forms.ValidationError(_("More than %(most)s rows in one file.") % {"most": MOST_PLACES})
    for number, line in enumerate(lines[1:], start=2):
        if any(cell.strip() for cell in line):
            row = {name: cell.strip() for name, cell in zip(heads, line, strict=False)}
            row["level"] = LEVELS.get(row.get("level", "").lower(), row.get("level", ""))
            yield number, row
