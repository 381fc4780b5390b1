"""`manage.py smoke_accounts`: make what `make smoke` walks with."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from citybrain.demo import smoke_accounts


class Command(BaseCommand):
    """Repeated, it gives the accounts new passwords and changes nothing else."""

    help = "Make the smoke tree of areas with a gate and one account per role, and write their passwords to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("--file", type=Path, default=settings.VAR / "smoke.json", help="default: %(default)s")

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        """Make them and write the file."""
        smoke_accounts.write(smoke_accounts.make(), file)
        self.stdout.write(f"passwords of the smoke accounts: {file}")
