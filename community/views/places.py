"""Places: the map of residents by grid, and the ledger of estates."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community import queries
from community.forms import AreaFilterForm

DARKNESS_STEPS = 5


@access.requires(Act.SEE_PEOPLE)
@access.names_people
@require_safe
def residents_map(request: HttpRequest) -> HttpResponse:
    """Draw the user's grids with the number of residents in each, by the same filter as the list."""
    user = access.signed_in(request)
    form = AreaFilterForm(user, request.GET)
    grids = queries.residents_by_grid(user, **form.narrowing()) if form.is_valid() else []
    access.record(request, Deed.SEE_MAP, Act.SEE_PEOPLE, detail={"grids": len(grids)})
    drawn, height = queries.shapes([grid.ring for grid in grids]) if grids else ([], 0.0)
    most = max((grid.count for grid in grids), default=0)
    frame = {
        "form": form,
        "cells": [(grid, shape, _step(grid.count, most)) for grid, shape in zip(grids, drawn, strict=True)],
        "width": queries.WIDTH,
        "height": height,
        "is_schematic": any(grid.area.boundary_is_schematic for grid in grids),
        "most": most,
        "total": sum(grid.count for grid in grids),
    }
    return render(request, "community/map.html", frame)


def _step(count: int, most: int) -> int:
    """Return 0 for nobody, else 1 to DARKNESS_STEPS."""
    return -(-count * DARKNESS_STEPS // most) if count else 0


@access.requires(Act.SEE_ESTATES)
@require_safe
def estates(request: HttpRequest) -> HttpResponse:
    """List estates and buildings with rooms and residents counted; it names nobody."""
    rows = list(queries.buildings(access.signed_in(request)))
    return render(request, "community/estates.html", {"buildings": rows})
