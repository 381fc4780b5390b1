"""Hold: evidence that waits for a second person of another unit; and the effect that others' evidence had."""

import uuid
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from citybrain.core import scope
from citybrain.core.models import Person, Photo, User
from citybrain.core.roles import Act
from healthcode.kinds import Kind
from healthcode.models.evidence import Evidence

# A unit: the role and the holding that somebody acted under ("health_officer@area:1"), or the key of a feed ("key:3").
UNIT_LENGTH = 80


class HoldQuerySet(models.QuerySet["Hold"]):
    """Reads of holds."""

    def waiting(self) -> Self:
        """Keep what nobody has decided yet."""
        return self.filter(state=Hold.State.WAITING)

    def visible_to(self, user: "User | AnonymousUser", act: Act) -> Self:
        """Keep those all of whose people live where the user may do the act."""
        outside = HeldItem.objects.exclude(person__area_id__in=scope.of(user).ids("area", act))
        return self.exclude(pk__in=outside.values("hold"))


class Hold(models.Model):
    """What one sender recorded in one go, held because of what it would do to people. No evidence until approved."""

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", pgettext_lazy("held evidence", "waiting")
        APPROVED = "approved", pgettext_lazy("held evidence", "let in")
        REFUSED = "refused", pgettext_lazy("held evidence", "refused")

    class Because(models.TextChoices):
        """Which limit it went beyond; the numbers are in settings.HOLD_LIMITS."""

        BURST = "burst", _("many people within ten minutes")
        AUTHOR = "author", _("many people within a day by one person")
        UNIT = "unit", _("many people within a day by one unit")
        DISTRICT = "district", _("many people within an hour in the whole district")
        ORGANISATION = "organisation", _("many people of one employer or school")
        ADDRESS = "address", _("many people of one building or grid")
        FEED = "feed", _("more than this feed may change in a day")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    because = ArrayField(models.CharField(max_length=20, choices=Because))
    # The ids of user and unit; no user for a feed.
    made_by = models.BigIntegerField(null=True)
    made_under = models.CharField(max_length=UNIT_LENGTH)
    made_at = models.DateTimeField()
    # How many people's codes it would make worse, and better.
    worse = models.PositiveIntegerField()
    better = models.PositiveIntegerField()
    decided_by = models.BigIntegerField(null=True)
    decided_under = models.CharField(max_length=UNIT_LENGTH, blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        """Decided by somebody else, of another unit."""

        default_permissions = ()
        ordering = ("-made_at", "-id")
        indexes = (models.Index(fields=["-made_at", "-id"], name="hold_newest"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(decided_by=None) | Q(made_by=None) | ~Q(decided_by=F("made_by")),
                name="hold_is_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(decided_under="") | ~Q(decided_under=F("made_under")),
                name="hold_is_decided_by_another_unit",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at=None) | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="hold_is_decided_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref}"


class HeldItem(models.Model):
    """One piece of evidence of a hold, as it was sent; `evidence` is what it became."""

    hold = models.ForeignKey(Hold, models.PROTECT, related_name="items")
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=30, choices=Kind)
    facts = models.JSONField(default=dict)
    true_at = models.DateTimeField()
    source = models.CharField(max_length=30, choices=Evidence.Source)
    document = models.ForeignKey(Photo, models.PROTECT, null=True, related_name="+")
    withdraws = models.ForeignKey(Evidence, models.PROTECT, null=True, related_name="+")
    evidence = models.OneToOneField(Evidence, models.PROTECT, null=True, related_name="+")

    class Meta:
        """Read by hold."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Impact(models.Model):
    """What evidence of somebody else did to a person's code; limits are counted from these rows."""

    append_only = True

    class Effect(models.TextChoices):
        """Which way the code went."""

        WORSE = "worse", _("worse")
        BETTER = "better", _("better")

    at = models.DateTimeField()
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    evidence = models.ForeignKey(Evidence, models.PROTECT, related_name="+")
    effect = models.CharField(max_length=10, choices=Effect)
    author = models.BigIntegerField(null=True)
    unit = models.CharField(max_length=UNIT_LENGTH)
    # Employers and schools of the person at that time, and their grid or community: who may be the target.
    organisations = ArrayField(models.BigIntegerField(), default=list)
    area = models.BigIntegerField()
    # Let in by a second person: counts no more.
    is_approved = models.BooleanField(default=False)

    class Meta:
        """Counted by time."""

        default_permissions = ()
        indexes = (models.Index(fields=["at"], name="impact_by_time"),)

    def __str__(self) -> str:
        return f"{self.effect} {self.person_id}"
