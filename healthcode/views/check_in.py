"""The daily check-in: one tap or two questions, how far one has come, and what was sent."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from citybrain.core import access, clock
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import check_in_queries, family_queries, isolation_queries, queries, words
from healthcode.actions import check_in as actions
from healthcode.check_in_forms import CheckInForm, NoChangeForm
from healthcode.models import Evidence
from healthcode.replay import NoRulesError


@access.requires(Act.CHECK_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def check_in(request: HttpRequest) -> HttpResponse:
    """Ask how the signed-in resident is today."""
    person = access.signed_in(request).person
    return _declare_first(request) if person is None else _check_in(request, person)


@access.requires(Act.CHECK_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def check_in_for(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask how somebody is today for whom the signed-in resident acts."""
    return _check_in(request, family_queries.person_for(access.signed_in(request), ref, Act.CHECK_IN, Deed.CHECK_IN))


@access.requires(Act.CHECK_IN)
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """Say what was sent, what the code is now and how many days are left."""
    person = access.signed_in(request).person
    return _declare_first(request) if person is None else _done(request, person)


@access.requires(Act.CHECK_IN)
@require_safe
def done_for(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Say the same of somebody for whom the signed-in resident acts."""
    return _done(request, family_queries.person_for(access.signed_in(request), ref, Act.CHECK_IN, Deed.CHECK_IN))


def _check_in(request: HttpRequest, person: Person) -> HttpResponse:
    try:
        if request.method == "POST":
            return _take(request, person)
        return render(request, "healthcode/check_in/page.html", _frame(request, person, _fresh(person)))
    except NoRulesError:
        return render(request, "healthcode/check_in/no_rules.html", {"person": person}, status=503)


def _take(request: HttpRequest, person: Person) -> HttpResponse:
    user = access.signed_in(request)
    form = NoChangeForm(request.POST) if "same" in request.POST else CheckInForm(request.POST)
    if not form.is_valid():
        asked = form if isinstance(form, CheckInForm) else _fresh(person)
        return render(request, "healthcode/check_in/page.html", _frame(request, person, asked))
    try:
        taken = actions.check_in(person=person, given=form.given(), by=user)
    except actions.CheckInError as problem:
        messages.warning(request, str(problem))
        return _to(person, user, "check_in")
    if taken.is_repeat:
        messages.info(request, _("This check-in had arrived already. It is kept once."))
    return _to(person, user, "check_in_done")


def _to(person: Person, user: User, page: str) -> HttpResponse:
    if user.person_id == person.pk:
        return redirect(f"healthcode:{page}")
    return redirect("healthcode:check_in_for" if page == "check_in" else "healthcode:check_in_for_done", ref=person.ref)


def _fresh(person: Person) -> CheckInForm:
    return CheckInForm(initial={"seen": actions.newest_id(person)})


def _frame(request: HttpRequest, person: Person, form: CheckInForm) -> dict[str, Any]:
    user = access.signed_in(request)
    last = check_in_queries.last_normal(person, check_in_queries.norm_of(person))
    return {
        **standing(person),
        "is_own": user.person_id == person.pk,
        "form": form,
        "confirms": last,
        "confirms_lines": said(last) if last else [],
        "mistake": actions.replaceable(person, user),
        "mistake_until": actions.REPLACE_WITHIN,
        "members": _members(user) if user.person_id == person.pk else [],
    }


def standing(person: Person) -> dict[str, Any]:
    """Return where a person stands: what is owed and given today, how far each reason has come, the isolation."""
    known = check_in_queries.watched(Person.objects.filter(pk=person.pk)).first()
    counts = check_in_queries.counts([person.pk])[person.pk]
    reasons = isolation_queries.open_reasons(person)
    today = list(check_in_queries.check_ins_of(clock.today()).filter(person=person).order_by("true_at", "id"))
    return {
        "person": person,
        "is_watched": known is not None,
        "is_owed": known is not None and known.owes_today,  # type: ignore[attr-defined]
        "code": queries.state_of(person),
        "counts": counts,
        "other_reasons": len(reasons) - len(counts),
        "earliest": check_in_queries.earliest_end(reasons),
        "isolation": isolation_queries.going_on(person),
        "ended": isolation_queries.last_ended(person) if known is None else None,
        "today": [(one, said(one)) for one in today],
    }


def said(evidence: Evidence) -> list[str]:
    """Return what a check-in or declaration says."""
    return words.said(evidence, lambda _code: "")


def _members(user: User) -> list[tuple[Person, str, bool]]:
    """Return whom the user acts for: the person, the relation, and whether they owe today's check-in."""
    rows = [row for row in family_queries.members_of(user) if row.is_in_force]
    people = {row.guardianship.person_in_force.pk: row for row in rows}
    owing = check_in_queries.watched(Person.objects.filter(pk__in=people)).filter(check_in_queries.DUE)
    owe = set(owing.values_list("pk", flat=True))
    return [(row.guardianship.person_in_force, row.relation, pk in owe) for pk, row in people.items()]


def _done(request: HttpRequest, person: Person) -> HttpResponse:
    user = access.signed_in(request)
    frame = standing(person)
    if not frame["today"]:
        return _to(person, user, "check_in")
    last, lines = frame["today"][-1]
    norm = check_in_queries.norm_of(person)
    frame |= {
        "is_own": user.person_id == person.pk,
        "last": last,
        "lines": lines,
        "is_worse": not norm.passes(last.facts),
        "spoilt": any(not norm.passes(one.facts) for one, _lines in frame["today"][:-1]),
        "mistake": actions.replaceable(person, user),
    }
    return render(request, "healthcode/check_in/done.html", frame)


def _declare_first(request: HttpRequest) -> HttpResponse:
    messages.info(request, _("You have no code yet: declare first."))
    return redirect("healthcode:declare")
