"""Template tags that every page has."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import template
from django.db import models
from django.forms import BoundField
from django.template.context import Context

from citybrain.core import clock

register = template.Library()


@register.inclusion_tag("_components/field.html")
def field(bound: BoundField) -> dict[str, BoundField]:
    """Render a form field with label, help and error; the ids are those that Django's `aria-describedby` names."""
    return {"field": bound}


@register.inclusion_tag("_components/as_of.html")
def as_of() -> dict[str, dt.datetime]:
    """Say at what time the figures of the page were read."""
    return {"at": clock.now()}


@register.inclusion_tag("_components/pager.html", takes_context=True)
def pager(context: Context, last: models.Model | None, field_name: str) -> dict[str, Any]:
    """Link to the page after the row `last`, which `?after=<its field_name>` names; the filters are kept."""
    return {"request": context["request"], "after": getattr(last, field_name) if last else None}


@register.filter
def moment(text: str) -> dt.datetime:
    """Return the instant that an ISO 8601 text with an offset names."""
    return dt.datetime.fromisoformat(text)


@register.filter(name="hex")
def in_hex(digest: bytes | memoryview) -> str:
    """Return a digest as people compare it: hexadecimal."""
    return bytes(digest).hex()


@register.filter
def total(rows: Iterable[Any], name: str) -> int:
    """Return the sum of an attribute over the rows."""
    return sum(int(getattr(row, name)) for row in rows)


@register.filter
def plain(value: Any) -> str:
    """Return a value of a record's detail as text; the parts of a list with commas between."""
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
