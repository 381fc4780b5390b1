"""`manage.py sealer`: link audit rows into blocks about once a second."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from citybrain.core import chain
from citybrain.core.loop import Loop, hold_alone

log = logging.getLogger(__name__)

LOCK = 0x5EA1


class Command(BaseCommand):
    """One sealer per database, by an advisory lock."""

    help = "Seal audit rows into the chain, once a second."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seal until told to stop; after a lost database, take the lock again."""
        loop = Loop("sealer")
        is_alone = False
        while loop.turning():
            began = time.monotonic()
            try:
                if not is_alone:
                    hold_alone(LOCK, "sealer")
                    is_alone = True
                chain.seal()
            except chain.ChainError as error:
                raise CommandError(str(error)) from None
            except DatabaseError as error:
                log.warning("cannot seal, will try again: %s", error)
                connection.close()
                is_alone = False
            loop.rest(max(0.0, 1.0 - (time.monotonic() - began)))
