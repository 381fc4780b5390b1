#!/usr/bin/env python
"""Django's command line for CityBrain."""

import os
import sys

from citybrain import alone


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "citybrain.settings")
    if sys.argv[1:2] and sys.argv[1] in alone.COMMANDS:
        with alone.surroundings():
            execute()
    else:
        execute()


def execute() -> None:
    """Hand over to Django."""
    from django.core.management import execute_from_command_line  # noqa: PLC0415 (settings first)

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
