"""The Celery app: periodic and bulk work only; nothing that must not be lost or late goes through it."""

import os
from typing import Any

from celery import Celery, bootsteps
from celery.beat import PersistentScheduler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "citybrain.settings")

app = Celery("citybrain")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class BeatStep(bootsteps.StartStopStep):
    """Makes the worker beat from its own main loop, so that a worker that hangs falls silent."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        """Beat now and every second."""
        from citybrain.core import beats  # noqa: PLC0415 (models are ready only now)

        beats.beat("worker")
        worker.timer.call_repeatedly(beats.INTERVAL, beats.beat, ("worker",))


app.steps["worker"].add(BeatStep)


class BeatingScheduler(PersistentScheduler):
    """Celery beat's scheduler, which also beats at each turn; it turns once a second."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due, beat, and never sleep longer than a beat."""
        from citybrain.core import beats  # noqa: PLC0415 (models are ready only now)

        pause: float = super().tick(*args, **kwargs)
        beats.beat("beat")
        return min(pause, beats.INTERVAL)
