"""Outbox: facts that others act on, written in the transaction that made them true."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """Something that happened. The payload names rows by id; handlers read their state again."""

    kind = models.CharField(max_length=60)
    payload = models.JSONField()
    created_at = models.DateTimeField()
    # When one delivery per handler had been written.
    fanned_out_at = models.DateTimeField(null=True)

    class Meta:
        """The dispatcher takes what is not fanned out, oldest first."""

        default_permissions = ()
        indexes = (
            models.Index(fields=["id"], condition=models.Q(fanned_out_at=None), name="event_not_fanned_out"),
            models.Index(fields=["created_at"], name="event_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Delivery(models.Model):
    """One event for one handler; done together with the handler's effect, or parked after too many attempts."""

    class State(models.TextChoices):
        """Where a delivery stands."""

        PENDING = "pending", _("pending")
        DONE = "done", _("done")
        PARKED = "parked", _("parked")

    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    handler = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    last_error = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        """Once per event and handler."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["event", "handler"], name="delivery_once"),)
        indexes = (
            models.Index(fields=["due_at", "id"], condition=models.Q(state="pending"), name="delivery_due"),
            models.Index(fields=["id"], condition=models.Q(state="parked"), name="delivery_parked"),
        )

    def __str__(self) -> str:
        return f"{self.handler} {self.state}"
