"""Retention: data dies on time. The one place that deletes what nobody else may, by the role `retention`.

Each app names its part in citybrain/retention.py; a part deletes in short transactions of its own. What went is put on
record part by part, also when a part fails half way.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error, IntegrityError, connections, transaction
from django.utils.module_loading import import_string

from citybrain.core import audit, clock
from citybrain.core.models.audit import Deed

ALIAS = "retention"
BATCH = 1000
# Persons of the smoke tree, whom a test walk made.
SMOKE_PERSONS = "SELECT p.id FROM core_person AS p JOIN core_area AS a ON a.id = p.area_id WHERE a.is_smoke"


@dataclass
class Erasure:
    """What a part erases with: it counts what goes."""

    # Test walks that ended before are erased.
    smoke_before: datetime
    gone: Counter[str] = field(default_factory=Counter)

    def delete(self, table: str, condition: str, values: Mapping[str, Any]) -> None:
        """Delete the rows of a table that meet an SQL condition.

        An open write transaction holds sealer and consumer back, so each batch commits by itself.
        """
        # With tableoid, as partitions of one table count their rows each from the start.
        chosen = f"SELECT tableoid, ctid FROM {table} WHERE {condition} LIMIT {BATCH}"  # noqa: S608 (names and conditions are code)
        statement = f"DELETE FROM {table} WHERE (tableoid, ctid) IN ({chosen})"  # noqa: S608 (as above)
        count = BATCH
        while count == BATCH:
            with connections[ALIAS].cursor() as cursor:
                cursor.execute(statement, values)
                count = cursor.rowcount
            self.gone[table] += count


Part = Callable[[Erasure], None]


def parts() -> Sequence[str]:
    """Return the wiring: dotted names of the parts, in the order in which foreign keys allow it."""
    wired: Sequence[str] = import_string(settings.RETENTION)
    return wired


def run(*, smoke_keep: timedelta | None = None) -> dict[str, int]:
    """Run every part, put on record how many rows of each table went, and return that.

    `smoke_keep` is the age at which test walks are erased, settings.SMOKE_KEEP if none is given. When a part fails the
    others have their turn, then its error is raised.
    """
    smoke_before = clock.now() - (settings.SMOKE_KEEP if smoke_keep is None else smoke_keep)
    everything: Counter[str] = Counter()
    problems = []
    for name in parts():
        part: Part = import_string(name)
        erasure = Erasure(smoke_before)
        try:
            part(erasure)
        except Error as problem:
            problems.append(problem)
        if gone := +erasure.gone:
            with transaction.atomic():
                audit.record(Deed.ERASE, by=None, detail=gone)
            everything += gone
    if problems:
        raise problems[0]
    return dict(everything)


def ids(statement: str, values: Mapping[str, Any]) -> list[int]:
    """Return the first column of a query by the retention role."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()]


def erase_smoke_persons(erasure: Erasure) -> None:
    """Delete persons of the smoke tree of whom nothing is left in the apps above."""
    for person in ids(SMOKE_PERSONS, {}):
        try:
            with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
                cursor.execute("UPDATE core_user SET person_id = NULL WHERE person_id = %s", [person])
                for table in ("core_phone", "core_document", "core_membership"):
                    cursor.execute(f"DELETE FROM {table} WHERE person_id = %s", [person])  # noqa: S608 (names stand here)
                cursor.execute("DELETE FROM core_person WHERE id = %s", [person])
        except IntegrityError:
            continue  # a walk of today still needs them
        erasure.gone["core_person"] += 1
