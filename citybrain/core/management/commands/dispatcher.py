"""`manage.py dispatcher`: deliver events to their handlers."""

import logging
from typing import Any

import psycopg
from django.core.management.base import BaseCommand
from django.db import Error, connection

from citybrain.core import outbox
from citybrain.core.loop import Loop

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
# A handler that takes longer makes the dispatcher look dead, which it may be.
LONGEST_HANDLER_SECONDS = 60.0


class Command(BaseCommand):
    """Any number may run; each delivery is run by one of them."""

    help = "Deliver outbox events to their handlers: woken by NOTIFY, and by a poll each second."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Deliver until told to stop; a lost database is waited for."""
        loop = Loop("dispatcher", longest_turn=LONGEST_HANDLER_SECONDS)
        while loop.turning():
            try:
                _listen()
                if not outbox.work(loop.turning):
                    _wait(POLL_SECONDS)
            except (Error, psycopg.Error) as error:
                log.warning("cannot deliver, will try again: %s", error)
                connection.close()
                loop.rest(POLL_SECONDS)


def _listen() -> None:
    """Listen on this connection; repeated, it changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {outbox.CHANNEL}")


def _wait(seconds: float) -> None:
    """Wait for the next notification, or `seconds`."""
    raw: psycopg.Connection[Any] = connection.connection
    for _notice in raw.notifies(timeout=seconds, stop_after=1):
        pass
