"""Appeals as staff see them: the lists, one case with all that bears on it, the steps to its decision."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from citybrain.core import access, clock, paging, photos
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import appeal_queries, queries
from healthcode.actions import appeal_case as actions
from healthcode.actions.appeal import AppealError
from healthcode.appeal_forms import AskForm, DecisionForm, SendBackForm, ShowForm
from healthcode.models import Appeal

CONFLICT = 409
FIRST = "take"


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_safe
def appeals(request: HttpRequest) -> HttpResponse:
    """List the appeals of the user's areas, those that are overdue first."""
    user = access.signed_in(request)
    form = ShowForm(request.GET)
    show = (form.cleaned_data["show"] or FIRST) if form.is_valid() else FIRST
    rows = appeal_queries.listed(user, show)
    order = ("-made_at", "-id") if show == "closed" else ("due_at", "id")
    page = paging.page(rows, order, paging.start_after(rows, "ref", request.GET.get("after")))
    where = ("area", {one.area_id for one in page.rows})
    subjects = [one.person_id for one in page.rows]
    detail = {"appeals": len(page.rows)}
    access.record(request, Deed.SEE_LIST, Act.DECIDE_APPEALS, subjects=subjects, where=where, detail=detail)
    counts = appeal_queries.counts(user)
    frame = {
        "show": show,
        "tabs": [(name, label, counts.get(name)) for name, label in appeal_queries.SHOWN.items()],
        "page": page,
        "rows": appeal_queries.rows(page.rows),
        "late": counts["late"],
    }
    return render(request, "healthcode/appeal/list.html", frame)


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_safe
def case(request: HttpRequest, appeal: uuid.UUID) -> HttpResponse:
    """Show one case: what the person says, the evidence, the rule, the code's history; and the next step."""
    return _page(request, _load(request, appeal, Deed.SEE_APPEAL))


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_POST
def take(request: HttpRequest, appeal: uuid.UUID) -> HttpResponse:
    """Take a case on."""
    found = _load(request, appeal, Deed.TAKE_APPEAL)
    try:
        actions.take(appeal=found, by=access.signed_in(request))
    except AppealError as problem:
        return _refused(request, found, problem)
    return redirect("healthcode:appeal_case", appeal=appeal)


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_POST
def ask(request: HttpRequest, appeal: uuid.UUID) -> HttpResponse:
    """Ask the person a question."""
    found = _load(request, appeal, Deed.TAKE_APPEAL)
    form = AskForm(request.POST)
    if not form.is_valid():
        return _page(request, found, ask_form=form)
    try:
        actions.ask(appeal=found, question=form.cleaned_data["question"], by=access.signed_in(request))
    except AppealError as problem:
        return _refused(request, found, problem, ask_form=form)
    messages.success(request, _("The person finds your question on their page."))
    return redirect("healthcode:appeal_case", appeal=appeal)


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_POST
def propose(request: HttpRequest, appeal: uuid.UUID) -> HttpResponse:
    """Decide a case, or propose a decision where a second person is needed."""
    found = _load(request, appeal, Deed.PROPOSE_DECISION)
    form = DecisionForm(appeal_queries.contested_in_words(found), request.POST)
    if not form.is_valid():
        return _page(request, found, decision_form=form)
    try:
        now = actions.propose(appeal=found, by=access.signed_in(request), **form.cleaned_data)
    except AppealError as problem:
        form.add_error(None, str(problem))
        return _page(request, _load(request, appeal, Deed.SEE_APPEAL), decision_form=form, status=CONFLICT)
    _tell(request, now)
    return redirect("healthcode:appeal_case", appeal=appeal)


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_POST
def confirm(request: HttpRequest, appeal: uuid.UUID) -> HttpResponse:
    """Agree to a proposal, which makes it the decision."""
    found = _load(request, appeal, Deed.DECIDE_APPEAL)
    try:
        now = actions.confirm(appeal=found, by=access.signed_in(request))
    except AppealError as problem:
        return _refused(request, found, problem)
    _tell(request, now)
    return redirect("healthcode:appeal_case", appeal=appeal)


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_POST
def send_back(request: HttpRequest, appeal: uuid.UUID) -> HttpResponse:
    """Not agree to a proposal."""
    found = _load(request, appeal, Deed.PROPOSE_DECISION)
    form = SendBackForm(request.POST)
    if not form.is_valid():
        return _page(request, found, send_back_form=form)
    try:
        actions.send_back(appeal=found, note=form.cleaned_data["note"], by=access.signed_in(request))
    except AppealError as problem:
        return _refused(request, found, problem, send_back_form=form)
    messages.success(request, _("Your colleague goes on with the case, and reads your note."))
    return redirect("healthcode:appeal_case", appeal=appeal)


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_safe
def photo(request: HttpRequest, appeal: uuid.UUID, photo: uuid.UUID) -> HttpResponse:
    """Show a picture of a case, or of a paper behind contested evidence; each time is a look on record."""
    found = _load(request, appeal, Deed.SEE_PHOTO)
    picture = appeal_queries.photo_of(found, photo) or appeal_queries.document_of(found, photo)
    if picture is None:
        raise access.RefusedLookError(Deed.SEE_PHOTO, Act.DECIDE_APPEALS, status=404, target=f"photo:{photo}")
    _record(request, found, Deed.SEE_PHOTO, target=f"photo:{picture.pk}")
    return photos.answer(picture)


def _load(request: HttpRequest, ref: uuid.UUID, deed: Deed) -> Appeal:
    """Return a case of the user's areas; otherwise 404, on record."""
    rows = Appeal.objects.visible_to(request.user, Act.DECIDE_APPEALS)
    found: Appeal | None = rows.select_related("person__area", "area").filter(ref=ref).first()
    if found is None:
        raise access.RefusedLookError(deed, Act.DECIDE_APPEALS, status=404, target=f"appeal:{ref}")
    return found


def _record(request: HttpRequest, found: Appeal, deed: Deed, *, target: str) -> None:
    where = ("area", [found.area_id])
    access.record(request, deed, Act.DECIDE_APPEALS, subjects=[found.person_id], where=where, target=target)


def _page(request: HttpRequest, found: Appeal, *, status: int = 200, problem: str = "", **forms: Any) -> HttpResponse:
    user = access.signed_in(request)
    _record(request, found, Deed.SEE_APPEAL, target=f"appeal:{found.pk}")
    contested = appeal_queries.contested_in_words(found)
    is_second = found.state == Appeal.State.PROPOSED and found.proposed_by != user.pk
    is_mine = found.state == Appeal.State.TAKEN and found.handler == user.pk
    frame = {
        "case": appeal_queries.case(found),
        "row": appeal_queries.rows([found])[0],
        "person": found.person,
        "code": queries.state_of(found.person),
        "contested": contested,
        "needs_two": appeal_queries.needs_two(found),
        "changes": appeal_queries.history(found),
        "decisions": appeal_queries.decisions_on(found),
        "obstacle": "" if found.is_closed else actions.obstacle(found, user),
        "is_mine": is_mine,
        "is_second": is_second,
        "may_take": found.state == Appeal.State.OPEN or (found.state == Appeal.State.TAKEN and not is_mine),
        "proposed_answer": found.read(bytes(found.answer_cipher)),
        "problem": problem,
        "now": clock.now(),
        "decision_form": DecisionForm(contested),
        "ask_form": AskForm(),
        "send_back_form": SendBackForm(),
        **forms,
    }
    return render(request, "healthcode/appeal/case_staff.html", frame, status=status)


def _refused(request: HttpRequest, found: Appeal, problem: AppealError, **forms: Any) -> HttpResponse:
    """Show the case as it stands now, and why nothing was done."""
    now = _load(request, found.ref, Deed.SEE_APPEAL)
    return _page(request, now, status=CONFLICT, problem=str(problem), **forms)


def _tell(request: HttpRequest, now: Appeal) -> None:
    if now.state == Appeal.State.PROPOSED:
        messages.success(request, _("Your proposal waits for a second person, as red is in this case."))
    elif now.state == Appeal.State.HELD:
        messages.warning(request, _("Decided. It takes effect when somebody of another unit has let it in."))
    else:
        messages.success(request, _("Decided. The code has followed, and the person reads why."))
