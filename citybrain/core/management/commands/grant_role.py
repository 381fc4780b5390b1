"""`manage.py grant_role`: give or take a role from the command line."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from citybrain.core import clock
from citybrain.core.actions.grants import grant_role, revoke_role
from citybrain.core.models import Area, Organisation, User
from citybrain.core.roles import ROLES, STAFF_ROLES


class Command(BaseCommand):
    """Roles are given by whoever runs the system, on record, never through a hidden table."""

    help = "Give (or with --revoke take) a role on an area, named by today's code, or on an organisation, by id."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who, what and where."""
        parser.add_argument("username")
        parser.add_argument("role", choices=[role.codename for role in STAFF_ROLES])
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--area", help="12- or 15-digit code of today")
        where.add_argument("--organisation", type=int, help="id of the organisation")
        parser.add_argument("--revoke", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find the three and do it."""
        try:
            user = User.objects.get(username=options["username"])
            on: Area | Organisation = (
                Area.objects.coded(options["area"], clock.today()).get()
                if options["area"]
                else Organisation.objects.get(pk=options["organisation"])
            )
            change = revoke_role if options["revoke"] else grant_role
            change(user=user, role=ROLES[options["role"]], on=on, by=None)
        except (User.DoesNotExist, Area.DoesNotExist, Organisation.DoesNotExist, ValueError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{'revoked' if options['revoke'] else 'granted'} {options['role']} on {on}: {user.username}")
