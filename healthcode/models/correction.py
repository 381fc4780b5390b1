"""Correction: somebody says that their data are wrong, with the right value and what shows it."""

import json
import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from citybrain.core import crypto, scope
from citybrain.core.models import Person, Photo
from healthcode.models.app_key import AppKey
from healthcode.models.evidence import Evidence


class CorrectionQuerySet(scope.AreaScoped["Correction"]):
    """Reads of requests; the area is that of the person's present address."""

    area_field = "person__area_id"


class Correction(models.Model):
    """One request about one field. Both values stay sealed with it, whatever was decided."""

    class Field(models.TextChoices):
        """What can be corrected on request; the values are those of kind correction."""

        NAME = "name", pgettext_lazy("personal data", "name")
        DOCUMENT = "document", pgettext_lazy("personal data", "identity document")
        SEX = "sex", pgettext_lazy("personal data", "sex")
        BORN_ON = "born_on", pgettext_lazy("personal data", "date of birth")
        PHONE = "phone", pgettext_lazy("personal data", "mobile number")

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = "open", pgettext_lazy("correction", "waits to be looked at")
        APPROVED = "approved", pgettext_lazy("correction", "corrected")
        REFUSED = "refused", pgettext_lazy("correction", "not corrected")
        TAKEN_BACK = "taken_back", pgettext_lazy("correction", "taken back")

    class Shown(models.TextChoices):
        """By what the new value was compared."""

        PICTURE = "picture", _("the picture of the document")
        DOCUMENT = "document", _("the document itself, at the desk")
        CALL = "call", _("a call to the number")

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="corrections")
    field = models.CharField(max_length=10, choices=Field)
    # The user's id; none when a program sent it with the person's consent.
    made_by = models.BigIntegerField(null=True)
    key = models.ForeignKey(AppKey, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField()
    # A list of texts: the value, of a document type and number.
    old_cipher = models.BinaryField()
    new_cipher = models.BinaryField()
    picture = models.ForeignKey(Photo, models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    compared = models.CharField(max_length=10, choices=Shown, blank=True)
    # Why, for the person to read, sealed.
    answer_cipher = models.BinaryField(default=bytes)
    evidence = models.OneToOneField(Evidence, models.PROTECT, null=True, related_name="+")

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        """One open request a person and field; decided by somebody else."""

        default_permissions = ()
        ordering = ("made_at", "id")
        constraints = (
            models.UniqueConstraint(fields=["person", "field"], condition=Q(state="open"), name="correction_open_once"),
            models.CheckConstraint(
                condition=Q(decided_by=None) | Q(made_by=None) | ~Q(decided_by=F("made_by")),
                name="correction_is_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(made_by=None, key__isnull=False) | Q(made_by__isnull=False, key=None),
                name="correction_is_made_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "refused"]) | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="correction_is_decided_by_somebody",
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref}"

    def seal(self, value: list[str]) -> bytes:
        """Return a value sealed for this request."""
        return crypto.seal("correction", json.dumps(value), owner=str(self.ref))

    def old(self) -> list[str]:
        """Return the value that was on record when it was made."""
        return self._open(self.old_cipher)

    def new(self) -> list[str]:
        """Return the value that is said to be right."""
        return self._open(self.new_cipher)

    def answer(self) -> str:
        """Return why it was decided so, "" before."""
        return self._open(self.answer_cipher)[0] if self.answer_cipher else ""

    def _open(self, cipher: bytes | memoryview) -> list[str]:
        opened: list[str] = json.loads(crypto.unseal("correction", bytes(cipher), owner=str(self.ref)))
        return opened
