"""`make demo`, run for real: what goes wrong is one clear line, what dies comes back, what stops leaves nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from citybrain.demo.run import health
from tests.running import STILL
from tests.smoke_embedded import OURS, ROOT, await_health, free_ports, survivors

pytestmark = pytest.mark.slow


def _environment(var: Path, port: int, **more: str) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith((*OURS, "DJANGO_"))}
    return outside | STILL | {"CITYBRAIN_VAR": str(var), "PORT": str(port)} | more


def _failing_start(var: Path, port: int = 0, **more: str) -> str:
    """Return what a start that must fail says on stderr."""
    ended = subprocess.run(
        [sys.executable, "-m", "citybrain.demo"],
        cwd=ROOT,
        env=_environment(var, port or free_ports(), **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_taken_port_is_one_line_that_names_it(tmp_path: Path) -> None:
    port = free_ports()
    with socket.create_server(("127.0.0.1", port)):
        assert f"port {port} on 127.0.0.1 is taken" in _failing_start(tmp_path / "var", port)


def test_an_unreachable_database_is_one_line(tmp_path: Path) -> None:
    url = f"postgresql://nobody:secret@127.0.0.1:{free_ports()}/citybrain"
    said = _failing_start(tmp_path / "var", DATABASE_URL=url)
    assert "the database does not answer" in said
    assert "secret" not in said


@pytest.mark.parametrize("part", ["postgres", "postgres/data"])
def test_a_half_initialised_folder_is_one_line_that_says_what_to_remove(tmp_path: Path, part: str) -> None:
    (tmp_path / "var" / part).mkdir(parents=True)
    said = _failing_start(tmp_path / "var")
    assert "half-initialised" in said
    assert f"rm -r {tmp_path / 'var'}" in said


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("PORT", "http", "use a number from 1 to 65534"),
        ("RESIDENTS", "20,000", "use a number from 100 to 1000000"),
        ("DAYS", "29", "use a number from 0 to 28"),
        ("LIFE", "no", "use on or off"),
    ],
)
def test_a_value_that_cannot_be_is_one_line_that_says_what_can(
    tmp_path: Path, name: str, value: str, advice: str
) -> None:
    assert _failing_start(tmp_path / "var", free_ports(), **{name: value}) == f"{name} is {value!r}: {advice}\n"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    var, port = tmp_path_factory.mktemp("demo") / "var", free_ports()
    environment = _environment(var, port, LIFE="on")
    running = subprocess.Popen([sys.executable, "-m", "citybrain.demo"], cwd=ROOT, env=environment)
    try:
        await_health(running, port, time.monotonic() + 170)
        yield var, port
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
    assert survivors(var) == []


def _pid(var: Path, name: str) -> int:
    found = [pid for pid in _pids() if _is(pid, var, name)]
    assert len(found) == 1, found
    return found[0]


def _pids() -> list[int]:
    return [int(process.name) for process in Path("/proc").glob("[0-9]*")]


def _is(pid: int, var: Path, name: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return name.encode() in words and os.fsencode(var) in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def test_the_districts_own_life_is_no_part_of_the_system_and_is_started_again(demo: tuple[Path, int]) -> None:
    var, port = demo
    stopped = _await_pid(var, "live_demo")
    os.kill(stopped, signal.SIGSTOP)
    time.sleep(7)
    assert health(port)[0] == 200
    os.kill(stopped, signal.SIGKILL)
    assert _await_pid(var, "live_demo", but=stopped) != stopped


def _await_pid(var: Path, name: str, but: int = 0) -> int:
    deadline = time.monotonic() + 15
    while True:
        if found := [pid for pid in _pids() if pid != but and _is(pid, var, name)]:
            return found[0]
        assert time.monotonic() < deadline, f"no {name}"
        time.sleep(0.2)


@pytest.mark.parametrize("name", ["dispatcher", "sealer"])
def test_healthz_names_a_killed_process_until_it_is_back(demo: tuple[Path, int], name: str) -> None:
    var, port = demo
    os.kill(_pid(var, name), signal.SIGSTOP)
    deadline = time.monotonic() + 15
    while health(port) != (503, f"silent: {name}"):
        assert time.monotonic() < deadline, health(port)
        time.sleep(0.2)
    os.kill(_pid(var, name), signal.SIGKILL)
    while health(port)[0] != 200:
        assert time.monotonic() < deadline + 20, health(port)
        time.sleep(0.2)


def test_a_killed_database_comes_back_with_everything(demo: tuple[Path, int]) -> None:
    var, port = demo
    found = [pid for pid in _pids() if _is_server(pid, var)]
    assert len(found) == 1
    os.kill(found[0], signal.SIGKILL)
    deadline = time.monotonic() + 40
    time.sleep(1)
    while health(port)[0] != 200:
        assert time.monotonic() < deadline, health(port)
        time.sleep(0.2)


def _is_server(pid: int, var: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return words[0].endswith(b"/postgres") and os.fsencode(var / "postgres" / "data") in words


def test_a_second_start_in_the_same_folder_is_one_line(demo: tuple[Path, int]) -> None:
    var, _port = demo
    assert "another demo" in _failing_start(var)


def test_web_processes_hold_no_password_but_the_app_roles(demo: tuple[Path, int]) -> None:
    var, _port = demo
    passwords = json.loads((var / "roles.json").read_text())
    for name in ("citybrain.wsgi:application", "dispatcher", "sealer", "live_demo"):
        pids = [pid for pid in _pids() if _is(pid, var, name)]
        assert pids
        for pid in pids:
            environment = Path(f"/proc/{pid}/environ").read_text()
            assert passwords["app"] in environment
            assert passwords["owner"] not in environment
            assert passwords["retention"] not in environment


def test_a_database_of_ones_own_needs_one_url_that_may_create_roles(tmp_path: Path) -> None:
    """As an operator with a PostgreSQL of their own: here the one that the tests run on, in another database."""
    admin = os.environ["DATABASE_ADMIN_URL"]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    try:
        plain = admin.replace(admin.partition("//")[2].partition("@")[0], "plain:plain", 1)
        assert "DATABASE_OWNER_URL" in _failing_start(tmp_path / "var", DATABASE_URL=plain)
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP ROLE plain")
