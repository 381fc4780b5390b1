"""`manage.py retention`: erase what has outlived its time, now."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from citybrain.core import retention


class Command(BaseCommand):
    """The worker does the same each hour."""

    help = "Erase what has outlived its time, by the retention role, and print how many rows of each table went."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the age of test walks."""
        parser.add_argument(
            "--smoke-minutes", type=int, help="erase test walks older than this (default: settings.SMOKE_KEEP)"
        )

    def handle(self, *_args: Any, smoke_minutes: int | None, **_options: Any) -> None:
        """Run every part once."""
        if retention.ALIAS not in settings.DATABASES:
            raise CommandError("DATABASE_RETENTION_URL is not set: only the retention role may erase")
        gone = retention.run(smoke_keep=None if smoke_minutes is None else timedelta(minutes=smoke_minutes))
        for table, count in sorted(gone.items()):
            self.stdout.write(f"{table}: {count}")
        if not gone:
            self.stdout.write("nothing to erase")
