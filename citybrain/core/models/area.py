"""Area: a district, street, community or grid, and the codes it has had."""

import datetime as dt
from typing import Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from citybrain.core import roles
from citybrain.core.models import fields as _fields  # noqa: F401 (registers the `any` lookup)


class AreaQuerySet(models.QuerySet["Area"]):
    """Reads of areas."""

    def coded(self, code: str, on: dt.date) -> Self:
        """Keep the area that carried `code` on the day `on`; codes are re-used, so a day is always asked for."""
        return self.filter(codes__in=AreaCode.objects.valid_on(on).filter(code=code))


class Area(models.Model):
    """One place in the tree, the same row whatever its code, name or parent has been.

    `code`, `name` and `parent` are those of the open `AreaCode`; the past is read from `codes`.
    """

    class Level(models.TextChoices):
        """Levels, from the widest to the narrowest."""

        DISTRICT = "district", _("District")
        STREET = "street", _("Street")
        COMMUNITY = "community", _("Community")
        GRID = "grid", _("Grid")

    level = models.CharField(max_length=10, choices=Level)
    code = models.CharField(max_length=15, validators=[RegexValidator(r"^\d{12}(\d{3})?$")])
    name = models.CharField(max_length=60)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    # "/1/7/52/": ids from the root to this area, so that "everything below" is one index range.
    path = models.CharField(max_length=120, unique=True)
    # GeoJSON Polygon in WGS-84; null until the district uploads it.
    boundary = models.JSONField(null=True, blank=True)
    boundary_is_schematic = models.BooleanField(default=False)
    # Only a sample of those who live here is on the register: figures by head of this area say little.
    register_is_partial = models.BooleanField(default=False, db_default=False)
    # A tree of its own in which `make smoke` walks the chain; it stands beside the district and counts in no figure.
    is_smoke = models.BooleanField(default=False, db_default=False)

    objects = AreaQuerySet.as_manager()

    class Meta:
        """Grants on an area are named by role."""

        default_permissions = ()
        permissions = roles.permissions_on("area")
        ordering = ("code",)
        constraints = (models.UniqueConstraint(fields=["code"], name="area_code_now_unique"),)

    def __str__(self) -> str:
        return self.name


class AreaCodeQuerySet(models.QuerySet["AreaCode"]):
    """Reads of codes."""

    def valid_on(self, day: dt.date) -> Self:
        """Keep the codes in force on `day`; `valid_to` is the first day on which a code no longer holds."""
        return self.filter(Q(valid_to=None) | Q(valid_to__gt=day), valid_from__lte=day)


def _span(column: str) -> Func:
    """Return int8range(column, column, '[]'): equality in a GiST index without the btree_gist extension."""
    number = Cast(F(column), models.BigIntegerField())
    return Func(number, number, Value("[]"), function="int8range")


_VALIDITY = Func(F("valid_from"), F("valid_to"), function="daterange")


class AreaCode(models.Model):
    """A code that an area carries or carried, with the name and parent of that time."""

    area = models.ForeignKey(Area, models.PROTECT, related_name="codes")
    code = models.CharField(max_length=15, validators=[RegexValidator(r"^\d{12}(\d{3})?$")])
    name = models.CharField(max_length=60)
    parent = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, related_name="+")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    # Several when areas are merged; `successors` are several when one is split.
    predecessors: "models.ManyToManyField[AreaCode, AreaCode]" = models.ManyToManyField(
        "self",
        symmetrical=False,
        related_name="successors",
        blank=True,
    )

    objects = AreaCodeQuerySet.as_manager()

    class Meta:
        """No code names two areas on one day, no area has two codes on one day."""

        default_permissions = ()
        ordering = ("code", "valid_from")
        constraints = (
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="area_code_ends_after_start",
            ),
            ExclusionConstraint(
                name="area_code_names_one_area_a_day",
                expressions=[(_span("code"), RangeOperators.OVERLAPS), (_VALIDITY, RangeOperators.OVERLAPS)],
            ),
            ExclusionConstraint(
                name="area_has_one_code_a_day",
                expressions=[(_span("area_id"), RangeOperators.OVERLAPS), (_VALIDITY, RangeOperators.OVERLAPS)],
            ),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
