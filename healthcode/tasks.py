"""Periodic work of the health code."""

from celery import shared_task

from healthcode.actions import declare
from healthcode.actions.sweep import sweep


@shared_task(name="healthcode.sweep")
def sweep_codes() -> None:
    """Write down which codes have run out."""
    sweep()


@shared_task(name="healthcode.purge_drafts")
def purge_drafts() -> None:
    """Drop declarations that were begun and not sent."""
    declare.purge_drafts()
