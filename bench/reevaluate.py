"""`python -m bench.reevaluate`: a whole city judged anew, beside bulk_update and bulk_create of the same change.

Starts a PostgreSQL of its own, as durable as in production, with 200,000 residents who have all declared. In rounds
that take turns, other rules come in force that change everybody's code: once by the product, chunk by chunk, with
history rows and events; once by the ORM, which is given the result and only has to write it. Then gates are measured,
alone and while the city is judged.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import django

from bench import rounds, stage
from bench.client import Plan, send_apart
from bench.rounds import RefusedError, Turn
from citybrain.demo.cluster import ClusterError

if TYPE_CHECKING:
    from bench.city import City
    from bench.gate_world import World

OURS, ORM = "re-evaluation", "bulk_update + bulk_create"
ALONE, MEANWHILE = "gates alone", "gates meanwhile"
UNITS = {OURS: "persons/s", ORM: "persons/s", ALONE: "requests/s", MEANWHILE: "requests/s"}
CONNECTIONS = 8
WARM_UP = 100
# What has to hold.
LEAST_TIMES, LONGEST_HOLD, LEAST_GATES = 60, 0.2, 0.5


def main() -> int:
    """Run the command line; return 1 when there is no figure to print, or one of what must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m bench.reevaluate", description=__doc__)
    parser.add_argument("--rounds", type=int, default=rounds.FEWEST_ROUNDS)
    parser.add_argument("--persons", type=int, default=200_000)
    parser.add_argument("--sample", type=int, default=10_000, help="how many of them the ORM writes a turn")
    parser.add_argument("--workers", type=int, default=2, help="threads that claim chunks")
    parser.add_argument("--passes", type=int, default=600, help="scans a round")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder:
            told, missed = measure(Path(folder), options)
    except (RefusedError, ClusterError, subprocess.CalledProcessError) as problem:
        sys.stderr.write(f"reevaluate: {problem}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in [*told, *missed]))
    return 1 if missed else 0


def measure(folder: Path, options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Start everything, take turns, stop everything; return what is printed, and what does not hold."""
    port = stage.free_port()
    with stage.database(folder):
        django.setup()
        from bench.city import City  # noqa: PLC0415 (models are ready only now)
        from bench.gate_world import World  # noqa: PLC0415
        from citybrain.core.models import Area  # noqa: PLC0415

        world = World(port=port, gates=CONNECTIONS, persons=2 * options.passes * options.rounds + WARM_UP)
        city = City(options.persons, options.workers, options.sample)
        city.settle(Area.objects.filter(level=Area.Level.GRID).values_list("pk", flat=True)[0])
        by_turn = rounds.take_turns({ORM: city.write_by_orm, OURS: city.judge}, options.rounds)
        median_hold = statistics.median(city.holds)
        with stage.server("citybrain.wsgi:application", port):
            rounds.require_ok("warming up", _scan(world, port, WARM_UP))
            contestants = {
                ALONE: lambda: _scan(world, port, options.passes),
                MEANWHILE: lambda: _scan_meanwhile(city, world, port, options.passes),
            }
            at_gates = rounds.take_turns(contestants, options.rounds)
    lines = [
        rounds.machine(stage.version()),
        f"{options.persons} residents, {options.workers} workers; the ORM writes {options.sample} of them a turn",
        *rounds.lines(by_turn, UNITS, ORM),
        f"locks held for {median_hold * 1000:.0f} ms (median), {max(city.holds) * 1000:.0f} ms at most",
        *rounds.lines(at_gates, UNITS, ALONE),
    ]
    return lines, _missed(by_turn, median_hold, at_gates)


def _missed(by_turn: dict[str, list[float]], hold: float, at_gates: dict[str, list[float]]) -> list[str]:
    times = statistics.median(by_turn[OURS]) / statistics.median(by_turn[ORM])
    kept = statistics.median(at_gates[MEANWHILE]) / statistics.median(at_gates[ALONE])
    kept_up = {
        f"{OURS} is {times:.0f} times as fast, and shall be {LEAST_TIMES}": times >= LEAST_TIMES,
        f"locks are held for {hold:.2f} s, and shall be for less than {LONGEST_HOLD}": hold < LONGEST_HOLD,
        f"gates keep {kept:.2f} of their rate, and shall keep {LEAST_GATES}": kept >= LEAST_GATES,
    }
    return [f"missed: {text}" for text, is_kept in kept_up.items() if not is_kept]


def _scan(world: "World", port: int, count: int) -> Turn:
    return send_apart(Plan(port, CONNECTIONS, world.scans(count)))


def _scan_meanwhile(city: "City", world: "World", port: int, count: int) -> Turn:
    """Scan while the city is judged, again and again if that is done sooner."""
    over = threading.Event()

    def judge() -> None:
        while not over.is_set():
            city.judge(lambda: not over.is_set())

    judging = threading.Thread(target=judge)
    judging.start()
    try:
        return _scan(world, port, count)
    finally:
        over.set()
        judging.join()


if __name__ == "__main__":
    sys.exit(main())
