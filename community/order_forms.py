"""Forms of the pages of alerts, orders and duty."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
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
        """Return the degrees, None where nothing was typed."""
        try:
            degrees: Decimal | None = super().clean(value)
        except forms.ValidationError:
            raise forms.ValidationError(WRONG_TEMPERATURE) from None
        return degrees


class VisitForm(forms.Form):
    """What a worker found on site."""

    # How many visits the order had when the page was drawn.
    seen = forms.IntegerField(min_value=0, max_value=1000, widget=forms.HiddenInput)
    outcome = forms.ChoiceField(
        label=_("Whom did you find?"), widget=forms.RadioSelect, error_messages={"required": _("Choose one.")}
    )
    celsius = CelsiusField(label=_("Temperature in °C, if you measured it"), required=False)
    symptoms = forms.MultipleChoiceField(
        label=_("Symptoms that the person has"),
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
    feedback = forms.CharField(
        label=_("What you found and did"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Write in a few words what you found and did.")},
    )

    def __init__(self, order: WorkOrder, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["outcome"].choices = _outcomes(order)  # type: ignore[attr-defined]
        if order.person_id is None:
            for name in OF_A_PERSON:
                del self.fields[name]
        for number, label in enumerate(PHOTO_LABELS, start=1):
            self.fields[f"photo_{number}"] = PhotoField(label=label, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse what can be known of somebody only who was met."""
        given: dict[str, Any] = super().clean() or {}
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

    def pictures(self) -> list[bytes]:
        """Return the pictures, as JPEG."""
        given = (self.cleaned_data[f"photo_{number}"] for number in range(1, MOST_PHOTOS + 1))
        return [jpeg for jpeg in given if jpeg]


def _outcomes(order: WorkOrder) -> list[tuple[str, Any]]:
    """Return what can come of a visit: to a person, or to a place where nobody was recognised."""
    at_a_place = {Visit.Outcome.NO_PERSON, Visit.Outcome.REFUSED}
    to_a_person = set(Visit.Outcome) - {Visit.Outcome.NO_PERSON}
    fit = to_a_person if order.person_id else at_a_place
    return [(one.value, one.label) for one in Visit.Outcome if one in fit]


class ReturnForm(forms.Form):
    """What is missing in a report."""

    note = forms.CharField(
        label=_("What is missing"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write what the worker is to do.")},
    )


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
