"""The area tree, today's or a past day's."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access, clock, queries
from citybrain.core.forms import TreeDayForm
from citybrain.core.roles import Act


@access.requires(Act.SEE_AREAS)
@require_safe
def tree(request: HttpRequest) -> HttpResponse:
    """Show districts, streets, communities and grids with the codes in force on a day."""
    form = TreeDayForm(request.GET or None)
    on = (form.cleaned_data["on"] if form.is_valid() else None) or clock.today()
    return render(request, "core/areas/tree.html", {"form": form, "on": on, "branches": queries.area_tree(on)})
