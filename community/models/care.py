"""CareRequest: what somebody in isolation asks for."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from citybrain.core.models import Person
from community.models.alert import Alert


class CareRequest(models.Model):
    """One request; the order of its alert says how far it has come."""

    append_only = True

    class Want(models.TextChoices):
        """What is asked for; the whole list."""

        FOOD = "food", _("food")
        MEDICINE = "medicine", _("medicine")
        RUBBISH = "rubbish", _("rubbish collected")
        GOODS = "goods", _("things of daily use")
        DOCTOR = "doctor", _("a doctor's advice")
        TALK = "talk", _("somebody to talk to")

    person = models.ForeignKey(Person, models.PROTECT, related_name="care_requests")
    alert = models.ForeignKey(Alert, models.PROTECT, related_name="care_requests")
    wants = ArrayField(models.CharField(max_length=10, choices=Want))
    words = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField()
    # The user's id: the person, or somebody who acts for them.
    asked_by = models.BigIntegerField()

    class Meta:
        """Read by person, newest first."""

        default_permissions = ()
        indexes = (models.Index(fields=["person", "-asked_at"], name="care_request_by_person"),)
        constraints = (models.CheckConstraint(condition=Q(wants__len__gt=0), name="care_request_asks_for_something"),)

    def __str__(self) -> str:
        return f"{self.pk}"
