"""The cockpit: the page, the shapes of its map, the ticket of its live stream."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access
from citybrain.core.models import Area
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from citybrain.core.stream_ticket import issue
from dashboard import figures, queries
from dashboard.as_of import moment

CHANNEL = "cockpit"
MORE = ("passes_more", "refused_more")
# Rows that a script fills in.
BLANK = dict.fromkeys(("area", "name", "alerts", "orders", "overdue", "ref", "short", "kind", "due", "is_late"), "")


@access.requires(Act.SEE_COCKPIT)
@require_safe
def cockpit(request: HttpRequest) -> HttpResponse:
    """Show every figure of the user's areas; the live stream keeps them fresh."""
    areas = queries.areas_of(access.signed_in(request))
    picture = queries.picture(areas)
    access.record(request, Deed.SEE_COCKPIT, Act.SEE_COCKPIT, where=("area", areas), detail={"areas": len(areas)})
    return render(request, "dashboard/cockpit/cockpit.html", _frame(picture))


def _frame(picture: dict[str, Any]) -> dict[str, Any]:
    groups = {name: figures.show(group, picture) for name, group in figures.GROUPS.items()}
    words = figures.words()
    silence, limit = picture["consumer"], settings.BEAT_LIMIT.total_seconds()
    more = [figures.difference(picture["figures"][name]) for name in MORE]
    return {
        **groups,
        "passes": list(zip(groups["today"], groups["yesterday"], MORE, more, strict=True)),
        "all": [shown for group in groups.values() for shown in group],
        "picture": picture,
        "grids": picture["grids"],
        "first": [_first(row, picture["at"], words) for row in picture["first"]],
        "bars": figures.bars(picture["curve"] or []),
        "most": figures.in_figures(max(picture["curve"]) if picture["curve"] else None),
        "lists": {"alerts": figures.link_base(figures.ALERTS), "orders": figures.link_base(figures.ORDERS)},
        "blank": BLANK,
        "consumer": "never" if silence is None else "silent" if silence > limit else "live",
        "silence": words["silent"].format(n=int(silence or 0)),
        "silent_after": int(limit),
        "words": words,
    }


def _first(row: dict[str, Any], at: str, words: dict[str, Any]) -> dict[str, Any]:
    due = figures.due_in_words(row["due_at"], at, words)
    return {**row, "kind": words["kinds"][row["kind"]], "due": due, "is_late": moment(row["due_at"]) < moment(at)}


@access.requires(Act.SEE_COCKPIT)
@require_safe
def shapes(request: HttpRequest) -> JsonResponse:
    """Answer the user's areas as GeoJSON: grids to be coloured, streets to find one's way by."""
    areas = queries.areas_of(access.signed_in(request))
    drawn = Area.objects.filter(id__any=areas, boundary__isnull=False).order_by("code")
    features = [
        {
            "type": "Feature",
            "geometry": area.boundary,
            "properties": {"id": str(area.pk), "name": area.name, "level": area.level},
        }
        for area in drawn.filter(level__in=(Area.Level.GRID, Area.Level.STREET))
    ]
    is_schematic = drawn.filter(boundary_is_schematic=True).exists()
    return JsonResponse({"type": "FeatureCollection", "features": features, "is_schematic": is_schematic})


@access.requires(Act.SEE_COCKPIT)
@require_safe
def ticket(request: HttpRequest) -> JsonResponse:
    """Answer the address that opens the live stream of this page within the next minute."""
    sealed = issue(access.signed_in(request), CHANNEL, request.session.session_key or "")
    return JsonResponse({"url": f"{settings.STREAM_ORIGIN}/stream/{CHANNEL}?ticket={sealed}"})
