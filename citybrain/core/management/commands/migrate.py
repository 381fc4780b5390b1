"""`manage.py migrate`: as Django's, by the owner role, with each table's rights applied afterwards."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate

from citybrain.core.database_roles import apply_privileges


class Command(migrate.Command):
    """The app role may not change the schema, so the default connection here is the owner's."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments with another default database."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then say who may do what to each table."""
        if options["database"] not in settings.DATABASES:
            message = "DATABASE_OWNER_URL is not set: migrations are run by the owner role"
            raise CommandError(message)
        super().handle(*args, **options)
        if not options["plan"] and not options["check_unapplied"]:
            apply_privileges(options["database"])
