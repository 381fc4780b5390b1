"""Where a demo lives: its folder below var/, its ports, and whether both are fit to start in."""

import fcntl
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from citybrain.demo.processes import ROOT
from citybrain.demo.terminal import DemoError

HOST = "127.0.0.1"
DEFAULT_PORT = "8000"
LAST_PORT = 65534
# Processes of a demo that was killed a moment ago may still be closing.
PORT_GRACE_SECONDS = 3.0


@dataclass(frozen=True)
class Place:
    """A demo's port (the live stream takes the next one) and folders, all absolute."""

    port: int
    var: Path
    keyring: Path

    @property
    def cluster(self) -> Path:
        """Folder of the embedded PostgreSQL."""
        return self.var / "postgres"

    @property
    def prepared(self) -> Path:
        """Marker of a complete first start; holds the fingerprint of the code that prepared the database."""
        return self.cluster / "prepared"

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
    """Read PORT, CITYBRAIN_VAR and CITYBRAIN_KEYRING."""
    port = environment.get("PORT") or DEFAULT_PORT
    if not (port.isdecimal() and 0 < int(port) <= LAST_PORT):
        message = f"PORT is {port!r}: use a number from 1 to {LAST_PORT}"
        raise DemoError(message)
    var = Path(environment.get("CITYBRAIN_VAR") or ROOT / "var").expanduser().resolve()
    keyring = Path(environment.get("CITYBRAIN_KEYRING") or var / "keyring.json").expanduser().resolve()
    return Place(int(port), var, keyring)


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
