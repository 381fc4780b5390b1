"""Photo: a picture taken in the course of work, sealed like everything else that shows people."""

import uuid

from django.db import models

from citybrain.core import crypto
from citybrain.core.models.area import Area


class Photo(models.Model):
    """A JPEG picture without metadata; readable only by `reveal()`, which the caller puts on record."""

    append_only = True

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    area = models.ForeignKey(Area, models.PROTECT, related_name="+")
    cipher = models.BinaryField()
    # The user's id.
    made_by = models.BigIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        """Found by whatever it belongs to."""

        default_permissions = ()

    def __str__(self) -> str:
        return str(self.ref)

    @classmethod
    def of(cls, jpeg: bytes) -> "Photo":
        """Return an unsaved photo with the picture sealed; area, maker and time are the caller's."""
        photo = cls()
        photo.cipher = crypto.seal_bytes("photo", jpeg, owner=str(photo.ref))
        return photo

    def reveal(self) -> bytes:
        """Return the JPEG."""
        return crypto.unseal_bytes("photo", bytes(self.cipher), owner=str(self.ref))
