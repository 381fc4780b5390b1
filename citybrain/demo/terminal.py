"""What the demo says: progress with seconds, and an error that is one line."""

import sys
import time

_started = time.monotonic()


class DemoError(Exception):
    """The demo cannot run; the text is one line that says why and what to do."""


def say(text: str) -> None:
    """Print one line of progress behind the seconds since the start."""
    sys.stdout.write(f"[{time.monotonic() - _started:5.1f} s] {text}\n")
    sys.stdout.flush()


def show(text: str) -> None:
    """Print text as it is."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
