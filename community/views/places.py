"""Places: the ledger of estates."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access
from citybrain.core.roles import Act
from community import queries


@access.requires(Act.SEE_ESTATES)
@require_safe
def estates(request: HttpRequest) -> HttpResponse:
    """List estates and buildings with rooms and residents counted; it names nobody."""
    rows = list(queries.buildings(access.signed_in(request)))
    return render(request, "community/estates.html", {"buildings": rows})
