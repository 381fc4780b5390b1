"""Reads of places, devices and passes."""

import uuid
from datetime import timedelta

from django.db.models import Count, Q, QuerySet

from accesslog.models import Device, Pass, Place, Point
from citybrain.core import clock, scope
from citybrain.core.models import Area, Organisation, Person, User
from citybrain.core.roles import Act

RECENT_PASSES, RECENT = 10, timedelta(hours=12)
# For as long as one stands before the guard.
A_MOMENT = timedelta(minutes=10)


def places(user: User) -> QuerySet[Place]:
    """Return the places whose gates a user sets up, with the number of points and of devices at work."""
    at_work = Q(points__devices__enrolled_at__isnull=False, points__devices__revoked_at=None)
    return (
        Place.objects.visible_to(user, Act.SET_UP_GATES)
        .select_related("area", "organisation")
        .annotate(
            point_count=Count("points", distinct=True),
            device_count=Count("points__devices", filter=at_work, distinct=True),
        )
    )


def points(place: Place) -> list[Point]:
    """Return a place's points with their devices."""
    return list(place.points.prefetch_related("devices").order_by("name"))


def grids(user: User) -> QuerySet[Area]:
    """Return the grids in which a user may set up gates."""
    held = scope.of(user).ids("area", Act.SET_UP_GATES)
    return Area.objects.filter(id__any=held, level=Area.Level.GRID).order_by("code")


def organisations(user: User) -> QuerySet[Organisation]:
    """Return the organisations that may run a gate in a user's areas: those that lie there."""
    held = scope.of(user).ids("area", Act.SET_UP_GATES)
    return Organisation.objects.filter(area_id__any=held).order_by("name", "id")


def passes_of(person: Person | None) -> QuerySet[Pass]:
    """Return the passes of a person that are still kept; pages run along ("-scanned_at", "-id")."""
    return Pass.objects.filter(person=person, person__isnull=False).select_related("place", "point")


def recent_passes(device: Device, operator: User) -> list[Pass]:
    """Return the last passes that a guard checked by a device, newest first, so that they can look again."""
    return list(_recent(device, operator).order_by("-scanned_at", "-id")[:RECENT_PASSES])


def recent_pass(device: Device, operator: User, nonce: uuid.UUID) -> Pass | None:
    """Return a pass that a guard checked by a device a moment ago."""
    return _recent(device, operator, A_MOMENT).filter(nonce=nonce).first()


def _recent(device: Device, operator: User, within: timedelta = RECENT) -> QuerySet[Pass]:
    here = Pass.objects.filter(place=device.point.place_id, scanned_at__gt=clock.now() - within, device=device)
    return here.filter(operator=operator.pk).select_related("person")
