"""Put the first rules of an installation in force; later changes take two people, on the pages."""

from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from healthcode import rules
from healthcode.actions.rules import adopt_rules


class Command(BaseCommand):
    help = "Put the first rule file of an installation in force from now on, with an empty list of risk areas."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, default=rules.SHIPPED, help="default: the shipped set")

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        try:
            activation = adopt_rules(body=rules.load(file), risk_areas=None, by=None)
        except (OSError, ValueError) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{activation.rule_set} is in force")
