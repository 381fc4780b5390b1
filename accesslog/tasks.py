"""Periodic work of the access log."""

from datetime import timedelta

from celery import shared_task

from accesslog.actions import passes
from citybrain.core import clock


@shared_task(name="accesslog.make_partition")
def make_partition() -> None:
    """Make tomorrow's partition, so that the first pass of the day finds it."""
    passes.make_partition(day=clock.today() + timedelta(days=1))


@shared_task(name="accesslog.purge_token_uses")
def purge_token_uses() -> None:
    """Forget dead tokens."""
    passes.purge_token_uses()
