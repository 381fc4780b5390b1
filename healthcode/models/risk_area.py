"""Risk areas: the published list of places, as whole versions."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from citybrain.core.models import Area

# Digits of a GB/T 2260 code by level: province, city, district, street, community, grid.
LEVEL_DIGITS = (2, 4, 6, 9, 12, 15)


def prefix_of(code: str) -> str:
    """Return the digits that a code and all codes below it begin with: 330103008000 → 330103008."""
    for digits in LEVEL_DIGITS:
        if not code[digits:].strip("0"):
            return code[:digits]
    return code


class RiskArea(models.Model):
    """One place on one version of the list.

    It is matched by code, not by a row of the area tree: most are far outside the district, and a later re-coding of
    the tree must not change what a replay finds.
    """

    append_only = True

    class Level(models.TextChoices):
        """How severe it is."""

        HIGH = "high", _("high risk")
        MEDIUM = "medium", _("medium risk")

    version = models.PositiveIntegerField()
    prefix = models.CharField(max_length=15, validators=[RegexValidator(r"^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12}|\d{15})$")])
    name = models.CharField(max_length=100)
    # The area of our own tree, for the map, where there is one.
    area = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, related_name="+")
    level = models.CharField(max_length=10, choices=Level)
    valid_from = models.DateField()
    # The first day on which it is no risk area any more.
    valid_to = models.DateField(null=True, blank=True)
    # When it first came on any version: a stay known before counts as known on this day.
    listed_on = models.DateField()

    class Meta:
        """Read by version."""

        default_permissions = ()
        indexes = (models.Index(fields=["version", "prefix"], name="risk_area_by_prefix"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(valid_to=None) | models.Q(valid_to__gt=models.F("valid_from")),
                name="risk_area_ends_after_start",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.level}"
