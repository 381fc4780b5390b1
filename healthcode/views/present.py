"""Somebody stands before a member of staff and has no phone: found by document or entered, then asked."""

import datetime as dt
import uuid

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from citybrain.core import access, clock
from citybrain.core.models import Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import whom
from healthcode.actions import present as actions
from healthcode.family_forms import PresentForm
from healthcode.models import Declaration
from healthcode.views import walking
from healthcode.views.family import show_done

# What has been taken down can be read again for so long.
DONE_FOR = dt.timedelta(minutes=30)


@access.requires(Act.DECLARE_FOR_PRESENT)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("number")
def find(request: HttpRequest) -> HttpResponse:
    """Ask for the document of whoever stands there; lead to the questions."""
    user = access.signed_in(request)
    form = PresentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            person = actions.find_present(kind=form.cleaned_data["kind"], number=form.cleaned_data["number"], by=user)
        except ValidationError as problem:
            form.add_error(None, problem)
        else:
            about = whom.of_person_present(user, person) if person else whom.new_present(user)
            return redirect(about.start_url)
    return render(request, "healthcode/present/find.html", {"form": form})


@access.requires(Act.DECLARE_FOR_PRESENT)
@require_POST
def without_document(request: HttpRequest) -> HttpResponse:
    """Begin to enter somebody who has no document."""
    user = access.signed_in(request)
    actions.begin_without_document(by=user)
    return redirect(whom.new_present(user).start_url)


@access.requires(Act.DECLARE_FOR_PRESENT)
@require_http_methods(["GET", "HEAD"])
@walking.needs_rules
def declare(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Say what comes."""
    return walking.show_start(request, whom.present(access.signed_in(request), ref))


@access.requires(Act.DECLARE_FOR_PRESENT)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@walking.needs_rules
def page(request: HttpRequest, ref: uuid.UUID, name: str) -> HttpResponse:
    """Ask one question."""
    return walking.show_page(request, whom.present(access.signed_in(request), ref), name)


@access.requires(Act.DECLARE_FOR_PRESENT)
@require_http_methods(["GET", "HEAD", "POST"])
@walking.needs_rules
def check(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Show all answers before they are sent; send them."""
    return walking.show_review(request, whom.present(access.signed_in(request), ref))


@access.requires(Act.DECLARE_FOR_PRESENT)
@require_http_methods(["GET", "HEAD"])
def done(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Say what this user has just taken down of somebody, and what the code is now."""
    user = access.signed_in(request)
    person = Person.objects.select_related("area").filter(ref=ref).first()
    since = clock.now() - DONE_FOR
    taken = Declaration.objects.filter(person=person, evidence__author=user.pk, declared_at__gt=since)
    if person is None or not taken.exists():
        act, target = Act.DECLARE_FOR_PRESENT, f"person:{ref}"
        raise access.RefusedLookError(Deed.DECLARE, act, status=404, target=target, person_ref=ref)
    return show_done(request, whom.of_person_present(user, person))


@access.requires(Act.DECLARE_FOR_PRESENT)
@require_http_methods(["GET", "HEAD"])
@walking.needs_rules
def new(request: HttpRequest) -> HttpResponse:
    """Say what comes; it begins with the document, or with there being none."""
    return walking.show_start(request, whom.new_present(access.signed_in(request)))


@access.requires(Act.DECLARE_FOR_PRESENT)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@walking.needs_rules
def new_page(request: HttpRequest, name: str) -> HttpResponse:
    """Ask one question about somebody who is not on record."""
    return walking.show_page(request, whom.new_present(access.signed_in(request)), name)


@access.requires(Act.DECLARE_FOR_PRESENT)
@require_http_methods(["GET", "HEAD", "POST"])
@walking.needs_rules
def new_check(request: HttpRequest) -> HttpResponse:
    """Show all answers before they are sent; send them."""
    return walking.show_review(request, whom.new_present(access.signed_in(request)))
