"""`manage.py sealer`: link audit rows into blocks about once a second."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from citybrain.core import chain
from citybrain.core.loop import Loop

log = logging.getLogger(__name__)


class Command(BaseCommand):
    """One is enough; several exclude one another by the database's lock."""

    help = "Seal audit rows into the chain, once a second."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seal until told to stop; a lost database is waited for."""
        loop = Loop("sealer")
        while loop.turning():
            began = time.monotonic()
            try:
                while chain.seal() and loop.turning():
                    pass
            except chain.ChainError as error:
                raise CommandError(str(error)) from None
            except Error as error:
                log.warning("cannot seal, will try again: %s", error)
                connection.close()
            loop.rest(max(0.0, 1.0 - (time.monotonic() - began)))
