"""Retention: data dies on time. The one place that deletes what nobody else may, by the role `retention`.

Each app names its part in citybrain/retention.py; a part deletes in batches of its own transactions and returns how
many rows of which table went.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.utils.module_loading import import_string

from citybrain.core import audit
from citybrain.core.models.audit import Deed

ALIAS = "retention"
BATCH = 1000

Part = Callable[[], Mapping[str, int]]


def parts() -> Sequence[str]:
    """Return the wiring: dotted names of the parts, in the order in which foreign keys allow it."""
    wired: Sequence[str] = import_string(settings.RETENTION)
    return wired


def run() -> dict[str, int]:
    """Run every part and put on record how many rows of each table went; nothing is recorded when none did."""
    gone: dict[str, int] = {}
    for name in parts():
        part: Part = import_string(name)
        for table, count in part().items():
            gone[table] = gone.get(table, 0) + count
    gone = {table: count for table, count in gone.items() if count}
    if gone:
        with transaction.atomic():
            audit.record(Deed.ERASE, by=None, detail=gone)
    return gone


def delete(table: str, condition: str, values: Mapping[str, Any]) -> int:
    """Delete the rows of a table that meet an SQL condition, by the retention role, in short transactions.

    An open write transaction holds sealer and consumer back, so each batch commits by itself. Returns how many went.
    """
    # With tableoid, as partitions of one table count their rows each from the start.
    chosen = f"SELECT tableoid, ctid FROM {table} WHERE {condition} LIMIT {BATCH}"  # noqa: S608 (names and conditions are code)
    statement = f"DELETE FROM {table} WHERE (tableoid, ctid) IN ({chosen})"  # noqa: S608 (as above)
    gone: int = 0
    while True:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(statement, values)
            gone += cursor.rowcount
            if cursor.rowcount < BATCH:
                return gone
