"""CodeNumber: the random number that stands for a person in a phone token."""

import secrets

from django.db import models

from citybrain.core.models import Person


def draw_number() -> int:
    """Return 64 random bits as PostgreSQL's signed bigint holds them."""
    return int.from_bytes(secrets.token_bytes(8), signed=True)


class CodeNumber(models.Model):
    """Tells nothing about the person; a new one makes every picture of the old worthless."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="code_numbers")
    number = models.BigIntegerField(default=draw_number, unique=True, editable=False)
    issued_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One in use per person."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["person"], condition=models.Q(revoked_at=None), name="code_number_in_use_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk}"
