"""The pass consumer: follows the passes in the order in which they were committed, and lets each have its effects once.

Passes are not copied into the outbox. A transaction writes its id (xid8) into each pass; whatever lies below the
oldest transaction still running anywhere in the cluster (the xmin horizon) is complete, so nothing can appear there
later. A cursor on the greatest id would skip passes that commit late.
"""

import datetime as dt
from dataclasses import dataclass

from django.db import connection, transaction

from accesslog.actions import watch
from accesslog.models import Pass, PassCursor
from citybrain.core import clock
from citybrain.core.models import XidEra

BATCH = 500
# Two consumers exclude one another for one turn.
LOCK = 0x70617373
# A pass is scanned at most 7 days before it is received (actions.passes), so older partitions need not be looked at.
OLDEST_SCAN = dt.timedelta(days=8)
# Days of which no partition was ever made.
BEFORE_ALL_PASSES = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

_UNREAD = """
SELECT * FROM accesslog_pass
 WHERE (xid, id) > (%(xid)s::text::xid8, %(last)s) AND scanned_at >= %(oldest)s
   AND received_at >= %(begins)s AND received_at < %(ends)s
   AND (%(ends)s < 'infinity'::timestamptz OR xid < pg_snapshot_xmin(pg_current_snapshot()))
 ORDER BY xid, id LIMIT %(batch)s
"""


@dataclass(frozen=True)
class _Era:
    """A stretch of history with one transaction counter, and the span of time in which its passes were received."""

    id: int
    begins: str
    ends: str


def follow() -> int:
    """Give the next passes their effects, in one transaction with the cursor; return how many there were."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        where, _made = PassCursor.objects.get_or_create(
            name=PassCursor.WATCH, defaults={"era": 0, "xid": 0, "last_pass": 0, "moved_at": BEFORE_ALL_PASSES}
        )
        eras = _eras()
        era = next((one for one in eras if one.id == where.era), eras[0])
        passes = _unread(where, era)
        if passes:
            watch.react(passes)
            where.xid, where.last_pass = passes[-1].xid, passes[-1].pk
        elif era is eras[-1]:
            return 0
        else:
            # What the old counter left is done: the cluster into which all was restored counts anew.
            era = eras[eras.index(era) + 1]
            where.xid = where.last_pass = 0
        where.era = era.id
        if len(passes) == BATCH:
            # More may wait: nothing that was received later has been read.
            where.moved_at = max(where.moved_at, passes[-1].received_at)
        elif passes:
            where.moved_at = clock.now()
        where.save()
    return max(len(passes), 1)


def _eras() -> list[_Era]:
    """Return the eras in order; one without an end when the sealer has not begun the first yet."""
    known = list(XidEra.objects.order_by("id"))
    # The first has no beginning: the sealer makes its row when it first finds something to seal.
    begins = ["-infinity", *(str(era.started_at) for era in known[1:])]
    ids = [era.pk for era in known] or [0]
    return [_Era(era, begin, end) for era, begin, end in zip(ids, begins, [*begins[1:], "infinity"], strict=True)]


def _unread(where: PassCursor, era: _Era) -> list[Pass]:
    values = {
        "xid": where.xid,
        "last": where.last_pass,
        "oldest": where.moved_at - OLDEST_SCAN,
        "begins": era.begins,
        "ends": era.ends,
        "batch": BATCH,
    }
    return list(Pass.objects.raw(_UNREAD, values))
