"""Recording what staff know of others: find the person, choose the kind, fill in, read it once more, record."""

import functools
import uuid
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from citybrain.core import access, photos
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import explanation, queries, recording, recording_lists
from healthcode.actions.evidence import Said
from healthcode.actions.submit import Submitted, foresee, submit_once
from healthcode.kinds import Kind
from healthcode.models import Evidence, Hold, Impact
from healthcode.permissions import RECORDED_UNDER, is_in_charge, may_withdraw, source_of
from healthcode.recording_forms import FORMS, FindForm, RecordForm, WithdrawalForm
from healthcode.replay import NoRulesError

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
# Pieces of evidence to withdraw that one page shows, the newest; people of a list that are named.
MOST_SHOWN = 50
OWN_HOLDS = 10
NOBODY = gettext_lazy(
    "Nobody of whom you may record anything has this number. Compare all places with the document. Whoever has no entry"
    " yet declares first."
)


def needs_rules(view: View[P]) -> View[P]:
    """Answer a page of its own when no rules are in force: nobody can be judged then."""

    @functools.wraps(view)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoRulesError:
            return render(request, "healthcode/recording/no_rules.html", status=503)

    return answered


@access.requires(Act.RECORD_TEMPERATURE)
@access.names_people
@sensitive_post_parameters("number")
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Ask for the document of whoever it is about; show what became of the user's own recordings that waited."""
    user = access.signed_in(request)
    form = FindForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = recording.find(
                user, form.cleaned_data["type"], form.cleaned_data["number"], access.purpose_of(request)
            )
        except recording.TooManyError as problem:
            form.add_error(None, str(problem))
        else:
            if person is not None:
                recording.remember(request.session, person)
                return redirect("healthcode:record_person", person=person.ref)
            form.add_error("number", NOBODY)
    own = Hold.objects.filter(made_by=user.pk).order_by("-made_at", "-id")[:OWN_HOLDS]
    frame = {"form": form, "holds": list(own), "lists": recording.lists_of(user, list(recording_lists.COLUMNS))}
    return render(request, "healthcode/recording/start.html", frame)


@access.requires(Act.RECORD_TEMPERATURE)
@access.names_people
@require_safe
def menu(request: HttpRequest, person: uuid.UUID) -> HttpResponse:
    """Show what may be recorded of somebody, and what may be withdrawn."""
    found = _load(request, person)
    user = access.signed_in(request)
    access.record_look(request, Deed.SEE_PERSON, Act.RECORD_TEMPERATURE, [found])
    kept = list(recording.to_withdraw(user, found)[:MOST_SHOWN])
    frame = {
        "person": found,
        "kinds": [(kind, Kind(kind).label, FORMS[kind].lead) for kind in recording.kinds_of(user, found)],
        "told": explanation.tell(kept),
    }
    return render(request, "healthcode/recording/person.html", frame)


@access.requires(Act.RECORD_TEMPERATURE)
@access.names_people
@require_http_methods(["GET", "HEAD", "POST"])
@needs_rules
def record(request: HttpRequest, person: uuid.UUID, kind: str) -> HttpResponse:
    """Ask for one piece of evidence, say what it would mean, record it."""
    if kind not in FORMS:
        raise Http404
    found = _load(request, person)
    user = access.signed_in(request)
    act = RECORDED_UNDER[kind][0]
    if kind not in recording.kinds_of(user, found):
        raise access.RefusedLookError(
            Deed.RECORD_EVIDENCE, act, status=403, target=f"kind:{kind}", person_ref=found.ref
        )
    form = _form(request, FORMS[kind], user)
    back = reverse("healthcode:record_person", args=[found.ref])
    return _walk(request, found, form, act, back=back)


@access.requires(Act.RECORD_TEMPERATURE)
@access.names_people
@require_http_methods(["GET", "HEAD", "POST"])
@needs_rules
def withdraw(request: HttpRequest, evidence: int) -> HttpResponse:
    """Show one piece of evidence in words, and take it back for a reason."""
    user = access.signed_in(request)
    row = Evidence.objects.select_related("person__area").filter(pk=evidence).first()
    act = may_withdraw(user, row) if row is not None else None
    if row is None or act is None:
        raise access.RefusedLookError(
            Deed.WITHDRAW_EVIDENCE, Act.WITHDRAW_EVIDENCE, status=404, target=f"evidence:{evidence}"
        )
    found = _load(request, row.person.ref)
    back = reverse("healthcode:record_person", args=[found.ref])
    if row.withdrawn_by.exists():
        messages.info(request, _("This has been withdrawn already."))
        return redirect(back)
    form = _form(request, WithdrawalForm, user)
    return _walk(request, found, form, act, back=back, withdraws=row)


@access.requires(Act.RECORD_TEMPERATURE)
@access.names_people
@require_safe
def recorded(request: HttpRequest, evidence: int) -> HttpResponse:
    """Show what the user has just recorded, and what it did."""
    user = access.signed_in(request)
    first = Evidence.objects.filter(pk=evidence, author=user.pk).first()
    if first is None:
        raise access.RefusedLookError(
            Deed.SEE_PERSON, Act.RECORD_TEMPERATURE, status=404, target=f"evidence:{evidence}"
        )
    together = Evidence.objects.filter(author=user.pk, known_at=first.known_at).select_related("person")
    rows = list(together.order_by("pk"))
    shown = rows[:MOST_SHOWN]
    access.record_look(request, Deed.SEE_PERSON, Act.RECORD_TEMPERATURE, [row.person for row in shown])
    effects = Impact.objects.filter(evidence__in=together).values_list("person_id", "effect")
    frame = {
        "count": len(rows),
        "people": [(row.person, queries.state_of(row.person).state) for row in shown] if len(rows) == 1 else [],
        "told": explanation.tell(rows[:1])[0] if len(rows) == 1 else None,
        "first": first,
        "worse": len({person for person, effect in effects if effect == Impact.Effect.WORSE}),
        "better": len({person for person, effect in effects if effect == Impact.Effect.BETTER}),
    }
    return render(request, "healthcode/recording/recorded.html", frame)


@access.requires(Act.RECORD_TEMPERATURE)
@require_safe
def held(request: HttpRequest, hold: uuid.UUID) -> HttpResponse:
    """Show the sender of held evidence why it waits, and what happens now."""
    own = Hold.objects.filter(ref=hold, made_by=access.signed_in(request).pk).first()
    if own is None:
        raise access.RefusedLookError(Deed.SEE_HELD, Act.RECORD_TEMPERATURE, status=404, target=f"hold:{hold}")
    reasons = [Hold.Because(one).label for one in own.because]
    count = own.items.values("person").distinct().count()
    return render(request, "healthcode/recording/held.html", {"hold": own, "reasons": reasons, "count": count})


def to_result(done: Submitted) -> HttpResponse:
    """Lead to the page that says what became of it."""
    if done.hold is not None:
        return redirect("healthcode:held", hold=done.hold.ref)
    return redirect("healthcode:recorded", evidence=done.evidence[0].pk)


def _load(request: HttpRequest, ref: uuid.UUID) -> Person:
    """Return somebody of the user's area, or whose document was shown to this session a moment ago."""
    user = access.signed_in(request)
    found = Person.objects.select_related("area").filter(ref=ref).first()
    if found is not None and recording.kinds_of(user, found):
        acts = {RECORDED_UNDER[kind][0] for kind in FORMS}
        if is_in_charge(user, acts, found) or recording.is_before(request.session, found):
            return found
    raise access.RefusedLookError(
        Deed.SEE_PERSON, Act.RECORD_TEMPERATURE, status=404, target=f"person:{ref}", person_ref=ref
    )


def _form(request: HttpRequest, kind: type[RecordForm], user: User) -> RecordForm:
    if request.method != "POST":
        return kind(user)
    form = kind(user, request.POST, request.FILES)
    photos.note_too_large(request, form)
    return form


def _walk(
    request: HttpRequest, person: Person, form: RecordForm, act: Act, *, back: str, withdraws: Evidence | None = None
) -> HttpResponse:
    """Show the form, then what it would mean, then record: whichever step was asked for and is possible."""
    user = access.signed_in(request)
    frame: dict[str, Any] = {
        "person": person,
        "form": form,
        "kind": form.kind.label,
        "back": back,
        "withdraws": explanation.tell([withdraws])[0] if withdraws else None,
    }
    if request.method == "POST" and form.is_valid() and request.POST.get("go") != "change":
        source = source_of(user, act, person)
        said = [Said(person, form.kind, form.facts(), form.true_at(), withdraws=withdraws)]
        try:
            if request.POST.get("go") == "record" and form.keeper.is_fresh:
                return to_result(submit_once(said=said, source=source, by=user, under=act, jpeg=form.keeper.jpeg))
            foreseen = foresee(said=said, source=source, by=user, under=act)
        except ValidationError as problem:
            form.add_error(None, problem.messages[0])
        else:
            access.record_look(request, Deed.SEE_PERSON, Act.RECORD_TEMPERATURE, [person])
            row = Evidence(pk=0, person=person, kind=form.kind, facts=said[0].facts, true_at=form.true_at())
            frame |= {
                "told": explanation.tell([row])[0],
                "meaning": recording.meaning(person, queries.state_of(person).state, foreseen),
                "because": [one.label for one in foreseen.because],
                "has_picture": form.keeper.jpeg is not None,
            }
            return render(request, "healthcode/recording/review.html", frame)
    elif request.method != "POST":
        access.record_look(request, Deed.SEE_PERSON, Act.RECORD_TEMPERATURE, [person])
    return render(request, "healthcode/recording/form.html", frame)
