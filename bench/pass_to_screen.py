"""`python -m bench.pass_to_screen`: how long a scan at a gate takes to reach the commander's screen.

Enrols a gate and opens the cockpit by the pages, as people do; sends scans at random moments and notes when the first
picture arrives whose "passes today" has counted them. The baseline is the gate's own answer to the same scans.
Without --base-url it starts a demo of its own; on a given system nobody else may pass meanwhile.
"""

import argparse
import contextlib
import json
import random
import secrets
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from bench import rounds
from citybrain.demo.city.known import MARKET, PASSWORD
from citybrain.demo.smoke import BrokenError, Visitor
from tests.running import running_demo

LIMIT_MS = 1000.0
LONGEST_PAUSE = 0.4
PATIENCE_SECONDS = 15.0


class Screen:
    """A commander's screen: remembers when each number of passes was shown first."""

    def __init__(self, base: str, name: str, password: str) -> None:
        """Open the cockpit."""
        self._visitor = Visitor(base, name, password)
        self._visitor.sign_in()
        self._visitor.open("/cockpit/")
        self.count = -1
        self._shown_at: dict[int, float] = {}
        self._moved = threading.Condition()
        threading.Thread(target=self._look, daemon=True).start()

    def await_count(self, count: int) -> float:
        """Wait until so many passes are shown; return when they were."""
        with self._moved:
            if not self._moved.wait_for(lambda: self.count >= count, PATIENCE_SECONDS):
                raise TimeoutError(f"the screen shows {self.count} passes, {count} were sent")
            return min(at for shown, at in self._shown_at.items() if shown >= count)

    def _look(self) -> None:
        url = json.loads(self._visitor.fetch("/cockpit/ticket/"))["url"]
        # It ends with the demo; when it ends before, the number waited for does not come.
        with (
            contextlib.suppress(requests.RequestException),
            requests.get(url, stream=True, timeout=PATIENCE_SECONDS) as stream,
        ):
            for line in stream.iter_lines():
                if line.startswith(b"data: "):
                    self._note(json.loads(line.removeprefix(b"data: ")), time.monotonic())

    def _note(self, picture: dict[str, Any], at: float) -> None:
        with self._moved:
            self.count = picture["figures"]["passes_today"] or 0
            self._shown_at.setdefault(self.count, at)
            self._moved.notify_all()


class Gate:
    """A guard's device at a gate."""

    def __init__(self, base: str, options: argparse.Namespace) -> None:
        """Enrol the device with a code that the community's page offers."""
        community = Visitor(base, options.community, options.password)
        self._guard = Visitor(base, options.gate, options.password)
        for visitor in (community, self._guard):
            visitor.sign_in()
        community.open("/gates/")
        places = [link for link in community.page.select("main a[href^='/gates/']") if options.place in link.get_text()]
        community.open(places[0]["href"])
        community.send("form[action$='/devices/']", name=f"bench {secrets.token_hex(3)}")
        code = "".join(community.page.select_one(".enrolment-code").get_text().split())
        self._guard.open("/gate/enrol/")
        self._guard.send("main form", code=code)
        self._guard.open("/gate/")

    def scan(self) -> tuple[float, float]:
        """Scan something that is no code, which is refused, kept and counted as every pass; return (sent, answered)."""
        now = datetime.now(UTC).isoformat()  # noqa: TID251 (a device's own clock)
        body = {"lane": "token", "nonce": str(uuid.uuid4()), "scanned_at": now, "sent_at": now}
        sent_at = time.monotonic()
        self._guard.post_json("/gate/scan", {**body, "token": secrets.token_hex(24)})
        return sent_at, time.monotonic()


def measure(base: str, options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Return the milliseconds from each scan to the screen, and to the gate's answer."""
    gate, screen = Gate(base, options), Screen(base, options.commander, options.password)
    # The first scan of a day makes its partition and opens connections; it is no ordinary one.
    screen.await_count(0)
    before = screen.count
    gate.scan()
    screen.await_count(before + 1)
    pauses = random.Random(options.seed)  # noqa: S311 (no secret)
    scans = []
    for _number in range(options.passes):
        time.sleep(pauses.uniform(0, LONGEST_PAUSE))
        scans.append(gate.scan())
    shown = [screen.await_count(before + number) for number in range(2, options.passes + 2)]
    on_screen = [(at - sent) * 1000 for at, (sent, _answered) in zip(shown, scans, strict=True)]
    return on_screen, [(answered - sent) * 1000 for sent, answered in scans]


def say(name: str, times: Sequence[float]) -> tuple[float, float]:
    """Print the usual percentiles; return the median and the 95th."""
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    median, p95, p99 = cuts[49], cuts[94], cuts[98]
    sys.stdout.write(f"{name:<28} median {median:6.0f}  p95 {p95:6.0f}  p99 {p99:6.0f}  max {max(times):6.0f} ms\n")
    return median, p95


def run(options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Measure on the given system, else on a demo of its own."""
    if options.base_url:
        parts = urlsplit(options.base_url)
        return measure(f"{parts.scheme}://{parts.netloc}", options)
    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder, running_demo(Path(folder) / "var") as demo:
        return measure(demo.url, options)


def main() -> int:
    """Run the command line; return 1 when the screen is later than LIMIT_MS at the 95th percentile."""
    parser = argparse.ArgumentParser(prog="python -m bench.pass_to_screen", description=__doc__)
    parser.add_argument("--base-url", help="a running system, such as http://127.0.0.1:8000; else a demo is started")
    parser.add_argument("--passes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20200211)
    parser.add_argument("--place", default=MARKET, help="the place at whose gate is scanned")
    parser.add_argument("--password", default=PASSWORD)
    for role, name in {"gate": "gate01", "community": "community01", "commander": "commander01"}.items():
        parser.add_argument(f"--{role}", default=name, help=f"staff number (default {name})")
    options = parser.parse_args()
    try:
        on_screen, answers = run(options)
    except (BrokenError, TimeoutError, requests.RequestException) as problem:
        sys.stderr.write(f"pass_to_screen: {problem}\n")
        return 1
    sys.stdout.write(f"{rounds.machine()}\n")
    median, p95 = say(f"pass → screen ({options.passes} passes)", on_screen)
    base_median, base_p95 = say("baseline: answer at the gate", answers)
    sys.stdout.write(f"ratio: median {median / base_median:.1f}, p95 {p95 / base_p95:.1f}\n")
    is_kept = p95 < LIMIT_MS
    sys.stdout.write(f"p95 within {LIMIT_MS:.0f} ms: {'kept' if is_kept else 'MISSED'}\n")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
