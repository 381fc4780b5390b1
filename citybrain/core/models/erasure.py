"""ErasureRequest: a person asks that what is kept about them is erased (PIPL, article 47)."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from citybrain.core import clock, crypto, scope
from citybrain.core.models.area import Area
from citybrain.core.models.person import Person


class ErasureRequestQuerySet(scope.AreaScoped["ErasureRequest"]):
    """Reads of requests."""

    def waiting(self) -> Self:
        """Keep those that nobody has answered."""
        return self.filter(answered_at=None, taken_back_at=None)


class ErasureRequest(models.Model):
    """One request; a human being answers it, the retention job carries it out when nothing has to be kept any more."""

    class Outcome(models.TextChoices):
        """What the law says to it."""

        ERASE = "erase", _("everything is erased as soon as the time for which it has to be kept is over")
        KEEP = "keep", _("it has to be kept for now; the reason is written below")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # None once the person is erased.
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="erasure_requests")
    # Of the person's address when it was made: whose it is to answer.
    area = models.ForeignKey(Area, models.PROTECT, related_name="+")
    # The user's id: the person, or somebody who acts for them.
    asked_by = models.BigIntegerField()
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    # Why, for the person to read, sealed.
    answer_cipher = models.BinaryField(default=bytes)
    answered_by = models.BigIntegerField(null=True)
    answered_at = models.DateTimeField(null=True)
    taken_back_at = models.DateTimeField(null=True)
    # When the health data went, and when the rest: name, documents, phones, account.
    cleared_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)

    objects = ErasureRequestQuerySet.as_manager()

    class Meta:
        """One at a time per person."""

        default_permissions = ()
        ordering = ("due_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(taken_back_at=None, erased_at=None) & ~Q(outcome="keep"),
                name="erasure_request_once",
            ),
            models.CheckConstraint(
                condition=Q(answered_at=None, outcome="") | (Q(answered_at__isnull=False) & ~Q(outcome="")),
                name="erasure_request_is_answered_with_an_outcome",
            ),
        )

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What people quote on the phone."""
        return f"E{self.asked_at.astimezone(clock.SHANGHAI):%Y%m%d}-{self.pk}"

    def seal(self, text: str) -> bytes:
        """Return a text sealed for this request."""
        return crypto.seal("erasure", text, owner=str(self.ref))

    @property
    def answer(self) -> str:
        """The answer, "" while there is none."""
        cipher = bytes(self.answer_cipher)
        return crypto.unseal("erasure", cipher, owner=str(self.ref)) if cipher else ""
