"""Periodic work of the ground."""

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore

from citybrain.core import chain, outbox, retention
from citybrain.core.actions import sign_in


@shared_task(name="core.publish_audit_head")
def publish_audit_head() -> None:
    """Publish the audit chain's head."""
    chain.publish_head()


@shared_task(name="core.purge_outbox")
def purge_outbox() -> None:
    """Drop events that are done."""
    outbox.purge()


@shared_task(name="core.purge_sign_ins")
def purge_sign_ins() -> None:
    """Drop old one-time codes and failures."""
    sign_in.purge_sign_ins()


@shared_task(name="core.retention")
def run_retention() -> None:
    """Erase what has outlived its time."""
    retention.run()


@shared_task(name="core.purge_sessions")
def purge_sessions() -> None:
    """Drop sessions that have run out."""
    SessionStore.clear_expired()
