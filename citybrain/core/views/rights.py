"""A person's rights over their data: a copy of it, its erasure; and whoever answers for the latter."""

import uuid
from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from citybrain.core import access, clock, paging
from citybrain.core import own_data as own
from citybrain.core.actions import erasure as actions
from citybrain.core.forms import ErasureAnswerForm
from citybrain.core.models import AuditRow, ErasureRequest
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from citybrain.core.views.sign_in import ENTERED_KEY

COPY = "own_data"
CONFLICT = 409
A_DAY = timedelta(days=1)


@access.requires(Act.SEE_OWN_DATA)
@require_safe
def own_data(request: HttpRequest) -> HttpResponse:
    """Offer a copy of one's own data, after a fresh sign-in."""
    frame = {
        "person": access.signed_in(request).person,
        "is_fresh": _is_fresh(request),
        "is_enough": _copies_today(request) >= settings.OWN_DATA_A_DAY,
        "minutes": int(settings.OWN_DATA_SIGN_IN.total_seconds()) // 60,
        "again": f"{reverse('core:sign_in')}?{urlencode({'next': reverse('core:own_data')})}",
    }
    return render(request, "core/me/own_data.html", frame)


@access.requires(Act.SEE_OWN_DATA)
@require_http_methods(["GET", "HEAD", "POST"])
def own_data_file(request: HttpRequest) -> HttpResponse:
    """Send the copy; it is put on record as what it is, an export."""
    person = access.signed_in(request).person
    refused = person is None or not _is_fresh(request) or _copies_today(request) >= settings.OWN_DATA_A_DAY
    if request.method != "POST" or refused or person is None:
        return redirect("core:own_data")
    sections = own.collect(person)
    detail = {section.key: len(section.rows) for section in sections}
    access.record(request, Deed.EXPORT, Act.SEE_OWN_DATA, subjects=[person.pk], target=COPY, detail=detail)
    response = HttpResponse(own.archive(person, sections), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="my-data-{clock.today():%Y%m%d}.zip"'
    return response


def _is_fresh(request: HttpRequest) -> bool:
    entered: float = request.session.get(ENTERED_KEY, 0)
    return clock.now().timestamp() - entered < settings.OWN_DATA_SIGN_IN.total_seconds()


def _copies_today(request: HttpRequest) -> int:
    rows = AuditRow.objects.filter(actor=access.signed_in(request).pk, deed=Deed.EXPORT, target=COPY)
    return rows.filter(at__gt=clock.now() - A_DAY).count()


@access.requires(Act.SEE_OWN_DATA)
@require_http_methods(["GET", "HEAD", "POST"])
def erasure(request: HttpRequest) -> HttpResponse:
    """Say what is erased and what is kept until when; take the request. An account without a person goes at once."""
    user = access.signed_in(request)
    person = user.person
    if request.method == "POST":
        if person is not None:
            made = actions.ask(person=person, by=user)
            messages.success(
                request, _("Your request has arrived. Its number is %(number)s.") % {"number": made.number}
            )
            return redirect("core:erasure")
        try:
            actions.delete_account(user=user)
        except actions.ErasureError as problem:
            messages.warning(request, str(problem))
            return redirect("core:erasure")
        logout(request)
        return redirect("core:gone")
    requests = list(ErasureRequest.objects.filter(person=person).order_by("-asked_at")) if person else []
    frame = {
        "person": person,
        "standing": actions.standing(person) if person else None,
        "requests": requests,
        "keep_days": settings.ERASE_EVIDENCE_AFTER.days,
        "pass_days": settings.PASS_KEEP.days,
        "working_days": settings.ERASURE_WORKING_DAYS,
    }
    return render(request, "core/me/erasure.html", frame)


@access.requires(Act.SEE_OWN_DATA)
@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """Take one's request back."""
    user = access.signed_in(request)
    found = actions.standing(user.person) if user.person else None
    if found is not None:
        try:
            actions.take_back(request=found, by=user)
        except actions.ErasureError as problem:
            messages.warning(request, str(problem))
    return redirect("core:erasure")


@access.public("whose account has just been deleted is signed in no more")
@require_safe
def gone(request: HttpRequest) -> HttpResponse:
    """Say that an account is deleted."""
    return render(request, "core/me/gone.html")


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_safe
def erasures(request: HttpRequest) -> HttpResponse:
    """List the requests of the user's areas that nobody has answered."""
    rows = ErasureRequest.objects.visible_to(request.user, Act.DECIDE_APPEALS).waiting()
    after = paging.start_after(rows, "ref", request.GET.get("after"))
    page = paging.page(rows.select_related("person", "area"), ("due_at", "id"), after)
    people = [one.person for one in page.rows if one.person is not None]
    access.record_look(request, Deed.SEE_ERASURES, Act.DECIDE_APPEALS, people)
    return render(request, "core/erasures/list.html", {"page": page, "now": clock.now()})


@access.requires(Act.DECIDE_APPEALS)
@access.names_people
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, request_ref: uuid.UUID) -> HttpResponse:
    """Answer one request as the law has it."""
    visible = ErasureRequest.objects.visible_to(request.user, Act.DECIDE_APPEALS).select_related("person", "area")
    found = visible.filter(ref=request_ref, person__isnull=False).first()
    if found is None or found.person is None:
        target = f"erasure:{request_ref}"
        raise access.RefusedLookError(Deed.SEE_ERASURES, Act.DECIDE_APPEALS, status=404, target=target)
    form = ErasureAnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.answer(request=found, by=access.signed_in(request), **form.cleaned_data)
        except actions.ErasureError as problem:
            form.add_error(None, str(problem))
            return _answer_page(request, found, form, CONFLICT)
        messages.success(request, _("Answered. The person reads it on their page."))
        return redirect("core:erasures")
    return _answer_page(request, found, form)


def _answer_page(request: HttpRequest, found: ErasureRequest, form: forms.Form, status: int = 200) -> HttpResponse:
    people = [found.person] if found.person else []
    access.record_look(request, Deed.SEE_ERASURES, Act.DECIDE_APPEALS, people, target=f"erasure:{found.pk}")
    frame = {"found": found, "form": form, "keep_days": settings.ERASE_EVIDENCE_AFTER.days}
    return render(request, "core/erasures/answer.html", frame, status=status)
