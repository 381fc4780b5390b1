"""The map: one figure in each part of an area, as a picture and as a table, down to the grids."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access, scope
from citybrain.core.ground import Ground, ground
from citybrain.core.models import Area, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community import map_queries as queries

# One shape alone would say nothing: its figure stands above.
FEWEST_DRAWN = 2


@access.requires(Act.SEE_PEOPLE)
@access.names_people
@require_safe
def residents_map(request: HttpRequest) -> HttpResponse:
    """Show a figure in each part of an area; `?area=` is what is divided, `?show=` the figure."""
    user = access.signed_in(request)
    figure = _figure(request, user)
    everything = ground(user, *{act for one in queries.FIGURES for act in one.acts})
    on = everything.where(user, *figure.acts)
    area = _area(request, on, _act(user, figure))
    shown = queries.map_of(figure, on, area)
    detail = {"area": area.pk if area else None, "show": figure.name, "areas": len(shown.parts)}
    access.record(request, Deed.SEE_MAP, _act(user, figure), where=("area", on.below(area)), detail=detail)
    frame = {
        "figure": figure,
        "choices": _choices(user, everything, area, figure, shown),
        "area": area,
        "trail": on.trail(area),
        "is_whole": area == on.start(),
        "is_rooted": on.start() is not None,
        **_parts(user, figure, on, area, shown),
    }
    return render(request, "community/map.html", frame)


def _figure(request: HttpRequest, user: User) -> queries.MapFigure:
    """Return the figure that the address names; one that is not the user's to see is refused on record."""
    name = request.GET.get("show", queries.FIGURES[0].name)
    figure = next((one for one in queries.FIGURES if one.name == name), None)
    if figure is None:
        raise BadRequest
    if figure not in queries.figures_of(user):
        raise access.RefusedLookError(Deed.SEE_MAP, figure.acts[0], status=403, target=f"map:{name}")
    return figure


def _act(user: User, figure: queries.MapFigure) -> Act:
    """Return the act by which a user sees a figure."""
    held = scope.of(user)
    return next(act for act in figure.acts if held.may(act))


def _area(request: HttpRequest, on: Ground, act: Act) -> Area | None:
    """Return the area that the address names, else the widest; one that is not the user's is refused on record."""
    text = request.GET.get("area", "")
    if not text:
        return on.start()
    try:
        area = on.find(text)
    except ValueError:
        raise BadRequest from None
    if area is None:
        raise access.RefusedLookError(Deed.SEE_MAP, act, status=404, target=f"area:{text}")
    return area


def _choices(
    user: User, everything: Ground, area: Area | None, figure: queries.MapFigure, shown: queries.MapOf
) -> list[tuple[queries.MapFigure, int]]:
    """Return the figures that the user may see of an area, each with its total."""
    choices = []
    for one in queries.figures_of(user):
        where = everything.where(user, *one.acts)
        if area is None or area.pk in where.areas:
            total = shown.total if one == figure else queries.total_of(one, where.below(area))
            choices.append((one, total))
    return choices


def _parts(
    user: User, figure: queries.MapFigure, on: Ground, area: Area | None, shown: queries.MapOf
) -> dict[str, Any]:
    """Return the parts with what their figures open, the legend, and the borders to draw."""
    areas = [part.area for part in shown.parts if not part.is_rest]
    borders = queries.borders(areas)
    links = _Links(user, figure, on)
    return {
        "parts": [(part, "" if part.is_rest else links.kind(part.area)) for part in shown.parts],
        "opens": links.kind(area) if area else "",
        "scale": shown.scale,
        "total": shown.total,
        "is_drawn": len(borders) >= FEWEST_DRAWN,
        "is_schematic": any(one.boundary_is_schematic for one in areas if one.pk in borders),
        "has_samples": on.has_samples(area),
        "borders": borders,
    }


class _Links:
    """Which list holds exactly the rows of a figure in an area."""

    def __init__(self, user: User, figure: queries.MapFigure, on: Ground) -> None:
        self.figure, self.on = figure, on
        self.commanded = set(scope.of(user).ids("area", Act.SEE_COCKPIT))

    def kind(self, area: Area) -> str:
        """Return the list's name, "" where there is none."""
        if self.figure.name == "residents" or area.pk in self.commanded:
            return self.figure.name
        # The list of alerts takes no area: it holds exactly these where the area is all that the viewer has.
        return "own_alerts" if self.figure.name == "alerts" and area == self.on.start() else ""
