"""The family: whom an account acts for, their codes, declaring for them, asking and ending."""

import datetime as dt
import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from citybrain.core import access, audit, clock, paging, photos
from citybrain.core.models import AuditRow, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import explanation, family_queries, qr, queries, review, tokens, whom
from healthcode.actions import code as code_actions
from healthcode.actions import family as actions
from healthcode.family_forms import ProofAgainForm
from healthcode.models import Declaration, Guardianship
from healthcode.views import walking

# A code that stands open renews itself: one look in so long a time is one row of the trail.
ONE_LOOK = dt.timedelta(minutes=10)
CHANGES = 20


@access.requires(Act.ACT_FOR_FAMILY)
@require_safe
def family(request: HttpRequest) -> HttpResponse:
    """Show whom the resident acts for, what waits, and who acts for the resident."""
    user = access.signed_in(request)
    members = family_queries.members_of(user)
    frame = {
        "person": user.person,
        "members": members,
        "may_add": user.person is not None and family_queries.has_room(members),
        "guardians": family_queries.guardians_of(user.person) if user.person else [],
        "is_adding": family_queries.has_begun_to_add(user),
    }
    return render(request, "healthcode/family/list.html", frame)


@access.requires(Act.ACT_FOR_FAMILY)
@require_safe
def code(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Show the code of a member of the family, to be held before a gate."""
    person = family_queries.person_for(access.signed_in(request), ref)
    _note_look(request, person)
    frame = {
        "person": person,
        "code": queries.state_of(person),
        "at": clock.now(),
        "period": tokens.PERIOD,
        "life": int(tokens.LIFE.total_seconds()) // 60,
    }
    return render(request, "healthcode/family/code.html", frame)


@access.requires(Act.ACT_FOR_FAMILY)
@require_safe
def picture(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Draw the token of this moment for a member of the family."""
    user = access.signed_in(request)
    person = family_queries.person_for(user, ref)
    _note_look(request, person)
    number = code_actions.number_of(person=person, by=user).number
    return HttpResponse(qr.png(tokens.make(number, clock.now())), content_type="image/png")


@access.requires(Act.ACT_FOR_FAMILY)
@require_safe
def why(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Explain the code of a member of the family, as they would read it themselves."""
    person = family_queries.person_for(access.signed_in(request), ref)
    _note_look(request, person)
    changes = queries.changes_of(person)
    after = paging.start_after(changes, "pk", request.GET.get("after"))
    page = paging.page(changes, ("-at", "-id"), after, CHANGES)
    explained = explanation.explain(person)
    frame = {"person": person, "explanation": explained, "changes": page.rows, "next_after": page.next_after}
    return render(request, "healthcode/family/why.html", frame)


def _note_look(request: HttpRequest, person: Person) -> None:
    """Put on record that a guardian saw somebody's code, once while it stands open; the person can read it."""
    user, target = access.signed_in(request), f"person:{person.ref}"
    since = clock.now() - ONE_LOOK
    recent = AuditRow.objects.filter(actor=user.pk, deed=Deed.SEE_PERSON, target=target, at__gt=since)
    if not recent.filter(outcome=AuditRow.Outcome.DONE).exists():
        audit.record(Deed.SEE_PERSON, by=user, under=Act.ACT_FOR_FAMILY, subjects=[person.pk], target=target)


# Asking and ending.


@access.requires(Act.ACT_FOR_FAMILY)
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest, asked: uuid.UUID) -> HttpResponse:
    """Ask for a new check of a child that has grown up, with a new photo."""
    user = access.signed_in(request)
    held = family_queries.own_request(user, asked)
    if not held.has_run_out:
        return redirect("healthcode:family")
    is_sent = request.method == "POST"
    form = ProofAgainForm(request.POST, request.FILES) if is_sent else ProofAgainForm()
    if is_sent:
        photos.note_too_large(request, form)
        if form.is_valid():
            try:
                actions.ask_anew(guardianship=held, jpeg=form.cleaned_data["photo"], by=user)
                messages.success(request, _("Sent. A grid worker looks at the photo."))
            except ValidationError as problem:
                messages.warning(request, " ".join(problem.messages))
            return redirect("healthcode:family")
    return render(request, "healthcode/family/again.html", {"form": form, "held": held})


@access.requires(Act.ACT_FOR_FAMILY)
@require_POST
def end(request: HttpRequest, asked: uuid.UUID) -> HttpResponse:
    """End acting for somebody, or somebody's acting for the resident."""
    user = access.signed_in(request)
    held = Guardianship.objects.filter(ref=asked).select_related("person").first()
    is_about_user = held is not None and user.person_id is not None and held.person_id == user.person_id
    if held is None or not is_about_user:
        held = family_queries.own_request(user, asked)
    try:
        actions.end(guardianship=held, by=user)
        messages.success(request, _("Ended. From now on nothing can be seen or declared by this account for them."))
    except ValidationError as problem:
        messages.warning(request, " ".join(problem.messages))
    return redirect("healthcode:family")


# Declaring for a member of the family.


@access.requires(Act.ACT_FOR_FAMILY)
@require_safe
@walking.needs_rules
def declare(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Say what comes."""
    return walking.show_start(request, whom.member(access.signed_in(request), ref))


@access.requires(Act.ACT_FOR_FAMILY)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@walking.needs_rules
def page(request: HttpRequest, ref: uuid.UUID, name: str) -> HttpResponse:
    """Ask one question about a member of the family."""
    return walking.show_page(request, whom.member(access.signed_in(request), ref), name)


@access.requires(Act.ACT_FOR_FAMILY)
@require_http_methods(["GET", "HEAD", "POST"])
@walking.needs_rules
def check(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Show all answers before they are sent; send them."""
    return walking.show_review(request, whom.member(access.signed_in(request), ref))


@access.requires(Act.ACT_FOR_FAMILY)
@require_safe
def done(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Say what was sent, and what the code is now."""
    about = whom.member(access.signed_in(request), ref)
    return show_done(request, about)


def show_done(request: HttpRequest, about: whom.Whom) -> HttpResponse:
    """Show what the reader has declared for somebody else, and what their code says now."""
    person, author = about.person, about.user.pk
    sent = Declaration.objects.filter(person=person, evidence__author=author).select_related("area", "evidence")
    last = sent.order_by("-declared_at", "-id").first()
    if person is None or last is None:
        return redirect(about.start_url)
    frame = {
        "whom": about,
        "about": person.masked_name,
        "person": person,
        "declaration": last,
        "told": explanation.sent_with(last),
        "household": review.household_in_words(last.household_code, last.household_place),
        "code": queries.state_of(person),
        "reasons": list(queries.reasons_of(person)),
    }
    return render(request, "healthcode/declare/done_for.html", frame)


# Adding somebody to the family.


@access.requires(Act.ACT_FOR_FAMILY)
@require_safe
@walking.needs_rules
def new(request: HttpRequest) -> HttpResponse:
    """Say what comes; whoever has not said who they are themself, or has no room, is told so."""
    user = access.signed_in(request)
    if user.person is None or not family_queries.has_room(family_queries.members_of(user)):
        return redirect("healthcode:family")
    return walking.show_start(request, whom.new_member(user))


@access.requires(Act.ACT_FOR_FAMILY)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@walking.needs_rules
def new_page(request: HttpRequest, name: str) -> HttpResponse:
    """Ask one question about somebody who is to be added."""
    return walking.show_page(request, whom.new_member(access.signed_in(request)), name)


@access.requires(Act.ACT_FOR_FAMILY)
@require_http_methods(["GET", "HEAD", "POST"])
@walking.needs_rules
def new_check(request: HttpRequest) -> HttpResponse:
    """Show all answers before they are sent; send them to be checked."""
    return walking.show_review(request, whom.new_member(access.signed_in(request)))
