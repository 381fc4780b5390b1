"""`python -m tests.dispatch`: the real dispatcher, wired to tests/handlers.py."""

import argparse

import django
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.dispatch")
    parser.add_argument("--dies-at", default="")
    parser.add_argument("--longest-handler", type=float, default=60.0)
    options = parser.parse_args()
    django.setup()
    from citybrain.core import outbox  # noqa: PLC0415 (settings must be ready)
    from citybrain.core.management.commands import dispatcher  # noqa: PLC0415
    from tests import handlers  # noqa: PLC0415

    settings.FLOWS = f"{handlers.__name__}.FLOWS"
    dispatcher.LONGEST_HANDLER_SECONDS = options.longest_handler
    handlers.Fate.point = options.dies_at
    if options.dies_at == "after the claim":
        outbox._run = lambda claimed: handlers.die_at("after the claim")  # noqa: ARG005
    call_command("dispatcher")


if __name__ == "__main__":
    main()
