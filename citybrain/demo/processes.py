"""The processes of the running system: their command lines, and how each is started, watched and stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from citybrain.demo.terminal import DemoError

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 8.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
FOLLOW_SECONDS = 0.1
CALM_SECONDS = 30.0  # a process that lived this long is started again without growing pauses
# The console message gateway prints one-time codes there; whoever tries the demo needs to see them.
SHOWN = {"web": b"SMS"}


@dataclass(frozen=True)
class Process:
    """One process: its name (in `settings.PROCESSES` if it is part of the system) and how to run it."""

    name: str
    arguments: tuple[str, ...]


def table(port: int) -> tuple[Process, ...]:
    """Return every process in the order in which they are stopped; the live stream listens on `port` + 1."""
    python = sys.executable
    granian = (python, "-m", "granian", "--host", "127.0.0.1", "--http", "1", "--no-ws", "--log-level", "warning")
    # A second worker would double the memory of a demo; threads wait for the database most of the time.
    web = ("--interface", "wsgi", "--port", str(port), "--blocking-threads", "4", "--workers-kill-timeout", "5")
    # Event streams never end by themselves.
    stream = ("--interface", "asgi", "--port", str(port + 1), "--workers-kill-timeout", "1")
    celery = (python, "-m", "celery", "-A", "citybrain.celery")
    # Threads share one import of the code, and the main loop goes on beating while a task runs.
    worker = ("--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat")
    return (
        Process("web", (*granian, *web, "citybrain.wsgi:application")),
        Process("stream", (*granian, *stream, "citybrain.asgi:application")),
        Process("beat", (*celery, "beat", "--loglevel", "INFO", "--pidfile", "")),
        Process("worker", (*celery, "worker", "--loglevel", "INFO", *worker)),
        Process("dispatcher", (python, "manage.py", "dispatcher")),
        Process("sealer", (python, "manage.py", "sealer")),
        Process("consumer", (python, "manage.py", "pass_consumer")),
    )


# The district's own life: no part of the system, so nothing waits for it.
LIFE = Process("life", (sys.executable, "manage.py", "live_demo"))
# Newcomers' names are sorted as well without the dictionary of phrases, a third of this process's memory.
LIFE_ENVIRONMENT = {"PYPINYIN_NO_PHRASES": "true"}


class Child:
    """One started process: restarted with growing pauses when it dies."""

    def __init__(self, process: Process, environment: Mapping[str, str], logs: Path) -> None:
        """Keep how to start it; its output goes to a log in the folder `logs`."""
        self.name = process.name
        self.deaths = 0
        self.log = logs / f"{process.name}.log"
        self.log.write_bytes(b"")
        self._arguments = process.arguments
        self._environment = environment
        self._running: subprocess.Popen[bytes] | None = None
        self._pause = 0.0
        self._since = 0.0
        self._shown_to = 0

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone."""
        with self.log.open("ab") as log:
            self._running = spawn(self._arguments, self._environment, log.fileno())
        self._since = time.monotonic()

    def tend(self) -> str:
        """Look after it once; return a line when it died, else an empty string."""
        if self._running is not None:
            if not _has_ended(self._running):
                return ""
            return self._note_death(self._running)
        if time.monotonic() - self._since >= self._pause:
            self.start()
        return ""

    def shown_lines(self) -> list[str]:
        """Return the new lines of its output that belong in the terminal."""
        prefix = SHOWN.get(self.name)
        if prefix is None:
            return []
        with self.log.open("rb") as log:
            log.seek(self._shown_to)
            complete, newline, _ = log.read().rpartition(b"\n")
        self._shown_to += len(complete) + len(newline)
        return [line.decode(errors="replace") for line in complete.splitlines() if line.startswith(prefix)]

    def last_line(self) -> str:
        """Return the last line of its log."""
        return last_line(self.log)

    def terminate(self) -> None:
        """Ask it to end."""
        if self._running is not None:
            self._running.terminate()

    def wait(self, deadline: float) -> None:
        """Wait for its end until `deadline` (monotonic), then kill it and whatever it started."""
        if self._running is None:
            return
        while not _has_ended(self._running) and time.monotonic() < deadline:
            time.sleep(0.02)
        bury(self._running)
        self._running = None

    def _note_death(self, running: subprocess.Popen[bytes]) -> str:
        status = bury(running)
        now = time.monotonic()
        grown = FIRST_PAUSE if now - self._since > CALM_SECONDS else min(self._pause * 2, LONGEST_PAUSE)
        self._pause = max(grown, FIRST_PAUSE)
        self._running, self._since = None, now
        self.deaths += 1
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
        return f"{self.name} {how}; starting it again in {self._pause:g} s (log: {self.log})"


def spawn(arguments: tuple[str, ...], environment: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
    """Start a command of the repository in its own session; it is told to end when this process dies."""
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def manage(
    arguments: tuple[str, ...], environment: Mapping[str, str], log: Path, tell: Callable[[str], None] | None = None
) -> str:
    """Run a management command to its end; return what it printed, raise DemoError with its last line if it failed.

    `tell` is given each line as it comes.
    """
    with log.open("a+b") as output:
        begin = output.seek(0, os.SEEK_END)
        running = spawn((sys.executable, "manage.py", *arguments), environment, output.fileno())
        try:
            if tell:
                _follow(running, log, begin, tell)
            running.wait()
        finally:
            status = bury(running)
        output.seek(begin)
        printed = output.read().decode(errors="replace")
    if status:
        message = f"`manage.py {arguments[0]}` failed: {last_line(log)} (log: {log})"
        raise DemoError(message)
    return printed


def _follow(running: subprocess.Popen[bytes], log: Path, begin: int, tell: Callable[[str], None]) -> None:
    """Hand on what a process writes to its log, line by line, until it ends."""
    with log.open("rb") as written:
        written.seek(begin)
        is_over, rest = False, b""
        while not is_over:
            is_over = _has_ended(running)
            *lines, rest = (rest + written.read()).split(b"\n")
            for line in lines:
                tell(line.decode(errors="replace"))
            time.sleep(FOLLOW_SECONDS)


def bury(running: subprocess.Popen[bytes]) -> int:
    """Kill what is left of the process and of those it started; return its exit status."""
    # Until it is waited for its id stays taken, so the group is certainly the one that we started.
    if running.returncode is None:
        os.killpg(running.pid, signal.SIGKILL)
    return running.wait()


def last_line(log: Path) -> str:
    """Return what a log says last; of an error with a traceback its first line of text."""
    text = log.read_text(encoding="utf-8", errors="replace")
    _, traceback, after = text.rpartition("Traceback (most recent call last):\n")
    lines = [line for line in after.splitlines() if line.strip()]
    if traceback:
        lines = [line for line in lines if not line.startswith(" ")][:1]
    return lines[-1].strip().removeprefix("CommandError: ") if lines else "it says nothing"


def _has_ended(running: subprocess.Popen[bytes]) -> bool:
    """Look without taking the exit status."""
    return os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
