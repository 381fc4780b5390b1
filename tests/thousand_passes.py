"""`python -m tests.thousand_passes`: passes over HTTP into a running demo whose processes are killed meanwhile.

Runs in the environment of the demo's web process. Prints what was lost or doubled and exits with 1; with nothing lost,
prints the counts. A gate that gets no answer sends the same scan again, as the gate page does.
"""

import argparse
import http.client
import json
import os
import random
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

from tests.running import pids

# What is killed, by a word of its command line.
VICTIMS = ("citybrain.wsgi", "dispatcher", "pass_consumer", "postgres")
PATIENCE_SECONDS = 90.0
GATES = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.thousand_passes")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--passes", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=20200211)
    parser.add_argument("--pause", action="store_true", help="say “sent”, then wait for a line before verifying")
    options = parser.parse_args()
    django.setup()
    from tests import gate_load  # noqa: PLC0415 (models are ready only now)

    load = gate_load.Load(options.port, GATES)
    tickets = load.prepare(options.passes)
    killer = Killer(Path(os.environ["CITYBRAIN_VAR"]), random.Random(options.seed))
    thread = threading.Thread(target=killer.run, args=(options.kills, options.passes, load.acknowledged))
    thread.start()
    with ThreadPoolExecutor(GATES) as gates:
        list(gates.map(load.send, range(GATES), (tickets[gate::GATES] for gate in range(GATES))))
    thread.join()
    if options.pause:
        sys.stdout.write("sent\n")
        sys.stdout.flush()
        sys.stdin.readline()
    lost = load.verify(PATIENCE_SECONDS)
    killed = ", ".join(f"{name} ×{count}" for name, count in sorted(killer.killed.items()))
    sys.stdout.write(f"{len(load.acknowledged)} passes acknowledged, {load.retries} sent again; killed: {killed}\n")
    sys.stdout.write("".join(f"{line}\n" for line in lost) or "nothing lost, nothing doubled\n")
    is_whole = len(load.acknowledged) == options.passes and len(killer.killed) == min(options.kills, len(VICTIMS))
    return 0 if is_whole and not lost else 1


@dataclass
class Killer:
    """Ends processes of one demo for good, spread over the run."""

    var: Path
    chance: random.Random

    def __post_init__(self) -> None:
        self.killed: Counter[str] = Counter()

    def run(self, kills: int, passes: int, acknowledged: dict[uuid.UUID, Any]) -> None:
        """Kill each in turn, in a random order, when the next part of the passes has been acknowledged."""
        order = list(VICTIMS) * (kills // len(VICTIMS))
        self.chance.shuffle(order)
        for number, name in enumerate(order, start=1):
            while len(acknowledged) < passes * number // (len(order) + 1):
                time.sleep(0.02)
            # One that is just being started again is left alone.
            if pid := next(pids(self.var, name), None):
                os.kill(pid, signal.SIGKILL)
                self.killed[name] += 1


def patiently(ask: Callable[[], bool], seconds: float) -> bool:
    """Return whether an answer becomes yes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ask():
            return True
        time.sleep(0.2)
    return False


def post(port: int, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send JSON once; return status and answer, status 0 when there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    except (OSError, http.client.HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
