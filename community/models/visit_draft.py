"""VisitDraft: a report on a visit that could not be sent as it was; kept, with its photos, until it is mended."""

import json
from typing import Any

from django.db import models

from citybrain.core import clock, crypto
from citybrain.core.models import User
from community.models.order import WorkOrder


class VisitDraft(models.Model):
    """What was typed, sealed, until the report is sent or a day has passed."""

    order = models.OneToOneField(WorkOrder, models.CASCADE, related_name="visit_draft")
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    cipher = models.BinaryField()
    changed_at = models.DateTimeField()

    class Meta:
        """Purged by age."""

        default_permissions = ()
        indexes = (models.Index(fields=["changed_at"], name="visit_draft_by_age"),)

    def __str__(self) -> str:
        return f"{self.order_id}"

    def typed(self) -> dict[str, Any]:
        """Return what was typed, by field."""
        opened: dict[str, Any] = json.loads(crypto.unseal("visit_draft", bytes(self.cipher), owner=f"{self.order_id}"))
        return opened

    def keep(self, typed: dict[str, Any]) -> None:
        """Store what was typed."""
        self.cipher = crypto.seal("visit_draft", json.dumps(typed), owner=f"{self.order_id}")
        self.changed_at = clock.now()
        self.save()


class VisitDraftPhoto(models.Model):
    """A photo that was taken in with such a report; it dies with the draft."""

    draft = models.ForeignKey(VisitDraft, models.CASCADE, related_name="photos")
    # Which of the form's photos it is, from 1.
    number = models.PositiveSmallIntegerField()
    cipher = models.BinaryField()

    class Meta:
        """One for each of the form's photos."""

        default_permissions = ()
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["draft", "number"], name="visit_draft_photo_once"),)

    def __str__(self) -> str:
        return f"{self.draft_id}: {self.number}"

    def keep(self, jpeg: bytes) -> None:
        """Store the picture, sealed."""
        self.cipher = crypto.seal_bytes("visit_draft_photo", jpeg, owner=f"{self.draft_id}")
        self.save()

    def reveal(self) -> bytes:
        """Return the JPEG."""
        return crypto.unseal_bytes("visit_draft_photo", bytes(self.cipher), owner=f"{self.draft_id}")
