"""`make smoke-embedded`: the demo on its embedded PostgreSQL, started twice, looked at and stopped.

Free ports, a temporary folder, nothing of the caller's database; exits with 1 and the reason when something is wrong.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import requests

from citybrain.demo.city.known import PASSWORD
from citybrain.demo.processes import last_line
from citybrain.demo.run import health
from citybrain.demo.smoke import BrokenError, Visitor

ROOT = Path(__file__).resolve().parents[1]
# A first start, with whatever pip had to fetch before it, takes less than 3 minutes.
START_SECONDS, LATER_START_SECONDS = 170.0, 15.0
LIFE_SECONDS = 15.0
STOP_SECONDS = 30.0
OURS = ("DATABASE_", "CELERY_", "CITYBRAIN_", "RESIDENTS", "DAYS", "LIFE")


class SmokeError(Exception):
    """The demo did not do what it must."""


def main() -> int:
    """Start with an empty folder, then again with the filled one."""
    try:
        with tempfile.TemporaryDirectory(prefix="citybrain-smoke-") as var:
            seconds = visit(Path(var), START_SECONDS, await_life)
            sys.stdout.write(f"smoke: first start in {seconds:.1f} s\n")
            seconds = visit(Path(var), LATER_START_SECONDS)
            sys.stdout.write(f"smoke: later start in {seconds:.1f} s\n")
    except SmokeError as problem:
        sys.stderr.write(f"smoke: {problem}\n")
        return 1
    return 0


def visit(var: Path, limit: float, look_on: Callable[[str], None] | None = None) -> float:
    """Start the demo within `limit` seconds, read its first page, stop it; return the seconds until it was ready."""
    port = free_ports()
    outside = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment = outside | {"PORT": str(port), "CITYBRAIN_VAR": str(var)}
    started = time.monotonic()
    demo = subprocess.Popen([sys.executable, "-m", "citybrain.demo"], cwd=ROOT, env=environment)
    try:
        await_health(demo, port, started + limit)
        seconds = time.monotonic() - started
        look_at(f"http://127.0.0.1:{port}/", var / "log" / "web.log")
        if look_on:
            look_on(f"http://127.0.0.1:{port}")
    finally:
        demo.send_signal(signal.SIGINT)
        status = demo.wait(STOP_SECONDS)
    if status:
        message = f"the demo ended with exit code {status}"
        raise SmokeError(message)
    if left := survivors(var):
        message = f"processes are left: {', '.join(left)}"
        raise SmokeError(message)
    return seconds


def await_health(demo: subprocess.Popen[bytes], port: int, deadline: float) -> None:
    """Wait until every process beats."""
    while (answer := health(port))[0] != 200:
        if demo.poll() is not None:
            message = "the demo ended by itself"
            raise SmokeError(message)
        if time.monotonic() > deadline:
            message = f"not ready in time: {answer[1]}"
            raise SmokeError(message)
        time.sleep(0.2)


def look_at(url: str, log: Path) -> None:
    """Read the page that a visitor sees first."""
    try:
        with urllib.request.urlopen(url, timeout=10) as page:  # noqa: S310 (our own address)
            text = page.read()
    except OSError as error:
        message = f"{url}: {error} (web log: {last_line(log)})"
        raise SmokeError(message) from None
    if b"</html>" not in text:
        message = f"{url} is no page"
        raise SmokeError(message)


def await_life(url: str) -> None:
    """See that people pass gates by themselves, on the commander's screen."""
    commander = Visitor(url, "commander01", PASSWORD)
    try:
        commander.sign_in()
        before, deadline = passes_today(commander), time.monotonic() + LIFE_SECONDS
        while passes_today(commander) <= before:
            if time.monotonic() > deadline:
                message = f"no pass in {LIFE_SECONDS:.0f} s: the district does not live"
                raise SmokeError(message)
            time.sleep(1)
    except (BrokenError, requests.RequestException) as error:
        message = f"the cockpit: {error}"
        raise SmokeError(message) from None


def passes_today(commander: Visitor) -> int:
    """Return how many passes the cockpit counts today; none while it knows of none."""
    commander.open("/cockpit/")
    shown = commander.page.select_one('[data-figure="passes_today"] .value').get_text()
    return int("".join(character for character in shown if character.isdecimal()) or 0)


def free_ports() -> int:
    """Return a port that is free and whose successor is free too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def survivors(var: Path) -> list[str]:
    """Return the command lines of running processes that were started for this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if os.fsencode(var) in words and process.name != str(os.getpid()):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
