"""`manage.py after_restore`: set cursors right after a restore into another cluster."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from citybrain.core import chain


class Command(BaseCommand):
    """Transaction ids start anew in a restored cluster; whatever follows them begins a new era.

    Until it has run, the database itself refuses every act that would be put on record.
    """

    help = "Run once by the owner role after a restore, before any process is started."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Close the audit chain's era; do nothing when this is the cluster it was written in."""
        if "owner" not in settings.DATABASES:
            message = "DATABASE_OWNER_URL is not set: a new era is begun by the owner role"
            raise CommandError(message)
        if chain.begin_era():
            self.stdout.write("audit chain: what was unsealed is sealed, a new era has begun")
        else:
            self.stdout.write("nothing to do: this is the cluster the data was written in")
