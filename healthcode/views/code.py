"""A resident's own code: the page to show at a gate, its picture, its explanation, and a new one."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from citybrain.core import access, clock, paging
from citybrain.core.roles import Act
from healthcode import qr, queries, tokens
from healthcode.actions import code as actions
from healthcode.explanation import explain

CHANGES = 20


@access.requires(Act.SHOW_CODE)
@require_safe
def code(request: HttpRequest) -> HttpResponse:
    """Show the resident's code; who is not linked to a person is led to the declaration."""
    person = access.signed_in(request).person
    if person is None:
        return _declare_first(request)
    frame = {
        "person": person,
        "code": queries.state_of(person),
        "at": clock.now(),
        "period": tokens.PERIOD,
        "life": int(tokens.LIFE.total_seconds()) // 60,
    }
    return render(request, "healthcode/code/show.html", frame)


@access.requires(Act.SHOW_CODE)
@require_safe
def picture(request: HttpRequest) -> HttpResponse:
    """Draw the token of this moment; the state and the time are said beside it for the page that renews it."""
    user = access.signed_in(request)
    person = user.person
    if person is None:
        raise Http404
    number = actions.number_of(person=person, by=user).number
    at = clock.now()
    response = HttpResponse(qr.png(tokens.make(number, at)), content_type="image/png")
    response["X-Code-State"] = queries.state_of(person).state.value
    response["X-Code-Time"] = at.isoformat(timespec="milliseconds")
    return response


@access.requires(Act.SHOW_CODE)
@require_safe
def why(request: HttpRequest) -> HttpResponse:
    """Explain the code: reasons with their evidence and way out, the rules, what was declared, every change."""
    person = access.signed_in(request).person
    if person is None:
        return _declare_first(request)
    changes = queries.changes_of(person)
    after = paging.start_after(changes, "pk", request.GET.get("after"))
    page = paging.page(changes, ("-at", "-id"), after, CHANGES)
    frame = {"explanation": explain(person), "changes": page.rows, "next_after": page.next_after}
    return render(request, "healthcode/code/why.html", frame)


@access.requires(Act.SHOW_CODE)
@require_http_methods(["GET", "HEAD", "POST"])
def renew(request: HttpRequest) -> HttpResponse:
    """Say what a new code means; make it when that is confirmed."""
    user = access.signed_in(request)
    person = user.person
    if person is None:
        return _declare_first(request)
    if request.method == "POST":
        actions.renew(person=person, by=user)
        messages.success(request, _("You have a new code. No picture of the old one works any more."))
        return redirect("healthcode:code")
    return render(request, "healthcode/code/renew.html", {"person": person})


def _declare_first(request: HttpRequest) -> HttpResponse:
    messages.info(request, _("You have no code yet: declare first."))
    return redirect("healthcode:declare")
