"""Duty: who answers for a grid."""

from django.db import models

from citybrain.core import scope
from citybrain.core.models import Area, User


class DutyQuerySet(scope.AreaScoped["Duty"]):
    """Reads of the roster."""


class Duty(models.Model):
    """The worker on duty for a grid; orders of the system go to them."""

    area = models.OneToOneField(Area, models.CASCADE, related_name="duty")
    user = models.ForeignKey(User, models.CASCADE, related_name="duties")
    set_at = models.DateTimeField()

    objects = DutyQuerySet.as_manager()

    class Meta:
        """One per grid."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.area_id}: {self.user_id}"
