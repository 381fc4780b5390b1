"""Corrections: a resident's own data and what is wrong with them; and the decision of the community's staff."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from citybrain.core import access, audit, paging, photos
from citybrain.core.models.audit import Deed
from citybrain.core.purposes import Purpose
from citybrain.core.roles import Act
from healthcode import correction_queries as queries
from healthcode import correction_values
from healthcode.actions import correction as actions
from healthcode.actions.correction import CorrectionError
from healthcode.correction_forms import CorrectionForm, DecideCorrectionForm
from healthcode.models import Correction
from healthcode.replay import NoRulesError

CONFLICT = 409


@access.requires(Act.SEE_OWN_DATA)
@require_safe
def corrections(request: HttpRequest) -> HttpResponse:
    """Show what is on record about the signed-in resident, each with a way to put it right; and their requests."""
    person = access.signed_in(request).person
    rows = queries.requests_of(person) if person else Correction.objects.none()
    page = paging.page(rows, ("-made_at", "-id"), paging.start_after(rows, "ref", request.GET.get("after")))
    frame = {"person": person, "data": queries.own_data(person) if person else [], "page": page}
    return render(request, "healthcode/correction/own.html", frame)


@access.requires(Act.SEE_OWN_DATA)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def new(request: HttpRequest, field: str) -> HttpResponse:
    """Ask for the right value and for what shows it."""
    user = access.signed_in(request)
    if field not in Correction.Field.values:
        raise Http404
    if user.person is None:
        return redirect("healthcode:corrections")
    is_sent = request.method == "POST"
    form = CorrectionForm(field, request.POST, request.FILES) if is_sent else CorrectionForm(field)
    if is_sent:
        photos.note_too_large(request, form)
    if is_sent and form.is_valid():
        try:
            asked = actions.ask_correction(person=user.person, field=field, new=form.new, jpeg=form.jpeg, by=user)
        except CorrectionError as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, _("Sent. The staff of your community compare it and answer you here."))
            return redirect("healthcode:correction", correction=asked.ref)
    frame = {
        "form": form,
        "field": Correction.Field(field),
        "now": correction_values.in_words(field, correction_values.on_record(user.person, field)),
    }
    return render(request, "healthcode/correction/new.html", frame)


@access.requires(Act.SEE_OWN_DATA)
@require_safe
def correction(request: HttpRequest, correction: uuid.UUID) -> HttpResponse:
    """Show a request of one's own: both values, where it stands, the answer."""
    found = _own(request, correction)
    return render(request, "healthcode/correction/request.html", {"row": queries.compared(found)})


@access.requires(Act.SEE_OWN_DATA)
@require_POST
def take_back(request: HttpRequest, correction: uuid.UUID) -> HttpResponse:
    """Take a request of one's own back."""
    found = _own(request, correction)
    try:
        actions.take_back(correction=found, by=access.signed_in(request))
    except CorrectionError as problem:
        messages.warning(request, str(problem))
    return redirect("healthcode:correction", correction=correction)


@access.requires(Act.SEE_OWN_DATA)
@require_safe
def own_picture(request: HttpRequest, correction: uuid.UUID) -> HttpResponse:
    """Show the picture of a request of one's own."""
    found = _own(request, correction)
    if found.picture is None:
        raise Http404
    return photos.answer(found.picture)


@access.requires(Act.CORRECT_DATA)
@access.names_people
@require_safe
def to_decide(request: HttpRequest) -> HttpResponse:
    """List the requests of the user's areas, the longest waiting first."""
    rows = queries.to_decide(access.signed_in(request))
    page = paging.page(rows, ("made_at", "id"), paging.start_after(rows, "ref", request.GET.get("after")))
    _record(request, page.rows, Deed.SEE_LIST, detail={"corrections": len(page.rows)})
    return render(request, "healthcode/correction/list.html", {"page": page})


@access.requires(Act.CORRECT_DATA)
@access.names_people
@require_safe
def case(request: HttpRequest, correction: uuid.UUID) -> HttpResponse:
    """Show a request to whoever decides it: both values, the picture, the form."""
    return _case(request, _load(request, correction, Deed.SEE_CORRECTION))


@access.requires(Act.CORRECT_DATA)
@access.names_people
@require_safe
def picture(request: HttpRequest, correction: uuid.UUID) -> HttpResponse:
    """Show the picture of a request; each time is a look on record."""
    found = _load(request, correction, Deed.SEE_PHOTO)
    if found.picture is None:
        raise access.RefusedLookError(Deed.SEE_PHOTO, Act.CORRECT_DATA, status=404, target=f"correction:{correction}")
    _record(request, [found], Deed.SEE_PHOTO, target=f"photo:{found.picture.pk}")
    return photos.answer(found.picture)


@access.requires(Act.CORRECT_DATA)
@access.names_people
@require_POST
@sensitive_post_parameters()
def decide(request: HttpRequest, correction: uuid.UUID) -> HttpResponse:
    """Correct the data, or leave them as they are with a reason."""
    found, user = _load(request, correction, Deed.DECIDE_CORRECTION), access.signed_in(request)
    form = DecideCorrectionForm(found, request.POST)
    if not form.is_valid():
        return _case(request, found, form=form)
    said = {"correction": found, "answer": form.cleaned_data["answer"], "by": user}
    try:
        if request.POST.get("answer_is") == "approve":
            actions.approve(compared=form.cleaned_data["compared"], **said)
            messages.success(request, _("Corrected. The person reads it on their page."))
        else:
            actions.refuse(**said)
            messages.success(request, _("Not corrected. The person reads why."))
    except (CorrectionError, NoRulesError) as problem:
        form.add_error(None, str(problem))
        return _case(request, _load(request, correction, Deed.SEE_CORRECTION), form=form, status=CONFLICT)
    return redirect("healthcode:corrections_to_decide")


def _own(request: HttpRequest, ref: uuid.UUID) -> Correction:
    """Return a request about the signed-in resident; otherwise 404, on record."""
    rows = Correction.objects.filter(ref=ref, person__isnull=False, person=access.signed_in(request).person)
    found = rows.select_related("person__area", "picture").first()
    if found is None:
        target = f"correction:{ref}"
        raise access.RefusedLookError(Deed.SEE_CORRECTION, Act.SEE_OWN_DATA, status=404, target=target)
    return found


def _load(request: HttpRequest, ref: uuid.UUID, deed: Deed) -> Correction:
    """Return a request about somebody of the user's areas; otherwise 404, on record."""
    rows = Correction.objects.visible_to(request.user, Act.CORRECT_DATA).select_related("person__area", "picture")
    found: Correction | None = rows.filter(ref=ref).first()
    if found is None:
        raise access.RefusedLookError(deed, Act.CORRECT_DATA, status=404, target=f"correction:{ref}")
    return found


def _case(
    request: HttpRequest, found: Correction, *, form: DecideCorrectionForm | None = None, status: int = 200
) -> HttpResponse:
    _record(request, [found], Deed.SEE_CORRECTION, target=f"correction:{found.pk}")
    frame = {
        "row": queries.compared(found),
        "is_open": found.state == Correction.State.OPEN,
        "is_stale": queries.is_stale(found),
        "obstacle": actions.obstacle(found, access.signed_in(request)),
        "form": form or DecideCorrectionForm(found),
    }
    return render(request, "healthcode/correction/case.html", frame, status=status)


def _record(request: HttpRequest, rows: list[Correction], deed: Deed, **what: object) -> None:
    """Put a look on record: whatever else brings somebody here, it is to correct data."""
    audit.record(
        deed,
        by=access.signed_in(request),
        under=Act.CORRECT_DATA,
        purpose=Purpose.CORRECTION,
        where=("area", {one.person.area_id for one in rows}),
        subjects=[one.person_id for one in rows],
        **what,  # type: ignore[arg-type]
    )
