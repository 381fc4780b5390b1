"""The cockpit: the page, the shapes of its map, the ticket of its live stream."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access
from citybrain.core.ground import Ground, ground
from citybrain.core.models import Area
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from citybrain.core.stream_ticket import issue
from dashboard import figures, queries
from dashboard.as_of import moment
from dashboard.views.rows import area_of, linked

CHANNEL = "cockpit"
# Rows that a script fills in.
BLANK = dict.fromkeys(("area", "name", "alerts", "orders", "overdue", "ref", "short", "kind", "due", "is_late"), "")


@access.requires(Act.SEE_COCKPIT)
@require_safe
@linked
def cockpit(request: HttpRequest) -> HttpResponse:
    """Show every figure of the user's areas; the live stream keeps them fresh. `?area=` goes into the map."""
    user = access.signed_in(request)
    areas, on = queries.areas_of(user), ground(user, Act.SEE_COCKPIT)
    area = area_of(request) or on.start()
    picture = queries.picture(areas)
    access.record(request, Deed.SEE_COCKPIT, Act.SEE_COCKPIT, where=("area", areas), detail={"areas": len(areas)})
    frame = {**_frame(picture), **_map(picture, on, area), "is_on_wall": request.GET.get("wall") == "1"}
    return render(request, "dashboard/cockpit/cockpit.html", frame)


def _frame(picture: dict[str, Any]) -> dict[str, Any]:
    groups = {name: figures.show(group, picture) for name, group in figures.GROUPS.items()}
    words = figures.words()
    silence, limit = picture["consumer"], settings.BEAT_LIMIT.total_seconds()
    return {
        **groups,
        "passes": list(zip(groups["today"], groups["yesterday"], strict=True)),
        "all": [shown for group in groups.values() for shown in group],
        "picture": picture,
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


def _map(picture: dict[str, Any], on: Ground, area: Area | None) -> dict[str, Any]:
    """Return where on the map one is: the way up, and the parts of that area with their open cases."""
    parts = on.parts(area)
    return {
        "area": area,
        "trail": on.trail(area),
        "is_rooted": on.start() is not None,
        "parts": [(part, queries.count_cases(queries.cases_within(picture, part))) for part in parts],
        "grids": queries.cases_within(picture, area),
    }


def _first(row: dict[str, Any], at: str, words: dict[str, Any]) -> dict[str, Any]:
    due = figures.due_in_words(row["due_at"], at, words)
    return {**row, "kind": words["kinds"][row["kind"]], "due": due, "is_late": moment(row["due_at"]) < moment(at)}


@access.requires(Act.SEE_COCKPIT)
@require_safe
@linked
def shapes(request: HttpRequest) -> JsonResponse:
    """Answer the shapes of an area as GeoJSON: its grids, to be coloured, and its parts, to be gone into."""
    on = ground(access.signed_in(request), Act.SEE_COCKPIT)
    area = area_of(request) or on.start()
    parts = {part.pk for part in on.parts(area)}
    wanted = [pk for pk in on.below(area) if pk in parts or on.areas[pk].level == Area.Level.GRID]
    drawn = Area.objects.filter(id__any=wanted, boundary__isnull=False).order_by("code")
    features = [
        {
            "type": "Feature",
            "geometry": one.boundary,
            "properties": {"id": str(one.pk), "name": one.name, "level": one.level, "is_part": one.pk in parts},
        }
        for one in drawn
    ]
    is_schematic = any(one.boundary_is_schematic for one in drawn)
    return JsonResponse({"type": "FeatureCollection", "features": features, "is_schematic": is_schematic})


@access.requires(Act.SEE_COCKPIT)
@require_safe
def ticket(request: HttpRequest) -> JsonResponse:
    """Answer the address that opens the live stream of this page within the next minute."""
    sealed = issue(access.signed_in(request), CHANNEL, request.session.session_key or "")
    return JsonResponse({"url": f"{settings.STREAM_ORIGIN}/stream/{CHANNEL}?ticket={sealed}"})
