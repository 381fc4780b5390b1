"""Keys for programs: whoever runs the system proposes and hands them out, somebody else lets them in."""

import datetime as dt
import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from citybrain.core import access, paging
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import app_key_queries as queries
from healthcode.actions import app_keys as actions
from healthcode.app_key_forms import AppKeyForm, DecideKeyForm, RollForm
from healthcode.models import AppKey

CONFLICT = 409


@access.requires(Act.RUN_SYSTEM)
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """List all keys, the newest first."""
    return _list(request, Act.RUN_SYSTEM)


@access.requires(Act.RUN_SYSTEM)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Propose a key."""
    user = access.signed_in(request)
    form = AppKeyForm(user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            key = actions.propose_key(**form.cleaned_data, by=user)
        except ValidationError as problem:
            form.add_error(None, problem)
        else:
            messages.success(request, _("Proposed. It opens nothing until the district's commander has let it in."))
            return redirect("healthcode:app_key", key=key.ref)
    return render(request, "healthcode/app_keys/new.html", {"form": form})


@access.requires(Act.RUN_SYSTEM)
@require_safe
def key(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Show one key."""
    return _page(request, _load(request, key, Act.RUN_SYSTEM))


@access.requires(Act.RUN_SYSTEM)
@require_POST
def secret(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Make a secret and show it, this once."""
    found = _load(request, key, Act.RUN_SYSTEM)
    form = RollForm(request.POST)
    if found.secrets.exists() and not form.is_valid():
        return _page(request, found, roll_form=form)
    overlap = dt.timedelta(hours=form.cleaned_data["hours"] if form.is_valid() else 0)
    try:
        made = actions.make_secret(key=found, overlap=overlap, by=access.signed_in(request))
    except ValidationError as problem:
        return _page(request, _load(request, key, Act.RUN_SYSTEM), problem=problem, status=CONFLICT)
    frame = {"key": found, "secret": made, "hours": int(overlap.total_seconds() // 3600)}
    return render(request, "healthcode/app_keys/secret.html", frame)


@access.requires(Act.RUN_SYSTEM)
@require_POST
def revoke(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Revoke a key at once, by whoever runs the system."""
    return _revoke(request, key, Act.RUN_SYSTEM)


@access.requires(Act.APPROVE_KEYS)
@require_safe
def proposals(request: HttpRequest) -> HttpResponse:
    """List the keys of the user's area, those that wait first."""
    return _list(request, Act.APPROVE_KEYS)


@access.requires(Act.APPROVE_KEYS)
@require_safe
def proposal(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Show a key to whoever lets it in."""
    return _decision(request, _load(request, key, Act.APPROVE_KEYS))


@access.requires(Act.APPROVE_KEYS)
@require_POST
def decide(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Let a key in, or refuse it."""
    found, form = _load(request, key, Act.APPROVE_KEYS), DecideKeyForm(request.POST)
    is_approved = request.POST.get("answer") == "approve"
    if form.is_valid() and not is_approved and not form.cleaned_data["note"]:
        form.add_error("note", _("Say why you refuse it."))
    if form.is_valid():
        note, user = form.cleaned_data["note"], access.signed_in(request)
        try:
            actions.decide_key(key=found, is_approved=is_approved, note=note, by=user)
        except ValidationError as problem:
            form.add_error(None, problem)
            return _decision(request, _load(request, key, Act.APPROVE_KEYS), form=form, status=CONFLICT)
        messages.success(request, _("Let in.") if is_approved else _("Refused. Whoever proposed it can read why."))
        return redirect("healthcode:app_key_proposals")
    return _decision(request, found, form=form)


@access.requires(Act.APPROVE_KEYS)
@require_POST
def stop(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Revoke a key at once, by whoever lets keys in."""
    return _revoke(request, key, Act.APPROVE_KEYS)


def _load(request: HttpRequest, ref: uuid.UUID, act: Act) -> AppKey:
    """Return a key of the user's area; otherwise 404, on record."""
    rows = AppKey.objects.visible_to(request.user, act).select_related("organisation")
    found: AppKey | None = rows.filter(ref=ref).first()
    if found is None:
        raise access.RefusedLookError(Deed.OPEN_PAGE, act, status=404, target=f"app_key:{ref}")
    return found


def _list(request: HttpRequest, act: Act) -> HttpResponse:
    rows = queries.listed(access.signed_in(request), act)
    waiting = list(rows.filter(state=AppKey.State.PROPOSED)[: paging.PAGE_SIZE])
    others = rows.exclude(state=AppKey.State.PROPOSED)
    page = paging.page(others, ("-proposed_at", "-id"), paging.start_after(others, "ref", request.GET.get("after")))
    frame = {"waiting": waiting, "page": page, "is_admin": act == Act.RUN_SYSTEM}
    return render(request, "healthcode/app_keys/list.html", frame)


def _revoke(request: HttpRequest, ref: uuid.UUID, act: Act) -> HttpResponse:
    is_admin = act == Act.RUN_SYSTEM
    found = _load(request, ref, act)
    try:
        actions.revoke_key(key=found, by=access.signed_in(request), under=act)
    except ValidationError as problem:
        show = _page if is_admin else _decision
        return show(request, _load(request, ref, act), problem=problem, status=CONFLICT)
    messages.success(request, _("Revoked: it opens nothing more, from this moment on."))
    return redirect("healthcode:app_key" if is_admin else "healthcode:app_key_proposal", key=ref)


def _page(
    request: HttpRequest, key: AppKey, *, status: int = 200, problem: ValidationError | None = None, **forms: Any
) -> HttpResponse:
    said = problem.messages if problem else []
    frame = {"shown": queries.shown(key), "problems": said, "roll_form": RollForm(), **forms}
    return render(request, "healthcode/app_keys/key.html", frame, status=status)


def _decision(
    request: HttpRequest,
    key: AppKey,
    *,
    status: int = 200,
    problem: ValidationError | None = None,
    form: DecideKeyForm | None = None,
) -> HttpResponse:
    frame = {
        "shown": queries.shown(key),
        "problems": problem.messages if problem else [],
        "is_own": key.proposed_by == access.signed_in(request).pk,
        "form": form or DecideKeyForm(),
    }
    return render(request, "healthcode/app_keys/decide.html", frame, status=status)
