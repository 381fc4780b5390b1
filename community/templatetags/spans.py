"""Spans of time in templates; loaded by name."""

import datetime as dt

from django import template

from community.queries import span_in_words

register = template.Library()


@register.filter
def span_to(begin: dt.datetime, end: dt.datetime) -> str:
    """Return in words how far two instants are apart, whichever is the earlier."""
    return span_in_words(end - begin)
