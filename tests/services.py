"""Pytest plugin (`-p tests.services`): a throw-away PostgreSQL 15 and Redis for the whole run.

Both listen on sockets in a temporary folder only. They are started before pytest-django reads the settings, which take
their addresses from the environment. CITYBRAIN_TEST_SERVICES=off leaves the environment as it is.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from citybrain.core import keyring
from citybrain.core.database_roles import create_roles
from citybrain.demo.cluster import Cluster, ClusterError, debian_bin

DATABASE = "citybrain"
ROLES = ("owner", "app", "retention")
# Nothing here outlives the run, so nothing waits for the disk.
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
REDIS_START_SECONDS = 5.0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Start the services around everything that reads settings; they stop with the session."""
    if os.environ.get("CITYBRAIN_TEST_SERVICES") != "off":
        _require_packages()
        start(early_config)
    return (yield)


def cluster_in(folder: Path, *, fsync: bool = False) -> Cluster:
    """Return a cluster of the tests' PostgreSQL for a test that needs one of its own: `init()`, `start()`, `stop()`.

    With `fsync` it is as durable as in production, for tests that kill processes.
    """
    return Cluster(_binaries(), folder, settings={"max_connections": "200"} if fsync else UNSAFE)


def start(config: pytest.Config) -> None:
    """Start both services and name them in the environment."""
    folder = Path(tempfile.mkdtemp(prefix="citybrain-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    cluster = cluster_in(folder / "postgres")
    config.add_cleanup(cluster.stop)
    broker = _start_redis(config, folder)
    try:
        cluster.init()
        cluster.start()
    except ClusterError as problem:
        raise pytest.UsageError(str(problem)) from None
    _await_socket(folder / "redis.sock")
    keyring.make(folder / "keyring.json")
    urls = {role: cluster.url(f"citybrain_{role}", secrets.token_urlsafe(12), DATABASE) for role in ROLES}
    create_roles(cluster.admin_url, owner_url=urls["owner"], app_url=urls["app"], retention_url=urls["retention"])
    os.environ |= {
        "CELERY_BROKER_URL": broker,
        "CITYBRAIN_DEMO": "1",
        "CITYBRAIN_KEYRING": str(folder / "keyring.json"),
        "CITYBRAIN_VAR": str(folder),
        "DATABASE_ADMIN_URL": cluster.admin_url,
        "DATABASE_OWNER_URL": urls["owner"],
        "DATABASE_RETENTION_URL": urls["retention"],
        "DATABASE_URL": urls["app"],
        "DJANGO_SETTINGS_MODULE": "citybrain.settings",
    }


def _binaries() -> Path:
    binaries = debian_bin()
    if binaries is None:
        message = "postgresql-15 is not installed"
        raise ClusterError(message)
    return binaries


def _require_packages() -> None:
    found = {"postgresql-15": debian_bin(), "redis-server": shutil.which("redis-server")}
    missing = [package for package, place in found.items() if not place]
    if missing:
        message = f"the tests need {' and '.join(missing)}: `make test` as root installs what is missing by apt"
        raise pytest.UsageError(message)


def _start_redis(config: pytest.Config, folder: Path) -> str:
    """Start Redis without waiting for it; return its URL as Celery reads it."""
    socket = folder / "redis.sock"
    quiet = ["--save", "", "--appendonly", "no", "--logfile", str(folder / "redis.log")]
    server = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "redis-server", "--port", "0", "--unixsocket", str(socket), *quiet],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )

    def stop() -> None:
        server.kill()
        server.wait()

    config.add_cleanup(stop)
    return f"redis+socket://{socket}"


def _await_socket(socket: Path) -> None:
    deadline = time.monotonic() + REDIS_START_SECONDS
    while not socket.is_socket():
        if time.monotonic() > deadline:
            message = f"redis-server does not start: see {socket.with_suffix('.log')}"
            raise pytest.UsageError(message)
        time.sleep(0.01)
