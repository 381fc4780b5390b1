"""Periodic work of the health code."""

import time
from collections.abc import Callable

from celery import shared_task
from django.conf import settings

from healthcode.actions import app_keys, drafts, rounds, trial
from healthcode.actions.isolation import end_isolations
from healthcode.actions.remind import remind
from healthcode.actions.sweep import sweep


@shared_task(name="healthcode.sweep")
def sweep_codes() -> None:
    """Write down which codes have run out, and end the isolations that have lost their grounds."""
    sweep()
    end_isolations()


@shared_task(name="healthcode.remind")
def remind_of_check_ins() -> None:
    """Remind whoever has not checked in today."""
    remind()


@shared_task(name="healthcode.purge_drafts")
def purge_drafts() -> None:
    """Drop declarations that were begun and not sent."""
    drafts.purge_drafts()


@shared_task(name="healthcode.purge_app_keys")
def purge_app_keys() -> None:
    """Forget nonces, tokens, consents and counts of programs that can no longer matter."""
    app_keys.purge_app_keys()


@shared_task(name="healthcode.begin_rounds")
def begin_rounds() -> None:
    """Begin the rounds that are due, and call workers for all that have work to do."""
    for one in rounds.begin_due_rounds():
        for _number in range(settings.ROUND_WORKERS):
            work_round.apply_async((one.pk,), expires=settings.LONG_TASK.total_seconds())


@shared_task(name="healthcode.work_round")
def work_round(round_id: int) -> None:
    """Judge chunks of a round, for a while: other tasks have their turn, and the next minute goes on."""
    rounds.work(round_id, _for_a_while())


@shared_task(name="healthcode.work_trials")
def work_trials() -> None:
    """Carry dry runs on, for a while."""
    trial.work(_for_a_while())


@shared_task(name="healthcode.forget_samples")
def forget_samples() -> None:
    """Drop the samples of old dry runs."""
    trial.forget_samples()


def _for_a_while() -> Callable[[], bool]:
    end = time.monotonic() + settings.LONG_TASK.total_seconds()
    return lambda: time.monotonic() < end
