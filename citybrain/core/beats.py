"""Beats: each process of the running system says once a second that it lives."""

import logging
import os
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import Error, close_old_connections, connection

log = logging.getLogger(__name__)

INTERVAL = 1.0
_BEAT = """
INSERT INTO core_processbeat (name, beat_at, pid) VALUES (%s, clock_timestamp(), %s)
ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at, pid = excluded.pid
"""
_AGES = "SELECT name, extract(epoch FROM clock_timestamp() - beat_at)::float8 FROM core_processbeat"


def beat(name: str) -> None:
    """Note that the process `name` lives; an unreachable database is logged, not raised."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_BEAT, [name, os.getpid()])
    except Error:
        log.warning("%s could not beat: the database does not answer", name)
        close_old_connections()


def beat_in_background(name: str, is_alive: Callable[[], bool] = lambda: True) -> None:
    """Beat from a thread of this process for as long as it lives and `is_alive` says so."""

    def run() -> None:
        while True:
            try:
                if is_alive():
                    beat(name)
            except Exception:
                # Whatever it was: a process that goes on working must not be reported dead for it.
                log.exception("%s could not beat", name)
            time.sleep(INTERVAL)

    threading.Thread(target=run, name="beat", daemon=True).start()


def ages() -> dict[str, float | None]:
    """Return the seconds since each expected process last beat; None for one that never did."""
    with connection.cursor() as cursor:
        cursor.execute(_AGES)
        known: dict[str, float] = dict(cursor.fetchall())
    return {name: known.get(name) for name in settings.PROCESSES}


def silent() -> list[str]:
    """Return the expected processes that have not beaten within settings.BEAT_LIMIT."""
    limit = settings.BEAT_LIMIT.total_seconds()
    return [name for name, age in ages().items() if age is None or age > limit]
