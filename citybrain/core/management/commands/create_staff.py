"""`manage.py create_staff`: make a staff account."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from citybrain.core.actions.accounts import create_staff


class Command(BaseCommand):
    """The account holds no role yet; `grant_role` gives one."""

    help = "Make a staff account and print its first password, which is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the staff number and the name shown to colleagues."""
        parser.add_argument("username", help="staff number")
        parser.add_argument("--name", default="", help="name shown on pages")

    def handle(self, *_args: Any, username: str, name: str, **_options: Any) -> None:
        """Make it."""
        try:
            user, password = create_staff(username=username, display_name=name, by=None)
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{user.username} {password}")
