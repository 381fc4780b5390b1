"""Estates, buildings, rooms and households: the district below the grid."""

from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from citybrain.core import scope
from citybrain.core.models import Area, Organisation, Person
from citybrain.core.roles import Act

if TYPE_CHECKING:
    from citybrain.core.models import User


class Estate(models.Model):
    """小区: a group of buildings inside one community, served by at most one property company."""

    name = models.CharField(max_length=60)
    area = models.ForeignKey(Area, models.PROTECT, related_name="estates")
    property_company = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="estates",
    )

    class Meta:
        """Names are unique inside a community."""

        default_permissions = ()
        ordering = ("name", "id")
        constraints = (models.UniqueConstraint(fields=["area", "name"], name="estate_name_in_community"),)

    def __str__(self) -> str:
        return self.name


class BuildingQuerySet(models.QuerySet["Building"]):
    """Reads of buildings."""

    def visible_to(self, user: "User | AnonymousUser", act: Act) -> Self:
        """Keep buildings in the user's areas and those of estates that the user's property company serves."""
        held = scope.of(user)
        return self.filter(
            Q(area_id__any=held.ids("area", act)) | Q(estate__property_company_id__any=held.ids("organisation", act)),
        )


class Building(models.Model):
    """幢: a building of an estate; it lies in exactly one grid, though an estate may span several."""

    estate = models.ForeignKey(Estate, models.PROTECT, related_name="buildings")
    area = models.ForeignKey(Area, models.PROTECT, related_name="buildings")
    name = models.CharField(max_length=30)

    objects = BuildingQuerySet.as_manager()

    class Meta:
        """Names are unique inside an estate."""

        default_permissions = ()
        ordering = ("estate", "id")
        constraints = (models.UniqueConstraint(fields=["estate", "name"], name="building_name_in_estate"),)

    def __str__(self) -> str:
        return self.name


class Room(models.Model):
    """室: a flat, found by unit, floor and number."""

    building = models.ForeignKey(Building, models.PROTECT, related_name="rooms")
    unit = models.PositiveSmallIntegerField()
    floor = models.SmallIntegerField()
    number = models.CharField(max_length=10)

    class Meta:
        """Once in a building."""

        default_permissions = ()
        ordering = ("building", "unit", "floor", "number")
        constraints = (models.UniqueConstraint(fields=["building", "unit", "number"], name="room_in_building"),)

    def __str__(self) -> str:
        return f"{self.unit}-{self.number}"


class Household(models.Model):
    """户: those who live in a room together."""

    room = models.ForeignKey(Room, models.PROTECT, related_name="households")

    class Meta:
        """A room may hold several, such as tenants."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.pk}"


class HouseholdMember(models.Model):
    """A person of a household."""

    class Relation(models.TextChoices):
        """To the head of the household."""

        HEAD = "head", _("head of the household")
        SPOUSE = "spouse", _("spouse")
        CHILD = "child", _("child")
        PARENT = "parent", _("parent")
        TENANT = "tenant", _("tenant")

    household = models.ForeignKey(Household, models.CASCADE, related_name="members")
    person = models.OneToOneField(Person, models.CASCADE, related_name="household_membership")
    relation = models.CharField(max_length=10, choices=Relation)

    class Meta:
        """A person lives in one household."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.household_id}: {self.person_id}"
