"""`python -m bench.show`: how many code pages a second, beside a view that answers "ok" to everybody.

Starts a PostgreSQL, which the code page does not ask, and the web server as the demo runs it. All contestants stand
behind the same middleware on the same server and are sent the same headers, cookies included: a resident's session,
language and signed cookie. Each page is another person's. Ends with 1 when the ratio is below REQUIRED.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import django

from bench import rounds, stage
from bench.client import Plan, request, send_apart
from bench.rounds import RefusedError, Turn
from citybrain.demo.cluster import ClusterError

SHOW, OK, LONG = "code page", "constant ok", "constant of its length"
PATHS = {SHOW: "/code/", OK: "/constant/ok/", LONG: "/constant/long/"}
UNITS = dict.fromkeys(PATHS, "requests/s")
REQUIRED = 0.8
CONNECTIONS = 8
PERSONS = 200
WARM_UP = 400


def main() -> int:
    """Run the command line; return 1 when there is no figure to print or the ratio is too low."""
    parser = argparse.ArgumentParser(prog="python -m bench.show", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=3000, help="requests a round to each")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder:
            rates = measure(Path(folder), options)
    except (RefusedError, ClusterError, subprocess.CalledProcessError) as problem:
        sys.stderr.write(f"show: {problem}\n")
        return 1
    told = [rounds.machine(stage.version()), *rounds.lines(rates, UNITS, OK)]
    ratio = statistics.median(rates[SHOW]) / statistics.median(rates[OK])
    told.append(f"{SHOW} at least {REQUIRED} of {OK}: {'kept' if ratio >= REQUIRED else 'MISSED'} ({ratio:.3f})")
    sys.stdout.write("".join(f"{line}\n" for line in told))
    return 0 if ratio >= REQUIRED else 1


def measure(folder: Path, options: argparse.Namespace) -> dict[str, list[float]]:
    """Start everything, take turns, stop everything; return the rates."""
    port = stage.free_port()
    with stage.database(folder):
        subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"], cwd=stage.ROOT, check=True)
        django.setup()
        headers = _headers()
        with stage.server("bench.show_site:application", port):
            contestants = {name: _contestant(port, path, headers, options.requests) for name, path in PATHS.items()}
            for name, path in PATHS.items():
                rounds.require_ok(f"warming up {name}", _contestant(port, path, headers, WARM_UP)())
            return rounds.take_turns(contestants, options.rounds)


def _contestant(port: int, path: str, headers: list[dict[str, str]], count: int) -> Callable[[], Turn]:
    asked = [request("GET", path, headers=headers[number % len(headers)]) for number in range(count)]
    return lambda: send_apart(Plan(port, CONNECTIONS, asked))


def _headers() -> list[dict[str, str]]:
    """Return what the phones of so many persons send along."""
    from django.conf import settings  # noqa: PLC0415 (settings are ready only now)

    from citybrain.core import clock  # noqa: PLC0415
    from healthcode import showing  # noqa: PLC0415
    from healthcode.models import State  # noqa: PLC0415

    now = showing.milliseconds(clock.now())
    until = now + 10**9
    shown = [showing.Shown(number * 10**15, "张*", State.GREEN, now, until, now) for number in range(PERSONS)]
    return [
        {
            "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language": "zh-CN,zh;q=0.9",
            "Cookie": f"{settings.CODE_COOKIE_NAME}={showing.seal(one)};"
            f" citybrain_session={number:032}; {settings.LANGUAGE_COOKIE_NAME}=zh-hans; csrftoken={'a' * 32}",
        }
        for number, one in enumerate(shown)
    ]


if __name__ == "__main__":
    sys.exit(main())
