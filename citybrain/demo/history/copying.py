"""COPY of whole columns by the owner role, as text that is joined and not written row by row."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db import connections, transaction
from numpy.typing import NDArray

from citybrain.demo.city.world import Flags, Instants, Ints

Texts = NDArray[np.object_]

NULL = r"\N"
# An open transaction holds the sealer and the pass consumer back: about a second's work.
ROWS_A_TRANSACTION = 50_000
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy(table: str, columns: Mapping[str, Sequence[str]]) -> None:
    """Append rows to a table, a column of texts each, committing as it goes."""
    rows = zip(*columns.values(), strict=True)
    while chunk := list(itertools.islice(rows, ROWS_A_TRANSACTION)):
        with (
            transaction.atomic(using="owner"),
            connections["owner"].cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as written,
        ):
            written.write("\n".join(map("\t".join, chunk)) + "\n")


def append(table: str, columns: Mapping[str, Sequence[str]]) -> range:
    """Append rows to a table whose ids go on counting; return the ids given, in the order of the rows."""
    ((last,),) = read(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608 (a table of ours)
    ids = range(last + 1, last + 1 + len(next(iter(columns.values()))))
    copy(table, {"id": list(map(str, ids)), **columns})
    if ids:
        run(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), %s)", [ids[-1]])
    run(f"ANALYZE {table}")
    return ids


def run(statement: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> None:
    """Run a statement by the owner, in a transaction of its own."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement, params or None)


def read(statement: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a statement, as the owner."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement, params or None)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def numbers(values: Ints, absent: Flags | None = None) -> list[str]:
    """Return numbers as COPY reads them, null where absent."""
    return _or_null(list(map(str, values.tolist())), absent)


def instants(values: Instants) -> list[str]:
    """Return instants as COPY reads them, null where there is none."""
    texts: list[str] = np.datetime_as_string(values.astype("datetime64[us]"), timezone="UTC").tolist()
    return _or_null(texts, np.isnat(values))


def texts(values: Sequence[str]) -> list[str]:
    """Return texts as COPY reads them."""
    return [value.translate(_ESCAPES) for value in values]


def pick(choices: Sequence[str], codes: Ints) -> list[str]:
    """Return the choice that each code numbers."""
    named: list[str] = np.array(choices, dtype=object)[codes].tolist()
    return named


def _or_null(shown: list[str], absent: Flags | None) -> list[str]:
    if absent is not None:
        for number in np.flatnonzero(absent).tolist():
            shown[number] = NULL
    return shown
