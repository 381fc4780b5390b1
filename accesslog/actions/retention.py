"""What dies of the access log, and when."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import connections

from citybrain.core import clock, retention

_IS_SMOKE = "area_id IN (SELECT id FROM core_area WHERE is_smoke)"


def erase(smoke_before: datetime) -> Mapping[str, int]:
    """Delete passes older than settings.PASS_KEEP, and what test walks left behind; return rows per table."""
    limits = {"old": clock.now() - settings.PASS_KEEP, "smoke": smoke_before}
    passes = f"scanned_at < %(old)s OR (received_at < %(smoke)s AND {_IS_SMOKE})"
    gone = {table: retention.delete(table, passes, limits) for table in ("accesslog_pass", "accesslog_quarantinedpass")}
    papers = f"made_at < %(old)s OR (made_at < %(smoke)s AND {_IS_SMOKE})"
    photos = retention.ids(f"SELECT photo_id FROM accesslog_certificate WHERE {papers}", limits)  # noqa: S608 (constants)
    gone["accesslog_certificate"] = retention.delete("accesslog_certificate", papers, limits)
    gone["core_photo"] = retention.delete("core_photo", "id = ANY(%(photos)s)", {"photos": photos})
    counts = f"minute < %(smoke)s AND {_IS_SMOKE}"
    gone["accesslog_passcount"] = retention.delete("accesslog_passcount", counts, limits)
    with connections[retention.ALIAS].cursor() as cursor:
        # Empty partitions of days gone by would slow every statement down.
        cursor.execute("SELECT accesslog_drop_partitions()")
    return gone
