"""Care for people in isolation: the worker's list, and the resident's requests."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from citybrain.core import access, paging
from citybrain.core.models import Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community import care_queries
from community.actions import care as actions
from community.care_forms import SHOWN_AS, AskForm, CareFilterForm
from healthcode import check_in_queries, family_queries

ORDER = ("address", "id")


@access.requires(Act.CARE_FOR_ISOLATED)
@access.names_people
@require_safe
def care(request: HttpRequest) -> HttpResponse:
    """List whom the worker looks after, along the addresses, with today's check-in of each."""
    user = access.signed_in(request)
    if not check_in_queries.are_rules_in_force():
        return render(request, "community/care/no_rules.html", status=503)
    form = CareFilterForm(request.GET)
    show = (form.cleaned_data["show"] if form.is_valid() else "") or "all"
    people = care_queries.cared_for(user)
    after = access.person_to_start_after(request, request.GET.get("after"))
    page = paging.page(people.filter(care_queries.SHOWS[show]), ORDER, after)
    access.record_look(request, Deed.SEE_ISOLATION, Act.CARE_FOR_ISOLATED, page.rows, detail={"by": [show]})
    sizes = care_queries.sizes(people)
    frame = {
        "show": show,
        "tabs": [(name, title, sizes[name]) for name, title in SHOWN_AS.items()],
        "page": page,
        "rows": care_queries.rows(user, page.rows),
    }
    return render(request, "community/care/list.html", frame)


@access.requires(Act.CHECK_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for food, medicine and the like, and see how far former requests have come."""
    person = access.signed_in(request).person
    if person is None:
        messages.info(request, _("You have no code yet: declare first."))
        return redirect("healthcode:declare")
    return _ask(request, person, reverse("community:ask"))


@access.requires(Act.CHECK_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def ask_for(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask for somebody for whom the signed-in resident acts."""
    person = family_queries.person_for(access.signed_in(request), ref, Act.CHECK_IN, Deed.ASK_FOR_CARE)
    return _ask(request, person, reverse("community:ask_for", args=[ref]))


def _ask(request: HttpRequest, person: Person, url: str) -> HttpResponse:
    user = access.signed_in(request)
    form = AskForm(request.POST) if request.method == "POST" else AskForm(initial={"seen": actions.newest_id(person)})
    if request.method == "POST" and form.is_valid():
        try:
            actions.ask_for_care(person=person, by=user, **form.asked())
        except actions.CareError:
            problem = _("Nothing was sent: you are not in isolation. Call the office of your community.")
            messages.warning(request, problem)
        else:
            messages.success(request, _("Your community has been told. Below you see how far it is."))
        return redirect(url)
    frame = {
        "person": person,
        "is_own": user.person_id == person.pk,
        "form": form,
        "is_cared_for": check_in_queries.is_looked_after(person),
        "requests": care_queries.requests_of(person),
    }
    return render(request, "community/care/ask.html", frame)
