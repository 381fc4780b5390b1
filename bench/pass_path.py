"""`python -m bench.pass_path`: how many passes a second, beside a bare view and beside what PostgreSQL itself can do.

Starts a PostgreSQL of its own, as durable as in production, and the web server as the demo runs it. In rounds that take
turns: a bare view behind the same server, scans at gates as real gates send them (each a code of its own, with session
and device), and pgbench doing one SELECT by primary key of a person's state and one INSERT into the same pass table.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import django

from bench import rounds, stage
from bench.client import Plan, request, send_apart
from bench.rounds import RefusedError, Turn
from citybrain.demo.cluster import ClusterError

if TYPE_CHECKING:
    from bench.gate_world import World

BARE, GATE, POSTGRES = "bare view", "pass at a gate", "PostgreSQL alone"
UNITS = {BARE: "requests/s", GATE: "requests/s", POSTGRES: "transactions/s"}
CONNECTIONS = 8
# The first scans of a server open its connections and fill its caches; they are in no figure.
WARM_UP = 100


def main() -> int:
    """Run the command line; return 1 when there is no figure to print."""
    parser = argparse.ArgumentParser(prog="python -m bench.pass_path", description=__doc__)
    parser.add_argument("--rounds", type=int, default=rounds.FEWEST_ROUNDS)
    parser.add_argument("--passes", type=int, default=600, help="scans a round")
    parser.add_argument("--requests", type=int, default=10_000, help="requests a round to the bare view")
    parser.add_argument("--seconds", type=int, default=3, help="pgbench's turn")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder:
            told = measure(Path(folder), options)
    except (RefusedError, ClusterError, subprocess.CalledProcessError) as problem:
        sys.stderr.write(f"pass_path: {problem}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in told))
    return 0


def measure(folder: Path, options: argparse.Namespace) -> list[str]:
    """Start everything, take turns, stop everything; return what is printed."""
    ports = stage.free_port(), stage.free_port()
    with stage.database(folder):
        django.setup()
        from bench.gate_world import World  # noqa: PLC0415 (models are ready only now)

        world = World(port=ports[1], gates=CONNECTIONS, persons=options.passes * options.rounds + WARM_UP)
        script = folder / "pass.sql"
        script.write_text(world.insert_script(), encoding="utf-8")
        with stage.server("bench.bare:application", ports[0]), stage.server("citybrain.wsgi:application", ports[1]):
            rounds.require_ok("warming up", _scan(world, ports[1], WARM_UP))
            contestants = {
                BARE: lambda: send_apart(Plan(ports[0], CONNECTIONS, [request("GET", "/")] * options.requests)),
                GATE: lambda: _scan(world, ports[1], options.passes),
                POSTGRES: lambda: _pgbench(script, options.seconds),
            }
            rates = rounds.take_turns(contestants, options.rounds)
        kept, sent = world.kept(), options.passes * options.rounds + WARM_UP
        if kept != sent:
            raise RefusedError(f"{sent} green codes were shown, {kept} passes of gates are kept")
    return [rounds.machine(stage.version()), *rounds.lines(rates, UNITS, POSTGRES)]


def _scan(world: "World", port: int, count: int) -> Turn:
    return send_apart(Plan(port, CONNECTIONS, world.scans(count)))


def _pgbench(script: Path, seconds: int) -> Turn:
    database = os.environ["DATABASE_URL"]
    command = [
        stage.tool("pgbench"),
        "-n",
        "-M",
        "prepared",
        "-c",
        "8",
        "-j",
        "2",
        "-T",
        str(seconds),
        "-f",
        str(script),
    ]
    told = subprocess.run([*command, database], capture_output=True, text=True, check=False)  # noqa: S603 (ours)
    done = re.search(r"transactions actually processed: (\d+)", told.stdout)
    rate = re.search(r"tps = ([\d.]+)", told.stdout)
    failed = re.search(r"failed transactions: (\d+)", told.stdout)
    if told.returncode or not done or not rate or (failed and failed[1] != "0"):
        raise RefusedError(f"pgbench: {(told.stderr or told.stdout).strip()[-300:]}")
    return Turn(int(done[1]), int(done[1]) / float(rate[1]))


if __name__ == "__main__":
    sys.exit(main())
