"""Template tags that every page has."""

from django import template
from django.forms import BoundField

register = template.Library()


@register.inclusion_tag("_components/field.html")
def field(bound: BoundField) -> dict[str, BoundField]:
    """Render a form field with its label, help and error, tied together for screen readers."""
    if bound.errors:
        bound.field.widget.attrs["aria-invalid"] = "true"
        bound.field.widget.attrs["aria-describedby"] = f"{bound.id_for_label}-error"
    return {"field": bound}
