"""Where a demo lives and what is asked of it: its folder below var/, its ports, and how large a district it shows."""

import fcntl
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from citybrain.demo.city.known import DAYS, RESIDENTS
from citybrain.demo.processes import ROOT
from citybrain.demo.terminal import DemoError

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
LAST_PORT = 65534
FEWEST_RESIDENTS, MOST_RESIDENTS = 100, 1_000_000
# Passes are kept no longer.
MOST_DAYS = 28
# Processes of a demo that was killed a moment ago may still be closing.
PORT_GRACE_SECONDS = 3.0


@dataclass(frozen=True)
class Place:
    """A demo's port (the live stream takes the next one) and folders, all absolute, and what it shows."""

    port: int
    var: Path
    keyring: Path
    residents: int = RESIDENTS
    # Of history, loaded with the residents.
    days: int = DAYS
    # Whether the district goes on living.
    is_alive: bool = True

    @property
    def cluster(self) -> Path:
        """Folder of the embedded PostgreSQL."""
        return self.var / "postgres"

    @property
    def prepared(self) -> Path:
        """Marker of a complete first start; holds the fingerprint of the code that prepared the database."""
        return self.cluster / "prepared"

    @property
    def loaded(self) -> Path:
        """File that says which district was loaded."""
        return self.var / "district.json"

    @property
    def passwords(self) -> Path:
        """File of the database roles' passwords."""
        return self.var / "roles.json"

    @property
    def logs(self) -> Path:
        """Folder of the processes' logs; they hold one-time codes."""
        return self.var / "log"

    def origin(self, offset: int = 0) -> str:
        """Return the URL of the pages, with offset 1 that of the live stream; no slash at the end."""
        return f"http://{HOST}:{self.port + offset}"


def read(environment: Mapping[str, str]) -> Place:
    """Read PORT, CITYBRAIN_VAR, CITYBRAIN_KEYRING, RESIDENTS, DAYS and LIFE."""
    port = _number("PORT", environment.get("PORT"), DEFAULT_PORT, range(1, LAST_PORT + 1))
    var = Path(environment.get("CITYBRAIN_VAR") or ROOT / "var").expanduser().resolve()
    keyring = Path(environment.get("CITYBRAIN_KEYRING") or var / "keyring.json").expanduser().resolve()
    sizes = range(FEWEST_RESIDENTS, MOST_RESIDENTS + 1)
    residents = _number("RESIDENTS", environment.get("RESIDENTS"), RESIDENTS, sizes)
    days = _number("DAYS", environment.get("DAYS"), DAYS, range(MOST_DAYS + 1))
    life = environment.get("LIFE") or "on"
    if life not in {"on", "off"}:
        message = f"LIFE is {life!r}: use on or off"
        raise DemoError(message)
    return Place(port, var, keyring, residents, days, is_alive=life == "on")


def _number(name: str, text: str | None, default: int, allowed: range) -> int:
    if not text:
        return default
    if not (text.isdecimal() and text.isascii() and int(text) in allowed):
        message = f"{name} is {text!r}: use a number from {allowed[0]} to {allowed[-1]}"
        raise DemoError(message)
    return int(text)


def require_free_ports(place: Place) -> None:
    """Raise DemoError when another program listens where the demo wants to."""
    deadline = time.monotonic() + PORT_GRACE_SECONDS
    while taken := [port for port in (place.port, place.port + 1) if _is_taken(port)]:
        if time.monotonic() > deadline:
            message = f"port {taken[0]} on {HOST} is taken: stop what listens there or run `make demo PORT=…`"
            raise DemoError(message)
        time.sleep(0.1)


def lock(place: Place) -> IO[str]:
    """Take the folder for this process; the lock ends with the returned file."""
    place.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = (place.var / "demo.lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        message = f"another demo (process {file.read().strip()}) runs in {place.var}: stop it or set CITYBRAIN_VAR"
        raise DemoError(message) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def require_complete(place: Place, missing_part: str) -> None:
    """Raise DemoError when an earlier first start left the folder half-initialised.

    `missing_part` names a file that the cluster lacks, if any.
    """
    if missing_part:
        problem = f"{place.cluster} has no {missing_part}"
    elif not place.keyring.exists():
        problem = f"the keyring {place.keyring} of its data is missing (restore it if you have it)"
    elif not place.prepared.exists():
        problem = "its first start was interrupted"
    else:
        return
    message = f"{place.var} is half-initialised, {problem}: remove it with `rm -r {place.var}` and start again"
    raise DemoError(message)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # Connections of a stopped server that are still timing out do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            message = f"port {port} is reserved for root: run `make demo PORT=…` with one above 1023"
            raise DemoError(message) from None
        except OSError:
            return True
    return False
