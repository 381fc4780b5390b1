"""Forms of appeals."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from citybrain.core import clock, photos
from citybrain.core.models import Person
from citybrain.core.uploads import TOO_LARGE
from healthcode import appeal_queries
from healthcode.actions.appeal import MOST_PICTURES, MOST_WORDS
from healthcode.appeal_queries import Contested
from healthcode.models import Appeal

# A reason that somebody can understand is not a word or two.
LEAST_ANSWER = 20
PICTURES = tuple(f"photo_{number}" for number in range(1, MOST_PICTURES + 1))
PICTURE_LABELS = (_("Picture"), _("Second picture"), _("Third picture"))
TOO_LONG = _("This is longer than 1,000 characters. Shorten it; you can add more later.")


class PapersForm(forms.Form):
    """Words and pictures. A picture that cannot be read never stands in the way of the words."""

    text = forms.CharField(
        required=False,
        max_length=MOST_WORDS,
        widget=forms.Textarea(attrs={"rows": 6, "maxlength": MOST_WORDS}),
        error_messages={"max_length": TOO_LONG},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in zip(PICTURES, PICTURE_LABELS, strict=True):
            # No `capture`: what shows something is often a picture taken before.
            widget = forms.FileInput(attrs={"accept": "image/*"})
            self.fields[name] = forms.FileField(label=label, required=False, widget=widget)

    def add_error(self, field: str | None, error: Any) -> None:
        """Keep errors of words; an empty or damaged file is told by `pictures`."""
        if field not in PICTURES:
            super().add_error(field, error)

    @property
    def picture_fields(self) -> list[forms.BoundField]:
        """The fields for pictures."""
        return [self[name] for name in PICTURES]

    def pictures(self, request: HttpRequest) -> tuple[list[bytes], int]:
        """Return the pictures as JPEG, and how many could not be read or were too large."""
        read, lost = [], len(set(PICTURES) & set(request.META.get(TOO_LARGE, ())))
        for name in PICTURES:
            upload: UploadedFile | None = self.files.get(name)
            if upload is None:
                continue
            try:
                read.append(photos.to_jpeg(upload.read()))
            except ValidationError:
                lost += 1
        return read, lost


class AppealForm(PapersForm):
    """What is contested, and why."""

    rule = forms.ChoiceField(
        label=_("What is it about?"),
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("This reason no longer stands on your code. Choose what it is about now.")},
    )
    about = forms.ChoiceField(
        label=_("What do you say?"),
        choices=Appeal.About.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the one that fits best. If none does, choose the last.")},
    )
    field_order = ("rule", "about", "text", *PICTURES)

    def __init__(self, person: Person, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rule"].choices = appeal_queries.reason_choices(person)  # type: ignore[attr-defined]
        self.fields["text"].label = pgettext("appeal", "In your own words")
        self.fields["text"].help_text = _(
            "What is wrong, and what shows it? For example: “I was at work on that day; my employer can say so.” You"
            " may leave this empty."
        )


class MoreForm(PapersForm):
    """More words or pictures for a case."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].label = _("Your words")


class ShowForm(forms.Form):
    """Chooses a list of appeals; lives in the URL."""

    show = forms.ChoiceField(choices=list(appeal_queries.SHOWN.items()), required=False)


class AskForm(forms.Form):
    """A question to the person."""

    question = forms.CharField(
        label=_("Your question to the person"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write the question.")},
    )


class SendBackForm(forms.Form):
    """Why the second person does not agree."""

    note = forms.CharField(
        label=_("Why you do not agree"),
        help_text=_("Your colleague goes on with the case. The person can read this too."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write what your colleague should look at again.")},
    )


class DecisionForm(forms.Form):
    """How a case is decided."""

    withdraws = forms.TypedMultipleChoiceField(
        label=_("Which evidence is withdrawn?"),
        help_text=_("What is withdrawn counts no more, from this moment on. It stays on record, with your decision."),
        required=False,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("The evidence has changed since you opened the page. Look at it again.")},
    )
    outcome = forms.ChoiceField(
        label=_("The decision"),
        widget=forms.RadioSelect,
        choices=(
            (Appeal.Outcome.GRANTED, _("granted: all of it is withdrawn")),
            (Appeal.Outcome.GRANTED_IN_PART, _("granted in part: what is chosen above is withdrawn, the rest stays")),
            (Appeal.Outcome.REJECTED, _("rejected: nothing is withdrawn")),
        ),
        error_messages={"required": _("Choose one.")},
    )
    answer = forms.CharField(
        label=_("Why, for the person to read"),
        help_text=_("In plain words, without abbreviations: what you looked at, and what follows from it."),
        min_length=LEAST_ANSWER,
        max_length=MOST_WORDS,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={
            "required": _("Write why you decide so: the person has a right to know."),
            "min_length": _("Write it so that the person understands it: at least 20 characters."),
        },
    )
    field_order = ("withdraws", "outcome", "answer")

    def __init__(self, contested: Sequence[Contested], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        still = [one.told for one in contested if not one.is_withdrawn]
        self.fields["withdraws"].choices = [(one.evidence.pk, _label(one)) for one in still]  # type: ignore[attr-defined]


def _label(told: Any) -> str:
    between = pgettext_lazy("between the words of a list", ", ")
    at = told.evidence.true_at.astimezone(clock.SHANGHAI)
    return f"{at:%m-%d %H:%M} {told.evidence.get_kind_display()}: {str(between).join(told.lines) or '—'}"
