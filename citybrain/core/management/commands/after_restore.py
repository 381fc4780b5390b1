"""`manage.py after_restore`: set cursors right after a restore into another cluster."""

from typing import Any

from django.core.management.base import BaseCommand

from citybrain.core import chain


class Command(BaseCommand):
    """Transaction ids start anew in a restored cluster; whatever follows them begins a new era."""

    help = "Run once after a restore, before any process is started."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Close the audit chain's era; do nothing when this is the cluster it was written in."""
        if chain.is_present_era():
            self.stdout.write("nothing to do: this is the cluster the data was written in")
            return
        era = chain.close_era()
        self.stdout.write(f"audit chain: new era for cluster {era.system_identifier}, timeline {era.timeline}")
