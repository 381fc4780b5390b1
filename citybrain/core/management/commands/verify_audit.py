"""`manage.py verify_audit`: prove that the trail is whole."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from citybrain.core import chain
from citybrain.core.models import AuditBlock


class Command(BaseCommand):
    """Reads every block and row; names the first broken block."""

    help = "Verify the audit chain against its rows and the published heads; exit 1 at the first broken block."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the heads file, which is best kept on another machine."""
        parser.add_argument("--heads", type=Path, help="file of published heads; by default the one written here")

    def handle(self, *_args: Any, heads: Path | None, **_options: Any) -> None:
        """Print each fault; fail when there is one."""
        if heads and not heads.exists():
            message = f"there is no file {heads}"
            raise CommandError(message)
        faults = list(chain.verify(heads or settings.AUDIT_HEADS_FILE))
        for fault in faults:
            self.stderr.write(fault.problem)
        broken = [fault.block for fault in faults if fault.block is not None]
        if broken:
            message = f"first broken block: {min(broken)}"
            raise CommandError(message)
        if faults:
            message = "every block is whole, but not all is well: see above"
            raise CommandError(message)
        self.stdout.write(f"whole: {AuditBlock.objects.count()} blocks")
