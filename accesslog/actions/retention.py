"""What dies of the access log, and when."""

import logging

from django.conf import settings
from django.db import OperationalError, connections

from citybrain.core import clock, retention

log = logging.getLogger(__name__)

_IS_SMOKE = "area_id IN (SELECT id FROM core_area WHERE is_smoke)"


def erase(erasure: retention.Erasure) -> None:
    """Delete passes older than settings.PASS_KEEP, and what test walks left behind."""
    limits = {"old": clock.now() - settings.PASS_KEEP, "smoke": erasure.smoke_before}
    is_walk = f"(received_at < %(smoke)s AND {_IS_SMOKE})"
    erasure.delete("accesslog_pass", f"scanned_at < %(old)s OR {is_walk}", limits)
    # What their devices said of the time is what is wrong with them.
    erasure.delete("accesslog_quarantinedpass", f"received_at < %(old)s OR {is_walk}", limits)
    papers = f"made_at < %(old)s OR (made_at < %(smoke)s AND {_IS_SMOKE})"
    photos = retention.ids(f"SELECT photo_id FROM accesslog_certificate WHERE {papers}", limits)  # noqa: S608 (constants)
    erasure.delete("accesslog_certificate", papers, limits)
    erasure.delete("core_photo", "id = ANY(%(photos)s)", {"photos": photos})
    erasure.delete("accesslog_passcount", f"minute < %(smoke)s AND {_IS_SMOKE}", limits)
    _drop_empty_days()


def _drop_empty_days() -> None:
    """Drop empty partitions, which would slow every statement down; while somebody reads, the next hour does it."""
    try:
        with connections[retention.ALIAS].cursor() as cursor:
            cursor.execute("SELECT accesslog_drop_partitions()")
    except OperationalError as busy:
        log.info("empty partitions stay for now: %s", busy)
