"""`manage.py create_roles`: make the three database roles and the database."""

from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from citybrain import env
from citybrain.core.database_roles import ExcessRightsError, create_roles


class Command(BaseCommand):
    """Make or update owner, app and retention roles from the URLs in the environment."""

    help = "Make the owner, app and retention roles and their database; needs DATABASE_ADMIN_URL."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Connect once as the administrator; the URL is kept nowhere."""
        remedy = "give the postgresql:// URL of that role"
        if not settings.DATABASE_ADMIN_URL:
            message = "DATABASE_ADMIN_URL is not set: give the URL of a role that may create roles and databases"
            raise CommandError(message)
        try:
            create_roles(
                settings.DATABASE_ADMIN_URL,
                owner_url=env.required("DATABASE_OWNER_URL", remedy),
                app_url=env.required("DATABASE_URL", remedy),
                retention_url=env.required("DATABASE_RETENTION_URL", remedy),
            )
        except ExcessRightsError as error:
            raise CommandError(str(error)) from None
        except psycopg.OperationalError as error:
            message = f"the database does not answer: {str(error).splitlines()[0]}"
            raise CommandError(message) from None
        self.stdout.write("roles ready: owner, app, retention")
