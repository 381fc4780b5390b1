"""ProcessBeat: the last sign of life of each process of the running system."""

from django.db import models


class ProcessBeat(models.Model):
    """One row per process name, by the database's own clock so that hosts need not agree."""

    name = models.CharField(max_length=20, primary_key=True)
    beat_at = models.DateTimeField()
    pid = models.PositiveIntegerField()

    class Meta:
        """Written each second."""

        default_permissions = ()

    def __str__(self) -> str:
        return self.name
