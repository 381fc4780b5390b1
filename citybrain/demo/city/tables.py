"""Rows on their way into empty tables: ids are counted here, so that rows can refer to each other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connections, models, transaction

# A batch takes less than a second: an open write transaction holds sealer and consumer back.
ROWS_A_BATCH = 10_000


@dataclass(frozen=True)
class Table:
    """The columns of one model, as long as one another; row 0 gets the id 1."""

    model: type[models.Model]
    columns: Mapping[str, Any]  # sequences or arrays

    def __len__(self) -> int:
        """Return how many rows."""
        return len(next(iter(self.columns.values())))

    def rows(self) -> Iterable[tuple[Any, ...]]:
        """Yield each row behind its id, as Python values."""
        plain = (column.tolist() if isinstance(column, np.ndarray) else column for column in self.columns.values())
        return zip(range(1, len(self) + 1), *plain, strict=True)


def write(tables: Iterable[Table], alias: str, say: Callable[[str], None]) -> None:
    """COPY the tables, which stand in an order in which foreign keys are satisfied, and move their id counters along.

    Each batch is a transaction of its own.
    """
    for table in tables:
        name = table.model._meta.db_table
        statement = f"COPY {name} ({', '.join(('id', *table.columns))}) FROM STDIN"
        rows = list(table.rows())
        for start in range(0, len(rows), ROWS_A_BATCH):
            with (
                transaction.atomic(using=alias),
                connections[alias].cursor() as cursor,
                cursor.copy(statement) as copy,
            ):
                for row in rows[start : start + ROWS_A_BATCH]:
                    copy.write_row(row)
        with connections[alias].cursor() as cursor:
            if rows:
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {len(rows)})")
            cursor.execute(f"ANALYZE {name}")
        say(f"{name}: {len(rows)}")
