"""Keyset paging: the next page starts after a row, so that deep pages cost the same as the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

M = TypeVar("M", bound=models.Model)
PAGE_SIZE = 50
COUNT_CAP = 10_000


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows of one page and the row after which the next begins (None on the last page)."""

    rows: list[M]
    next_after: M | None


def page(rows: "models.QuerySet[M]", order: Sequence[str], after: M | None, size: int = PAGE_SIZE) -> Page[M]:
    """Return one page of `rows` in `order` (field names, "-" for descending; the last one unique)."""
    ordered = rows.order_by(*order)
    if after is not None:
        ordered = ordered.filter(_beyond(order, after))
    found = list(ordered[: size + 1])
    return Page(found[:size], found[size - 1] if len(found) > size else None)


def _beyond(order: Sequence[str], after: models.Model) -> Q:
    """Return (a > x) or (a = x and b > y) …; each step in its own direction."""
    condition, equal = Q(), Q()
    for name in order:
        field = name.removeprefix("-")
        side = "lt" if name.startswith("-") else "gt"
        condition |= equal & Q(**{f"{field}__{side}": getattr(after, field)})
        equal &= Q(**{field: getattr(after, field)})
    return condition


def capped_count(rows: "models.QuerySet[M]") -> int:
    """Count up to COUNT_CAP + 1: above it nobody reads the figure, and counting would cost."""
    return rows.order_by()[: COUNT_CAP + 1].count()


def start_after(rows: "models.QuerySet[M]", field: str, text: str | None) -> M | None:
    """Return the row that `?after=` names, if it is one of `rows`; a damaged link starts at the first page."""
    if not text:
        return None
    try:
        return rows.filter(**{field: text}).first()
    except (ValueError, ValidationError):
        return None
