"""Column types that Django does not have."""

from typing import Any

from django.db import models
from django.db.models.fields.related_lookups import RelatedLookupMixin


class XidField(models.Field[Any, Any]):
    """PostgreSQL's xid8: the 64-bit id of the transaction that wrote the row."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002 (Django's signature)
        """Return the column type."""
        return "xid8"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002 (Django's signature)
        """Return the id as text: the server reads it as xid8, which a number is not cast to."""
        return str(value) if isinstance(value, int) else value

    def from_db_value(self, value: str | None, *_context: Any) -> int | None:
        """Return the id as a number; the driver hands it over as text."""
        return None if value is None else int(value)


class AnyOf(models.Lookup[Any]):
    """`column = ANY(array)`: one parameter however many ids there are, so that the plan is kept."""

    lookup_name = "any"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Compile to one array parameter."""
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*params, list(self.rhs)]


class RelatedAnyOf(RelatedLookupMixin, AnyOf):
    """The same for a foreign key's column."""

    def get_prep_lookup(self) -> Any:
        """Leave the ids as they are."""
        return self.rhs


models.BigAutoField.register_lookup(AnyOf)
models.BigIntegerField.register_lookup(AnyOf)
models.ForeignKey.register_lookup(RelatedAnyOf)
