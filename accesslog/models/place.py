"""Places, their points, and the devices that write passes there."""

import uuid
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from citybrain.core import scope
from citybrain.core.models import Area, Organisation, User
from citybrain.core.roles import Act
from healthcode.models import State


class PlaceQuerySet(models.QuerySet["Place"]):
    """Reads of places."""

    def visible_to(self, user: "User | AnonymousUser", act: Act) -> Self:
        """Keep places in the user's areas and those that the user's organisations run."""
        held = scope.of(user)
        return self.filter(
            Q(area_id__any=held.ids("area", act)) | Q(organisation_id__any=held.ids("organisation", act)),
        )


def green_only() -> list[str]:
    """Return the states that a place admits unless it is told otherwise."""
    return [State.GREEN.value]


class Place(models.Model):
    """Somewhere with a gate: it lies in one grid and may be run by an organisation."""

    class Kind(models.TextChoices):
        """What stands behind the gate."""

        RESIDENTIAL = "residential", _("residential estate")
        OFFICE = "office", _("office building")
        CHECKPOINT = "checkpoint", _("transport checkpoint")
        STATION = "station", _("station")
        AIRPORT = "airport", _("airport")
        MARKET = "market", _("shop or market")
        VEHICLE = "vehicle", _("bus or other vehicle")
        SCHOOL = "school", _("school")
        HOSPITAL = "hospital", _("hospital")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=80)
    area = models.ForeignKey(Area, models.PROTECT, related_name="places")
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, blank=True, related_name="places")
    # Which states may pass. Not known, expired and red never stand here.
    admits = ArrayField(models.CharField(max_length=10, choices=State), default=green_only)

    objects = PlaceQuerySet.as_manager()

    class Meta:
        """Names are unique inside a grid."""

        default_permissions = ()
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(fields=["area", "name"], name="place_name_in_area"),
            models.CheckConstraint(
                condition=Q(admits__contained_by=[State.GREEN.value, State.YELLOW.value]) & Q(admits__len__gt=0),
                name="place_admits_green_or_yellow",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def is_for(self, user: "User | AnonymousUser", act: Act) -> bool:
        """Whether `visible_to` would keep this place, without asking the database."""
        held = scope.of(user)
        return self.area_id in held.ids("area", act) or self.organisation_id in held.ids("organisation", act)


class Point(models.Model):
    """A scanning point of a place: a lane, a door."""

    class Direction(models.TextChoices):
        """Which way people go there."""

        IN = "in", pgettext_lazy("direction", "in")
        OUT = "out", pgettext_lazy("direction", "out")

    place = models.ForeignKey(Place, models.PROTECT, related_name="points")
    name = models.CharField(max_length=40)
    direction = models.CharField(max_length=3, choices=Direction, default=Direction.IN)

    class Meta:
        """Names are unique inside a place."""

        default_permissions = ()
        ordering = ("place", "name")
        constraints = (models.UniqueConstraint(fields=["place", "name"], name="point_name_in_place"),)

    def __str__(self) -> str:
        return self.name


class Device(models.Model):
    """A phone or tablet at a point: enrolled by a one-time code, known by a secret that only it holds."""

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    point = models.ForeignKey(Point, models.PROTECT, related_name="devices")
    name = models.CharField(max_length=40)
    # Keyed digests; the one-time code's is emptied when it is used.
    enrolment_digest = models.CharField(max_length=64, blank=True)
    enrolment_until = models.DateTimeField(null=True, blank=True)
    secret_digest = models.CharField(max_length=64, blank=True)
    enrolled_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Names are unique at a point."""

        default_permissions = ()
        ordering = ("point", "name")
        constraints = (models.UniqueConstraint(fields=["point", "name"], name="device_name_at_point"),)

    def __str__(self) -> str:
        return self.name
