"""`manage.py live_demo`: let the demo district go on living, in real time."""

import logging
import random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection

from citybrain.core.loop import Loop
from citybrain.core.models import User
from citybrain.demo import accounts
from citybrain.demo.life.days import Life

log = logging.getLogger(__name__)

TURN_SECONDS = 0.25
WAIT_SECONDS = 2.0


class Command(BaseCommand):
    """No part of a real system: nothing waits for it, and /healthz does not ask for it."""

    # They read every page's code, which this process has no use for.
    requires_system_checks: list[str] = []  # noqa: RUF012 (as Django has it)
    help = "Let people pass gates, declare, check in, fall ill and be visited, denser than life, until stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the rate."""
        parser.add_argument(
            "--rate", type=float, default=1.0, help="how busy: 2 is twice as much (default %(default)s)"
        )

    def handle(self, *_args: Any, rate: float, **_options: Any) -> None:
        """Live until told to stop; a lost database is waited for."""
        if not settings.DEMO:
            raise CommandError("it makes people and passes up: set CITYBRAIN_DEMO=1 if this is a demo")
        if not User.objects.filter(username=accounts.RESIDENT).exists():
            raise CommandError("this database does not hold the demo district: run `manage.py load_demo` first")
        if rate <= 0:
            raise CommandError("--rate is a number above 0")
        loop = Loop("life", longest_turn=60.0)
        life = Life(random.Random(), rate)  # noqa: S311 (a story, not a secret)
        while loop.turning():
            try:
                loop.rest(TURN_SECONDS if life.turn() else WAIT_SECONDS)
            except (OperationalError, InterfaceError) as error:
                log.warning("cannot go on living, will try again: %s", error)
                connection.close()
                loop.rest(WAIT_SECONDS)
