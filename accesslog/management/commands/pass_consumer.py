"""`manage.py pass_consumer`: follow the passes, raise alerts, count."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connection

from accesslog import consumer
from citybrain.core import chain
from citybrain.core.loop import Loop

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
WAIT_FOR_DATABASE_SECONDS = 1.0


class Command(BaseCommand):
    """One is enough; several exclude one another by the database's lock."""

    help = "Follow the passes in the order of commit: raise alerts and count."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Follow until told to stop; a lost database is waited for."""
        loop = Loop("consumer")
        is_present = False
        while loop.turning():
            began = time.monotonic()
            try:
                if not is_present:
                    chain.require_present_era()
                    is_present = True
                while consumer.follow() and loop.turning():
                    pass
            except chain.ChainError as error:
                raise CommandError(str(error)) from None
            # Anything else is a fault of ours: the process ends, and /healthz says so.
            except (OperationalError, InterfaceError) as error:
                log.warning("cannot follow the passes, will try again: %s", error)
                connection.close()
                # It may come back as another cluster.
                is_present = False
                loop.rest(WAIT_FOR_DATABASE_SECONDS)
            loop.rest(max(0.0, POLL_SECONDS - (time.monotonic() - began)))
