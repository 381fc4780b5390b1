"""A resident's own passes: each scan is a look at them, and this is where they see it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accesslog import queries
from citybrain.core import access, paging
from citybrain.core.roles import Act


@access.requires(Act.SEE_OWN_DATA)
@require_safe
def passes(request: HttpRequest) -> HttpResponse:
    """List the gates that checked the signed-in resident, the newest first."""
    person = access.signed_in(request).person
    rows = queries.passes_of(person)
    page = paging.page(rows, ("-scanned_at", "-id"), paging.start_after(rows, "pk", request.GET.get("after")))
    return render(
        request, "accesslog/own/passes.html", {"person": person, "page": page, "days": settings.PASS_KEEP.days}
    )
