"""Template tags that every page has."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import template
from django.core.exceptions import DisallowedHost
from django.db import models
from django.forms import BoundField
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

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


@register.inclusion_tag("_components/printed.html", takes_context=True)
def printed(context: Context) -> dict[str, Any]:
    """Say on paper where the page came from and when; on a screen nothing is shown."""
    request = context["request"]
    try:
        address = request.build_absolute_uri()
    except DisallowedHost:
        address = request.path
    return {"address": address, "at": clock.now()}


@register.inclusion_tag("_components/progress.html")
def progress(step: int, steps: int) -> dict[str, int]:
    """Say how far one has come in a row of questions."""
    return {"step": step, "steps": steps}


@register.simple_block_tag
def state(content: str, look: str) -> SafeString:
    """Render a state as shape and word: good (✓ circle), warn (! triangle) or bad (✕ octagon)."""
    return render_to_string("_components/state.html", {"look": look, "content": content})


@register.simple_block_tag
def note(content: str, look: str, role: str = "") -> SafeString:
    """Render a note that stands out: good, warn or bad; of a message of Django's, its level."""
    looks = {"success": "good", "info": "good", "warning": "warn", "error": "bad"}
    return render_to_string("_components/note.html", {"look": looks.get(look, look), "role": role, "content": content})


@register.simple_block_tag
def tile(content: str, url: str, title: str) -> SafeString:
    """Render one way on from a home page: a link as large as what it says."""
    return render_to_string("_components/tile.html", {"url": url, "title": title, "content": content})


@register.simple_block_tag
def step(content: str, at: dt.datetime) -> SafeString:
    """Render one thing that was done, with its time; it stands in `<ol class="steps">`."""
    return render_to_string("_components/step.html", {"at": at, "content": content})


@register.simple_block_tag(takes_context=True)
def confirm(context: Context, content: str, url: str, label: str, sure: str) -> SafeString:
    """Render a deed that asks first, on the same page and without a script: the content says what follows from it."""
    frame = {"url": url, "label": label, "sure": sure, "content": content, "csrf_token": context.get("csrf_token", "")}
    return render_to_string("_components/confirm.html", frame)


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
