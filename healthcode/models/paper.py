"""PaperCode: a code on paper, for whoever has no phone with them; counts together with an identity document."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from citybrain.core.models import Person
from healthcode.models.token import draw_number


class PaperCode(models.Model):
    """Carries no colour: what the person's code says is looked up when the paper is shown."""

    class Because(models.TextChoices):
        """Why a paper is worth nothing any more; that its time is over is not kept but seen by its last day."""

        REISSUED = "reissued", _("a new one was made")
        LOST = "lost", _("lost")
        BY_HOLDER = "by_holder", _("no longer wanted")
        CORRECTED = "corrected", _("what stands on it is wrong or has changed")

    person = models.ForeignKey(Person, models.PROTECT, related_name="paper_codes")
    # 64 random bits, signed as PostgreSQL holds them.
    serial = models.BigIntegerField(default=draw_number, unique=True, editable=False)
    issued_at = models.DateTimeField()
    # Its last day.
    expires_on = models.DateField()
    # The user's id.
    issued_by = models.BigIntegerField()
    voided_at = models.DateTimeField(null=True)
    voided_because = models.CharField(max_length=10, choices=Because, blank=True)

    class Meta:
        """One in use per person."""

        default_permissions = ()
        indexes = (models.Index(fields=["person", "-issued_at"], name="paper_code_by_person"),)
        constraints = (
            models.UniqueConstraint(fields=["person"], condition=Q(voided_at=None), name="paper_code_in_use_once"),
            models.CheckConstraint(
                condition=Q(voided_at=None, voided_because="") | Q(voided_at__isnull=False) & ~Q(voided_because=""),
                name="paper_code_is_voided_for_a_reason",
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk}"
