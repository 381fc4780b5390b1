"""The supervisor behind `make demo`: prepares everything, starts the processes, keeps them alive, stops them."""

import http.client
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import FrameType

import kombu
from kombu.exceptions import OperationalError

from citybrain.core import keyring
from citybrain.demo import database, place, processes
from citybrain.demo.cluster import Cluster, ClusterError, embedded_bin
from citybrain.demo.place import HOST, Place
from citybrain.demo.preparation import prepare
from citybrain.demo.processes import Child, Process
from citybrain.demo.terminal import DemoError, say, show

READY_SECONDS = 90.0
TICK_SECONDS = 0.2
HOPELESS_DEATHS = 3
OWN_BROKER = "filesystem://"
# Only the worker runs the retention job.
RETENTION = frozenset({"worker"})


class Stopped(BaseException):
    """Somebody asked the demo to stop."""


def main() -> int:
    """Run the demo until it is told to stop; return the exit code."""
    os.umask(0o077)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup a closed terminal is no reason to stop.
        if sign != signal.SIGHUP or signal.getsignal(sign) != signal.SIG_IGN:
            signal.signal(sign, _stop)
    try:
        with ExitStack() as stack:
            Demo(place.read(os.environ), os.environ, stack).run()
    except Stopped:
        show("CityBrain has stopped.")
    except (DemoError, ClusterError, keyring.KeyringError, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


class Demo:
    """One run of the demo; `stack` stops what was started, the latest first."""

    def __init__(self, where: Place, environment: Mapping[str, str], stack: ExitStack) -> None:
        """Keep where it lives and what the operator's environment asks for."""
        self.place = where
        self.cluster = None if environment.get("DATABASE_URL") else Cluster(embedded_bin(), where.cluster)
        self.children: list[Child] = []
        self._given = environment
        self._stack = stack
        self._cluster_due = 0.0

    def run(self) -> None:
        """Start everything, then look after it until Stopped is raised."""
        place.require_free_ports(self.place)
        self._stack.enter_context(place.lock(self.place))
        for folder in (self.place.logs, self.place.var / "celery", self.place.var / "celery-control"):
            folder.mkdir(exist_ok=True)
        self._require_broker()
        urls = self._open_database()
        environment = self._environment()
        logins = prepare(self.place, urls, environment, is_own_database=self.cluster is not None)
        self._start_processes(urls, environment)
        self._await_health()
        say("ready")
        if self.place.is_alive:
            self._start(processes.LIFE, {**environment, **urls.environment("app"), **processes.LIFE_ENVIRONMENT})
        show(f"\nCityBrain runs at {self.place.origin()}/\n\n{logins.rstrip()}\n\nCtrl-C stops it.")
        while True:
            self._tend()
            time.sleep(TICK_SECONDS)

    def _require_broker(self) -> None:
        url = self._given.get("CELERY_BROKER_URL")
        if not url or url.startswith("filesystem:"):
            return
        try:
            with kombu.Connection(url, connect_timeout=5) as broker:
                broker.ensure_connection(max_retries=1, timeout=5)
        except (OperationalError, KeyError, ValueError) as error:
            message = f"CELERY_BROKER_URL: the broker does not answer: {error}"
            raise DemoError(message) from None

    def _open_database(self) -> database.Urls:
        if self.cluster is None:
            say("looking at the database that DATABASE_URL names")
            urls = database.of_environment(self._given, self.place.passwords)
            if not self.place.keyring.exists() and database.holds_data(urls):
                message = f"the database holds data but its keyring is not at {self.place.keyring}: put it there"
                raise DemoError(message)
        else:
            self._open_cluster(self.cluster)
            urls = database.of_cluster(self.cluster, self.place.passwords)
        if not self.place.keyring.exists():
            keyring.make(self.place.keyring)
        return urls

    def _open_cluster(self, cluster: Cluster) -> None:
        if cluster.folder.exists():
            place.require_complete(self.place, cluster.missing_part())
        else:
            say("making the database cluster")
            cluster.init()
        say("starting PostgreSQL")
        self._stack.callback(cluster.stop)
        cluster.start()

    def _environment(self) -> dict[str, str]:
        """Return what every process is given; the database's URLs come on top."""
        inherited = {name: value for name, value in self._given.items() if not name.startswith("DATABASE_")}
        return inherited | {
            "CELERY_BROKER_URL": self._given.get("CELERY_BROKER_URL") or OWN_BROKER,
            "CITYBRAIN_DEMO": "1",
            "CITYBRAIN_KEYRING": str(self.place.keyring),
            "CITYBRAIN_SITE_ORIGIN": self.place.origin(),
            "CITYBRAIN_STREAM_ORIGIN": self.place.origin(1),
            "CITYBRAIN_VAR": str(self.place.var),
            "DJANGO_SETTINGS_MODULE": "citybrain.settings",
            "PYTHONUNBUFFERED": "1",
        }

    def _start_processes(self, urls: database.Urls, environment: Mapping[str, str]) -> None:
        database.forget_beats(urls)
        table = processes.table(self.place.port)
        say(f"starting {', '.join(process.name for process in table)}")
        self._stack.callback(self._stop_processes)
        for process in table:
            roles = ("app", "retention") if process.name in RETENTION else ("app",)
            self._start(process, {**environment, **urls.environment(*roles)})

    def _start(self, process: Process, environment: Mapping[str, str]) -> None:
        child = Child(process, environment, self.place.logs)
        self.children.append(child)
        child.start()

    def _await_health(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            status, answer = health(self.place.port)
            if status == http.client.OK:
                return
            self._tend()
            for child in self.children:
                if child.deaths >= HOPELESS_DEATHS:
                    message = f"{child.name} does not start: {child.last_line()} (log: {child.log})"
                    raise DemoError(message)
            if time.monotonic() > deadline:
                message = f"not ready after {READY_SECONDS:.0f} s: {answer} (logs: {self.place.logs})"
                raise DemoError(message)
            time.sleep(TICK_SECONDS)

    def _tend(self) -> None:
        """Show codes, restart what died."""
        if self.cluster is not None and self.cluster.pid is None:
            self._restart_cluster(self.cluster)
        for child in self.children:
            for line in child.shown_lines():
                show(line)
            if died := child.tend():
                say(died)

    def _restart_cluster(self, cluster: Cluster) -> None:
        if time.monotonic() < self._cluster_due:
            return
        say("PostgreSQL died; starting it again")
        # Sessions of the dead server may hold its memory for a moment; then the next try succeeds.
        self._cluster_due = time.monotonic() + processes.FIRST_PAUSE
        try:
            cluster.start()
        except ClusterError as problem:
            say(str(problem))

    def _stop_processes(self) -> None:
        show("\nstopping")
        for child in self.children:
            child.terminate()
        deadline = time.monotonic() + processes.STOP_SECONDS
        for child in self.children:
            child.wait(deadline)


def health(port: int) -> tuple[int, str]:
    """Ask /healthz; return its status (0 when nothing answers) and the first line of the answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        return response.status, response.read(500).decode(errors="replace").partition("\n")[0]
    except (OSError, http.client.HTTPException):
        return 0, "the web process does not answer"
    finally:
        connection.close()


def _stop(_sign: int, _frame: FrameType | None) -> None:
    """Stop once; whoever presses Ctrl-C again must not cut the stopping short."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    raise Stopped
