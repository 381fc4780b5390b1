"""Alert: something that a grid must know of at once."""

import uuid
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Func, Q
from django.utils.translation import gettext_lazy as _

from citybrain.core import scope
from citybrain.core.models import Area, Person
from citybrain.core.models.fields import XidField

if TYPE_CHECKING:
    from community.models.order import WorkOrder


class AlertQuerySet(scope.AreaScoped["Alert"]):
    """Reads of alerts."""

    def still_open(self) -> Self:
        """Keep what is not closed."""
        return self.filter(closed_at=None)

    def closed(self) -> Self:
        """Keep what is closed."""
        return self.exclude(closed_at=None)


class Alert(models.Model):
    """One open alert per subject and kind: what happens again is counted in it."""

    class Kind(models.TextChoices):
        """What set it off."""

        OPEN_REASON_PASSED = "open_reason_passed", _("someone with an open reason passed a gate")
        REFUSED_AT_GATE = "refused_at_gate", _("refused at a gate")
        ADDRESS_NOT_FOUND = "address_not_found", _("a declared address is not in the register")
        DOCUMENT_TAKEN = "document_taken", _("a declared document number is already on record")
        CHECK_IN_MISSED = "check_in_missed", _("no check-in today from somebody who owes one")
        HEALTH_WORSE = "health_worse", _("a check-in that says somebody is worse")
        CARE_NEEDED = "care_needed", _("somebody in isolation needs something")
        FAMILY_TO_CHECK = "family_to_check", _("somebody asks to act for another person")

    class Cause(models.TextChoices):
        """What was decided at a gate, by the gate's codes. Gates are no part of this app: it has words of its own."""

        GREEN = "green", _("green code")
        YELLOW_ADMITTED = "yellow_admitted", _("yellow code, admitted here")
        CERTIFICATE = "certificate", _("certificate of another region accepted")
        YELLOW = "yellow", _("yellow code")
        RED = "red", _("red code")
        NOT_KNOWN = "not_known", _("nothing is known: never declared")
        EXPIRED = "expired", _("the declaration has run out")
        UNREADABLE = "unreadable", _("not a code of this district")
        FORGED = "forged", _("forged code")
        STALE = "stale", _("old code: a picture of a screen, or a screen that was not renewed")
        REPLAYED = "replayed", _("this code was shown at another gate a moment ago")
        REVOKED = "revoked", _("code that its holder replaced")
        NO_PERSON = "no_person", _("nobody is known by this document")
        CERTIFICATE_REFUSED = "certificate_refused", _("certificate not accepted")
        PAPER_EXPIRED = "paper_expired", _("paper code whose last day has passed")
        PAPER_VOID = "paper_void", _("paper code that was lost or replaced")
        NOT_THE_HOLDER = "not_the_holder", _("paper code in the hands of somebody else")
        WRONG_ISSUER = "wrong_issuer", _("signed code of another region")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=30, choices=Kind)
    # What it is about, as "kind:id": "person:17", or "point:4:forged" where nobody was recognised.
    subject = models.CharField(max_length=40)
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="alerts")
    # Whose grid is told: that of the present address, else that of the place.
    area = models.ForeignKey(Area, models.PROTECT, related_name="alerts")
    # Where it happened last, in words of the one who reported it.
    place = models.CharField(max_length=120, blank=True)
    # Why it was raised last; empty where the kind says it all.
    cause = models.CharField(max_length=30, choices=Cause, blank=True)
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    # The transactions that opened and closed it: a list as of a moment is exact by them.
    opened_in = XidField(db_default=Func(function="pg_current_xact_id"))
    closed_in = XidField(null=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        """One open per subject and kind."""

        default_permissions = ()
        ordering = ("-last_at", "-id")
        indexes = (
            models.Index(fields=["area", "-last_at", "-id"], name="alert_by_area"),
            models.Index(fields=["person"], condition=Q(closed_at=None), name="alert_open_of_person"),
            models.Index(fields=["closed_at"], name="alert_by_closing"),
        )
        constraints = (
            models.UniqueConstraint(fields=["subject", "kind"], condition=Q(closed_at=None), name="alert_open_once"),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_in=None) | Q(closed_at__isnull=False, closed_in__isnull=False),
                name="alert_is_closed_in_a_transaction",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"

    @property
    def order_if_any(self) -> "WorkOrder | None":
        """The order that was opened for it, None for the moment until it is."""
        return getattr(self, "order", None)
