"""Forms of the pages of alerts, orders and duty."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Self

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy
from django_stubs_ext import StrOrPromise

from citybrain.core.models import Area, User
from citybrain.core.photos import PhotoField
from community.actions.orders import MOST_PHOTOS, Found
from community.models import Alert, Visit, WorkOrder
from community.order_queries import Post

COLDEST, HOTTEST = 30, 45
# Fields that say something of a person: not asked where nobody was recognised.
OF_A_PERSON = ("celsius", "symptoms", "needs")
WRONG_TEMPERATURE = _("Enter a temperature between 30 and 45 °C, such as 36.8.")
PHOTO_LABELS = (_("Photo"), _("Second photo"), _("Third photo"), _("Fourth photo"))
# What is done at most visits, for whoever cannot type there.
DONE_WITH_A_PERSON = {
    "explained": _("explained the code and what to do now"),
    "stay": _("asked the person to stay at home"),
    "declared": _("helped with the declaration"),
    "note": _("left a note with a telephone number"),
    "neighbours": _("asked the neighbours"),
}
DONE_AT_A_PLACE = {"staff": _("talked to the gate staff"), "looked": _("looked around: nobody there")}
MISSING = {
    "photo": _("a photo that shows where you were"),
    "temperature": _("the temperature"),
    "again": _("nobody was met: go there again"),
}
LONGEST_FEEDBACK = 500
# A draft keeps what fits in a field and a little more.
LONGEST_KEPT, MOST_KEPT = 2000, 50
DEGREES_WITHOUT_POINT = re.compile(r"[34]\d\d")


class OrderFilterForm(forms.Form):
    """Chooses which of one's orders are listed; lives in the URL."""

    show = forms.ChoiceField(
        choices=(("open", pgettext_lazy("orders", "to do")), ("done", pgettext_lazy("orders", "done"))), required=False
    )


class AlertFilterForm(forms.Form):
    """Narrows the list of alerts; lives in the URL. Without a choice open ones are listed."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=(
            ("open", pgettext_lazy("alerts", "open")),
            ("closed", pgettext_lazy("alerts", "closed")),
            ("all", pgettext_lazy("alerts", "open and closed")),
        ),
    )
    kind = forms.ChoiceField(label=_("What happened"), required=False, choices=[("", _("all")), *Alert.Kind.choices])

    def narrowing(self) -> dict[str, str]:
        """Return the filter for `order_queries.alerts`; call it on a valid form only."""
        state = self.cleaned_data["state"] or "open"
        return {"state": "" if state == "all" else state, "kind": self.cleaned_data["kind"]}


class CelsiusField(forms.DecimalField):
    """A temperature that a thermometer can show of a living human being; whatever else is typed gets one answer."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=COLDEST, max_value=HOTTEST, max_digits=3, decimal_places=1, **kwargs)

    def clean(self, value: Any) -> Decimal | None:
        """Return the degrees, None where nothing was typed; 368 is 36.8, as gloves find no point."""
        typed = unicodedata.normalize("NFKC", str(value or "")).strip().replace(",", ".").replace("。", ".")
        if DEGREES_WITHOUT_POINT.fullmatch(typed):
            typed = f"{typed[:2]}.{typed[2]}"
        try:
            degrees: Decimal | None = super().clean(typed)
        except forms.ValidationError:
            raise forms.ValidationError(WRONG_TEMPERATURE) from None
        return degrees


def joined(phrases: Mapping[str, Any], chosen: Sequence[str], words: str) -> str:
    """Return chosen phrases and what was written besides as one text."""
    return pgettext("between things that were done", "; ").join(
        [*(str(phrases[code]) for code in chosen), *([words] if words else [])]
    )


class PhrasesForm(forms.Form):
    """Asks for words: some are offered to choose from, the rest is written."""

    phrases_field: str
    words_field: str
    nothing: StrOrPromise

    def phrases(self) -> Mapping[str, Any]:
        """Return what is offered, by code."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        """Put chosen phrases and written words together; ask for either."""
        given: dict[str, Any] = super().clean() or {}
        name = self.words_field
        if name in given and self.phrases_field in given:
            given[name] = joined(self.phrases(), given[self.phrases_field], given[name])
            if not given[name]:
                self.add_error(name, self.nothing)
            elif len(given[name]) > LONGEST_FEEDBACK:
                self.add_error(name, _("This is too long together with what you chose. Shorten it a little."))
        return given


class VisitForm(PhrasesForm):
    """What a worker found on site."""

    phrases_field, words_field = "done", "feedback"
    nothing = _("Choose above what you did, or write it in a few words.")

    # How many visits the order had when the page was drawn.
    seen = forms.IntegerField(min_value=0, max_value=1000, widget=forms.HiddenInput)
    outcome = forms.ChoiceField(
        label=_("Whom did you find?"), widget=forms.RadioSelect, error_messages={"required": _("Choose one.")}
    )
    celsius = CelsiusField(
        label=_("Temperature in °C, if you measured it"),
        help_text=_("Three digits are enough: 368 is 36.8."),
        required=False,
    )
    symptoms = forms.MultipleChoiceField(
        label=_("Symptoms that the person has"),
        help_text=_("Choose nothing if there are none."),
        required=False,
        choices=Visit.Symptom.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    needs = forms.CharField(
        label=_("What the person needs"),
        help_text=_("Such as medicine or food; empty if nothing."),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    done = forms.MultipleChoiceField(label=_("What did you do?"), required=False, widget=forms.CheckboxSelectMultiple)
    feedback = forms.CharField(
        label=_("What you found and did, in your own words"),
        help_text=_("Not needed if you chose something above."),
        required=False,
        max_length=LONGEST_FEEDBACK,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, order: WorkOrder, *args: Any, kept: Collection[int] = (), **kwargs: Any) -> None:
        """`kept` are the numbers of photos that arrived earlier."""
        super().__init__(*args, **kwargs)
        self._order, self.kept = order, frozenset(kept)
        self.fields["outcome"].choices = _outcomes(order)  # type: ignore[attr-defined]
        self.fields["done"].choices = list(self.phrases().items())  # type: ignore[attr-defined]
        if order.person_id is None:
            for name in OF_A_PERSON:
                del self.fields[name]
        for number, label in enumerate(PHOTO_LABELS, start=1):
            self.fields[f"photo_{number}"] = PhotoField(label=label, required=False)
            if number in self.kept:
                self.fields[f"drop_{number}"] = forms.BooleanField(label=_("Leave this photo out"), required=False)

    @classmethod
    def of_draft(cls, order: WorkOrder, typed: Mapping[str, Any], *, seen: int, kept: Collection[int]) -> Self:
        """Return the form as it was sent, with what was wrong."""
        words = {name: values for name, values in typed.items() if name != "photo_errors"}
        form = cls(order, MultiValueDict({**words, "seen": [seen]}), kept=kept)
        for name, problems in typed.get("photo_errors", {}).items():
            form.add_error(name, problems)
        return form

    def phrases(self) -> Mapping[str, Any]:
        """Return what is done at such a visit."""
        return DONE_WITH_A_PERSON if self._order.person_id else DONE_AT_A_PLACE

    def clean(self) -> dict[str, Any]:
        """Refuse what can be known of somebody only who was met."""
        given = super().clean()
        is_met = given.get("outcome") == Visit.Outcome.MET
        if "outcome" in given and not is_met:
            advice = _("You can know this only if you met the person. Clear it, or choose “met the person”.")
            for name in ("celsius", "symptoms"):
                if given.get(name):
                    self.add_error(name, advice)
        return given

    def found(self) -> Found:
        """Return what was found."""
        given = self.cleaned_data
        return Found(
            outcome=given["outcome"],
            feedback=given["feedback"],
            celsius=given.get("celsius"),
            symptoms=given.get("symptoms", []),
            needs=given.get("needs", ""),
        )

    def fresh(self) -> dict[int, bytes]:
        """Return the pictures that came with this form by their number, as JPEG; also when something else is wrong."""
        given = {number: self.cleaned_data.get(f"photo_{number}") for number in range(1, MOST_PHOTOS + 1)}
        return {number: jpeg for number, jpeg in given.items() if jpeg}

    def dropped(self) -> set[int]:
        """Return the numbers of the photos of before that are left out."""
        return {number for number in self.kept if self.cleaned_data.get(f"drop_{number}")}

    def pictures(self, kept: Mapping[int, bytes]) -> list[bytes]:
        """Return all pictures, given those that arrived earlier."""
        dropped = self.dropped()
        old = {number: jpeg for number, jpeg in kept.items() if number not in dropped}
        return [jpeg for _number, jpeg in sorted({**old, **self.fresh()}.items())]

    def typed(self) -> dict[str, Any]:
        """Return what `of_draft` draws the form from: what was typed, and what was wrong with a photo."""
        data: MultiValueDict[str, str] = self.data  # type: ignore[assignment]
        of_photos = {f"{what}_{number}" for what in ("photo", "drop") for number in range(1, MOST_PHOTOS + 1)}
        words = {
            name: [value[:LONGEST_KEPT] for value in data.getlist(name)[:MOST_KEPT]]
            for name in self.fields.keys() - of_photos - {"seen"}
        }
        wrong = {name: list(map(str, problems)) for name, problems in self.errors.items() if name in of_photos}
        return {**words, "photo_errors": wrong}

    def photos(self) -> list[tuple[forms.BoundField, forms.BoundField | None]]:
        """Return each photo's field with the one that leaves out a photo that arrived earlier."""
        return [
            (self[f"photo_{number}"], self[f"drop_{number}"] if number in self.kept else None)
            for number in range(1, MOST_PHOTOS + 1)
        ]


def _outcomes(order: WorkOrder) -> list[tuple[str, Any]]:
    """Return what can come of a visit: to a person, or to a place where nobody was recognised."""
    at_a_place = {Visit.Outcome.NO_PERSON, Visit.Outcome.REFUSED}
    to_a_person = set(Visit.Outcome) - {Visit.Outcome.NO_PERSON}
    fit = to_a_person if order.person_id else at_a_place
    return [(one.value, one.label) for one in Visit.Outcome if one in fit]


class ReturnForm(PhrasesForm):
    """What is missing in a report."""

    phrases_field, words_field = "missing", "note"
    nothing = _("Choose what is missing, or write what the worker is to do.")

    missing = forms.MultipleChoiceField(
        label=_("What is missing?"), required=False, choices=list(MISSING.items()), widget=forms.CheckboxSelectMultiple
    )
    note = forms.CharField(
        label=_("What the worker is to do, in your own words"),
        help_text=_("Not needed if you chose something above."),
        required=False,
        max_length=LONGEST_FEEDBACK,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def phrases(self) -> Mapping[str, Any]:
        """Return what is often missing."""
        return MISSING


class WorkerChoice(forms.TypedChoiceField):
    """One of the users who may handle orders somewhere."""

    def __init__(self, workers: Sequence[User], *, empty_label: StrOrPromise, **kwargs: Any) -> None:
        users = {str(worker.pk): worker for worker in workers}
        choices = [("", empty_label), *((pk, str(worker)) for pk, worker in users.items())]
        super().__init__(choices=choices, coerce=users.get, empty_value=None, **kwargs)


class AssignForm(forms.Form):
    """Gives an order to a worker."""

    def __init__(self, workers: Sequence[User], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["worker"] = WorkerChoice(
            workers, label=_("Worker"), empty_label=_("choose"), error_messages={"required": _("Choose one.")}
        )


class DutyForm(forms.Form):
    """Who is on duty for each grid of a roster."""

    def __init__(self, posts: Sequence[Post], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.posts = posts
        for post in posts:
            self.fields[self._name(post)] = WorkerChoice(
                post.workers,
                label=post.grid.name,
                required=False,
                empty_label=pgettext_lazy("on duty", "nobody"),
                initial=post.on_duty.pk if post.on_duty and not post.is_stale else "",
                show_hidden_initial=True,
            )

    @staticmethod
    def _name(post: Post) -> str:
        return f"grid_{post.grid.pk}"

    def rows(self) -> list[tuple[Post, forms.BoundField]]:
        """Return each post with its field."""
        return [(post, self[self._name(post)]) for post in self.posts]

    def chosen(self) -> list[tuple[Area, User | None]]:
        """Return who is to be on duty where, of the grids that were changed on the page."""
        changed = [post for post in self.posts if self._name(post) in self.changed_data]
        return [(post.grid, self.cleaned_data[self._name(post)]) for post in changed]
