"""A resident's own declaration."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from citybrain.core import access
from citybrain.core.models import Area
from citybrain.core.roles import Act
from healthcode import explanation, queries, review, showing, whom
from healthcode.models import Declaration
from healthcode.views import walking


@access.requires(Act.DECLARE)
@require_safe
@walking.needs_rules
def start(request: HttpRequest) -> HttpResponse:
    """Say what comes, and where the declaration was left the last time."""
    return walking.show_start(request, whom.own(access.signed_in(request)))


@access.requires(Act.DECLARE)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@walking.needs_rules
def page(request: HttpRequest, name: str) -> HttpResponse:
    """Ask one question."""
    return walking.show_page(request, whom.own(access.signed_in(request)), name)


@access.requires(Act.DECLARE)
@require_http_methods(["GET", "HEAD", "POST"])
@walking.needs_rules
def check(request: HttpRequest) -> HttpResponse:
    """Show all answers before they are sent; send them."""
    return walking.show_review(request, whom.own(access.signed_in(request)))


@access.requires(Act.DECLARE)
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """Say what was sent, what the code is now, and what comes next."""
    person = access.signed_in(request).person
    sent = Declaration.objects.filter(person=person).select_related("area", "evidence")
    last = sent.order_by("-declared_at").first()
    if person is None or last is None:
        return redirect("healthcode:declare")
    frame = {
        "declaration": last,
        "told": explanation.sent_with(last),
        "person": person,
        "documents": review.documents_of(person),
        "household": review.household_in_words(last.household_code, last.household_place),
        "code": queries.state_of(person),
        "needs_check_ins": any(reason.counts_check_ins for reason in queries.reasons_of(person)),
        "is_found": last.area.level == Area.Level.GRID,
    }
    response = render(request, "healthcode/declare/done.html", frame)
    # What was sent may have changed the code: its page shall not begin with what it said before.
    showing.forget(response)
    return response
