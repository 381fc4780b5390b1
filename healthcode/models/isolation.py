"""Isolation: who stays where, since when, and the reminders of the daily check-in."""

import datetime as dt
import uuid
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from citybrain.core import scope
from citybrain.core.models import Area, Person
from healthcode.models.evidence import Evidence


class IsolationQuerySet(scope.AreaScoped["Isolation"]):
    """Reads of isolations."""

    def going_on(self) -> Self:
        """Keep those that have not ended."""
        return self.filter(ended_at=None)


class Isolation(models.Model):
    """One stay in isolation, begun by an order that is evidence, ended by a release that is evidence."""

    class Place(models.TextChoices):
        """Where."""

        HOME = "home", pgettext_lazy("isolation", "at home")
        HOTEL = "hotel", pgettext_lazy("isolation", "in a hotel")
        HOSPITAL = "hospital", pgettext_lazy("isolation", "in hospital")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="isolations")
    order = models.OneToOneField(Evidence, models.PROTECT, related_name="isolation")
    place = models.CharField(max_length=10, choices=Place)
    # Where the person is looked after: the grid, or the community where the grid is not known.
    area = models.ForeignKey(Area, models.PROTECT, related_name="isolations")
    address = models.CharField(max_length=200)
    first_day = models.DateField()
    # The last day as it was ordered; the rules may end it earlier or later.
    last_day = models.DateField()
    # The rules whose open reasons it rests on (`Reason.rule`): it ends when none of them is open any more.
    grounds = ArrayField(models.CharField(max_length=40), default=list)
    release = models.OneToOneField(Evidence, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    objects = IsolationQuerySet.as_manager()

    class Meta:
        """One at a time per person."""

        default_permissions = ()
        ordering = ("first_day", "id")
        indexes = (models.Index(fields=["area"], condition=Q(ended_at=None), name="isolation_open_by_area"),)
        constraints = (
            models.UniqueConstraint(fields=["person"], condition=Q(ended_at=None), name="isolation_once_at_a_time"),
            models.CheckConstraint(condition=Q(last_day__gte=models.F("first_day")), name="isolation_ends_after_start"),
            models.CheckConstraint(
                condition=Q(ended_at=None, release=None) | Q(ended_at__isnull=False), name="isolation_ends_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref}"

    def days(self, today: dt.date) -> int:
        """Return which day of it this is, from 1."""
        return (today - self.first_day).days + 1


class CheckInReminder(models.Model):
    """A message that reminded somebody of the day's check-in; so that nobody is reminded twice."""

    class Slot(models.TextChoices):
        """When."""

        MORNING = "morning", _("in the morning")
        EVENING = "evening", _("in the evening")
        MISSED = "missed", _("the day is over and there was none: the grid is told")

    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    day = models.DateField()
    slot = models.CharField(max_length=10, choices=Slot)
    at = models.DateTimeField()
    # Whether a message went out: not everybody has a phone.
    is_sent = models.BooleanField()

    class Meta:
        """Once a slot."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["person", "day", "slot"], name="check_in_reminder_once"),)

    def __str__(self) -> str:
        return f"{self.person_id} {self.day} {self.slot}"
