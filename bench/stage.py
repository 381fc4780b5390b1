"""The stage of a benchmark with a system of its own: PostgreSQL as durable as in production, the demo's web server."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.rounds import RefusedError
from citybrain.core import keyring
from citybrain.core.database_roles import create_roles
from citybrain.demo import processes
from citybrain.demo.cluster import debian_bin
from tests.services import cluster_in

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0


@contextlib.contextmanager
def database(folder: Path) -> Iterator[None]:
    """Start PostgreSQL, make roles and tables, and name everything in the environment."""
    cluster = cluster_in(folder / "postgres", fsync=True)
    cluster.init()
    cluster.start()
    try:
        names = ("owner", "app", "retention")
        urls = {name: cluster.url(f"citybrain_{name}", secrets.token_urlsafe(12), "citybrain") for name in names}
        create_roles(cluster.admin_url, owner_url=urls["owner"], app_url=urls["app"], retention_url=urls["retention"])
        keyring.make(folder / "keyring.json")
        (folder / "static").mkdir()
        os.environ |= {
            "CELERY_BROKER_URL": "filesystem://",
            "CITYBRAIN_DEMO": "1",
            "CITYBRAIN_KEYRING": str(folder / "keyring.json"),
            "CITYBRAIN_LOG_LEVEL": "WARNING",
            "CITYBRAIN_VAR": str(folder),
            "DATABASE_OWNER_URL": urls["owner"],
            "DATABASE_URL": urls["app"],
            "DJANGO_SETTINGS_MODULE": "citybrain.settings",
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
        yield
    finally:
        if "django.db" in sys.modules and os.environ.get("DJANGO_SETTINGS_MODULE"):
            from django.db import connections  # noqa: PLC0415 (settings are ready only now)

            connections.close_all()
        cluster.stop()


@contextlib.contextmanager
def server(application: str, port: int) -> Iterator[None]:
    """Serve an application as the demo serves its pages; stop it in the end."""
    *arguments, _pages = next(one for one in processes.table(port) if one.name == "web").arguments
    running = subprocess.Popen([*arguments, application], cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603 (ours)
    try:
        _await(port, running)
        yield
    finally:
        running.terminate()
        running.wait()


def _await(port: int, running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RefusedError("the web server does not start")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def tool(name: str) -> str:
    """Return the path of one of PostgreSQL's programs."""
    binaries = debian_bin()
    if binaries is None or not (binaries / name).exists():
        raise RefusedError("postgresql-15 is not installed: `make test` as root installs it by apt")
    return str(binaries / name)


def version() -> str:
    """Return PostgreSQL's version."""
    told = subprocess.run([tool("postgres"), "--version"], capture_output=True, text=True, check=True)  # noqa: S603 (ours)
    return told.stdout.split()[2]
