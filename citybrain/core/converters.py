"""Path converters."""

import uuid

from django.urls import register_converter


class RefConverter:
    """A person's reference; capitals name the same person, so that no spelling slips past the check."""

    regex = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> uuid.UUID:
        """Return the reference."""
        return uuid.UUID(value)

    def to_url(self, value: uuid.UUID | str) -> str:
        """Return its usual spelling."""
        return str(value)


register_converter(RefConverter, "ref")
