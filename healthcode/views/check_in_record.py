"""Taking down the check-in of somebody who cannot give it on these pages, by whoever looks after them."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from citybrain.core import access
from citybrain.core.models import Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import check_in_queries
from healthcode.actions import check_in as actions
from healthcode.check_in_forms import CheckInForm, NoChangeForm
from healthcode.replay import NoRulesError
from healthcode.views.check_in import standing


@access.requires(Act.RECORD_CHECK_IN)
@access.names_people
@require_http_methods(["GET", "HEAD", "POST"])
def record(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask what the person says; afterwards lead back to the list that named them."""
    person = access.load_person(request, ref, Act.RECORD_CHECK_IN, Deed.CHECK_IN)
    try:
        if request.method == "POST":
            return _take(request, person)
        access.record_look(request, Deed.SEE_PERSON, Act.RECORD_CHECK_IN, [person])
        return _page(request, person, _fresh(person))
    except NoRulesError:
        return render(request, "healthcode/check_in/no_rules.html", {"person": person}, status=503)


def _fresh(person: Person) -> CheckInForm:
    return CheckInForm(initial={"seen": actions.newest_id(person)})


def _page(request: HttpRequest, person: Person, form: CheckInForm) -> HttpResponse:
    confirms = check_in_queries.last_normal(person, check_in_queries.norm_of(person))
    frame = {**standing(person), "form": form, "confirms": confirms, "back": _back(request)}
    return render(request, "healthcode/check_in/record.html", frame)


def _take(request: HttpRequest, person: Person) -> HttpResponse:
    form = NoChangeForm(request.POST) if "same" in request.POST else CheckInForm(request.POST)
    if not form.is_valid():
        return _page(request, person, form if isinstance(form, CheckInForm) else _fresh(person))
    try:
        taken = actions.check_in_for(person=person, given=form.given(), by=access.signed_in(request))
    except (actions.CheckInError, ValidationError) as problem:
        messages.warning(request, " ".join(getattr(problem, "messages", [str(problem)])))
        return redirect(request.get_full_path())
    name = {"name": person.masked_name}
    if taken.evidence is None:
        messages.warning(request, _("%(name)s: this check-in waits for a second person of another unit.") % name)
    else:
        messages.success(request, _("%(name)s: today's check-in is on record.") % name)
    return redirect(_back(request) or request.get_full_path())


def _back(request: HttpRequest) -> str:
    """Return the list that one came from; only addresses of this site count."""
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else ""
