"""Setting gates up: places, their points, and the codes that enrol devices."""

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accesslog import queries
from accesslog.actions import devices as device_actions
from accesslog.actions import places as place_actions
from accesslog.forms import DeviceForm, NamedForm, PlaceForm, PointForm
from accesslog.models import Device, Place, Point
from citybrain.core import access, paging
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode.models import State

T = TypeVar("T")


@access.requires(Act.SET_UP_GATES)
@require_safe
def places(request: HttpRequest) -> HttpResponse:
    """List the places of the user's areas."""
    rows = queries.places(access.signed_in(request))
    page = paging.page(rows, ("name", "id"), paging.start_after(rows, "pk", request.GET.get("after")))
    return render(request, "accesslog/setup/places.html", {"page": page, "yellow": State.YELLOW.value})


@access.requires(Act.SET_UP_GATES)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make a place."""
    user = access.signed_in(request)
    form = PlaceForm(user, None, request.POST or None)
    if request.method == "POST":
        place = _made(form, lambda: place_actions.make_place(**form.particulars(), by=user))
        if place is not None:
            return redirect("accesslog:place", pk=place.pk)
    return render(request, "accesslog/setup/place_form.html", {"form": form, "place": None})


@access.requires(Act.SET_UP_GATES)
@require_safe
def place(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a place with its points and devices."""
    return _show(request, _load(request, pk))


@access.requires(Act.SET_UP_GATES)
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a place's particulars."""
    user, found = access.signed_in(request), _load(request, pk)
    form = PlaceForm(user, found, request.POST or None)
    if request.method == "POST":
        changed = _made(form, lambda: place_actions.change_place(place=found, **form.particulars(), by=user))
        if changed is not None:
            return redirect("accesslog:place", pk=pk)
    return render(request, "accesslog/setup/place_form.html", {"form": form, "place": found})


@access.requires(Act.SET_UP_GATES)
@require_POST
def add_point(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a point to a place."""
    user, found = access.signed_in(request), _load(request, pk)
    form = PointForm(request.POST)
    point = _made(form, lambda: place_actions.add_point(place=found, **form.cleaned_data, by=user))
    if point is None:
        return _show(request, found, point_form=form)
    return redirect("accesslog:place", pk=pk)


@access.requires(Act.SET_UP_GATES)
@require_POST
def add_device(request: HttpRequest, pk: int, point: int) -> HttpResponse:
    """Add a device to a point and show the code that enrols it."""
    user, found = access.signed_in(request), _load(request, pk)
    here = _below(found.points.filter(pk=point).select_related("place").first(), f"point:{point}")
    form = _device_form(here, request)
    made = _made(form, lambda: device_actions.add_device(point=here, **form.cleaned_data, by=user))
    if made is None:
        return _show(request, found, device_form=(here.pk, form))
    device, code = made
    return _show_code(request, device, code)


@access.requires(Act.SET_UP_GATES)
@require_POST
def offer_code(request: HttpRequest, pk: int, device: int) -> HttpResponse:
    """Show a new code for a device, for another tablet or for one that was revoked."""
    found = _load_device(request, pk, device)
    return _show_code(request, found, device_actions.offer_code(device=found, by=access.signed_in(request)))


@access.requires(Act.SET_UP_GATES)
@require_POST
def revoke(request: HttpRequest, pk: int, device: int) -> HttpResponse:
    """Make a device worthless, as when a tablet was lost."""
    found = _load_device(request, pk, device)
    device_actions.revoke_device(device=found, by=access.signed_in(request))
    messages.success(request, _("The device is revoked. Nobody can check with it any more."))
    return redirect("accesslog:place", pk=pk)


def _load(request: HttpRequest, pk: int) -> Place:
    return access.load(request, Place.objects, pk, Act.SET_UP_GATES, Deed.SET_UP_GATE)


def _load_device(request: HttpRequest, pk: int, device: int) -> Device:
    found = Device.objects.filter(point__place=_load(request, pk), pk=device).select_related("point__place").first()
    return _below(found, f"device:{device}")


def _below(found: T | None, target: str) -> T:
    """Return what belongs to a place; otherwise 404, on record."""
    if found is None:
        raise access.RefusedLookError(Deed.SET_UP_GATE, Act.SET_UP_GATES, status=404, target=target)
    return found


def _made(form: NamedForm, make: Callable[[], T]) -> T | None:
    """Return what a valid form makes; None, with an error in the form, when its name is taken."""
    if not form.is_valid():
        return None
    try:
        return make()
    except IntegrityError:
        form.refuse_name()
        return None


def _device_form(point: Point, request: HttpRequest | None = None) -> DeviceForm:
    return DeviceForm(request.POST if request else None, auto_id=f"device_at_{point.pk}_%s")


def _show(
    request: HttpRequest,
    place: Place,
    *,
    point_form: PointForm | None = None,
    device_form: tuple[int, DeviceForm] | None = None,
) -> HttpResponse:
    """Show a place; a form that was sent stands in it with what was typed."""
    points = queries.points(place)
    sent = dict([device_form]) if device_form else {}
    frame = {
        "place": place,
        "admits_yellow": State.YELLOW in place.admits,
        "points": [(point, sent.get(point.pk) or _device_form(point)) for point in points],
        "point_form": point_form or PointForm(),
    }
    return render(request, "accesslog/setup/place.html", frame)


def _show_code(request: HttpRequest, device: Device, code: str) -> HttpResponse:
    half = len(code) // 2
    minutes = int(device_actions.CODE_LIFE.total_seconds() // 60)
    frame = {"device": device, "code": f"{code[:half]} {code[half:]}", "minutes": minutes}
    return render(request, "accesslog/setup/code.html", frame)
