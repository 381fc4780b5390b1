"""The long-running processes, each started for real: it beats, does its work, and ends on SIGTERM."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from citybrain.core import audit, beats, chain, outbox
from citybrain.core.models import AuditBlock, AuditHead, Delivery
from citybrain.core.models.audit import Deed
from citybrain.core.tasks import publish_audit_head

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@contextmanager
def _running(*argv: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )
    try:
        yield process
    finally:
        process.terminate()
        output, _none = process.communicate(timeout=20)
        process.stdout = None
        assert process.returncode in {0, -signal.SIGTERM}, output


def _wait(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def _beats(name: str) -> Callable[[], bool]:
    return lambda: (beats.ages().get(name) or 99.0) < 3


def test_the_sealer_seals_within_seconds_and_a_second_one_does_no_harm() -> None:
    audit.record(Deed.SIGN_IN, by=None)
    with _running("manage.py", "sealer"), _running("manage.py", "sealer"):
        _wait(lambda: AuditBlock.objects.exists())
        _wait(_beats("sealer"))
        for _row in range(30):
            audit.record(Deed.SIGN_IN, by=None)
            time.sleep(0.05)
        _wait(lambda: sum(AuditBlock.objects.values_list("row_count", flat=True)) == 31)
    assert list(chain.verify()) == []


def test_the_dispatcher_is_woken_by_a_notification() -> None:
    with _running("manage.py", "dispatcher"):
        _wait(_beats("dispatcher"))
        row = audit.record(Deed.SIGN_IN, by=None)
        outbox.publish("look.refused", row=row.pk)
        _wait(lambda: Delivery.objects.filter(state="done").exists(), seconds=5)


def test_worker_and_beat_beat_and_a_task_sent_through_redis_is_run() -> None:
    audit.record(Deed.SIGN_IN, by=None)
    with _running("manage.py", "sealer"):
        _wait(lambda: AuditBlock.objects.exists())
    celery = ("-m", "celery", "-A", "citybrain.celery")
    with _running(*celery, "worker", "--pool=solo", "--loglevel=warning"), _running(*celery, "beat"):
        _wait(_beats("worker"))
        _wait(_beats("beat"))
        publish_audit_head.delay()
        _wait(lambda: AuditHead.objects.exists())
