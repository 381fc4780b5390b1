"""The demo as a whole, running beside the tests: every process, its own database, its own ports."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.smoke_embedded import OURS, ROOT, START_SECONDS, STOP_SECONDS, await_health, free_ports

WEB = "citybrain.wsgi"
# Tests compare figures before and after: a small district in which nothing happens but what they do.
STILL = {"RESIDENTS": "2000", "DAYS": "0", "LIFE": "off"}
# The demo as it is shown.
LIVING: dict[str, str] = {}


@dataclass(frozen=True)
class Demo:
    """A demo that is up."""

    port: int
    var: Path

    @property
    def url(self) -> str:
        """Its pages, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def pid(self, word: str) -> int:
        """Return the oldest process of this demo that has a word in its command line."""
        return next(pids(self.var, word))

    def environment(self, word: str = WEB) -> dict[str, str]:
        """Return what a process was given, the web process if none is named: settings, database URLs, keyring."""
        given = Path(f"/proc/{self.pid(word)}/environ").read_text(encoding="utf-8", errors="surrogateescape")
        return {name: value for name, _equals, value in (pair.partition("=") for pair in given.split("\0") if pair)}

    def code_sent(self, phone: str, seconds: float = 10.0) -> str:
        """Return the newest one-time code that was sent to a phone."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines = (self.var / "log" / "web.log").read_text(encoding="utf-8").splitlines()
            ours = [line for line in lines if line.startswith("SMS") and line.partition(":")[0].endswith(phone[-4:])]
            if ours and (code := re.search(r"\b(\d{6})\b", ours[-1].partition(":")[2])):
                return code[1]
            time.sleep(0.1)
        raise LookupError(f"no code was sent to …{phone[-4:]}")


def pids(var: Path, word: str) -> Iterator[int]:
    """Yield the processes of the demo in a folder that have a word in their command line, the oldest first."""
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        with contextlib.suppress(OSError):
            line = (process / "cmdline").read_bytes()
            if word.encode() in line and os.fsencode(var) in line + (process / "environ").read_bytes():
                yield int(process.name)


@contextlib.contextmanager
def running_demo(var: Path, district: Mapping[str, str] = STILL, seconds: float = START_SECONDS) -> Iterator[Demo]:
    """Start a demo, a still one unless said otherwise, in a folder of its own and stop it in the end.

    Whatever it says goes to demo.log there.
    """
    port = free_ports()
    outside = {name: value for name, value in os.environ.items() if not name.startswith((*OURS, "DJANGO_"))}
    environment = outside | {**district} | {"PORT": str(port), "CITYBRAIN_VAR": str(var)}
    var.mkdir(exist_ok=True)
    with (var / "demo.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "citybrain.demo"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            await_health(process, port, time.monotonic() + seconds)
            yield Demo(port, var)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)
