"""The chain in a running district, seen from outside: the test walk, what it leaves behind, a consumer that stops."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests

from citybrain.demo.city.known import PASSWORD
from tests.running import Demo
from tests.smoke_embedded import ROOT

pytestmark = pytest.mark.slow

LINKS = 12
WORKER = "\0worker\0"
COUNTED = ("passes_today", "refused_today", "alerts", "orders")


def _smoke(demo: Demo) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CITYBRAIN_VAR": str(demo.var)}
    program = [sys.executable, "-m", "citybrain.demo.smoke", demo.url]
    return subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def _manage(demo: Demo, *arguments: str) -> str:
    # The worker alone is given the retention role.
    given = demo.environment(WORKER)
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=given, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def commander(demo: Demo) -> requests.Session:
    """The district's commander, signed in."""
    session = requests.Session()
    page = session.get(f"{demo.url}/sign-in/staff/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    answers = {"username": "commander01", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    session.post(f"{demo.url}/sign-in/staff/", answers, headers={"Referer": demo.url})
    return session


def _figures(demo: Demo, commander: requests.Session) -> dict[str, int]:
    page = commander.get(f"{demo.url}/cockpit/").text
    shown = re.findall(r'data-figure="(\w+)"[^>]*><span class="value">(\d+)<', page)
    return {name: int(value) for name, value in shown if name in COUNTED}


@pytest.fixture
def stopped_consumer(demo: Demo) -> Iterator[int]:
    """The pass consumer, standing still until the test is over."""
    consumer = demo.pid("pass_consumer")
    os.kill(consumer, signal.SIGSTOP)
    yield consumer
    os.kill(consumer, signal.SIGCONT)


def test_the_test_walk_goes_along_every_link_and_moves_no_figure_of_the_district(
    demo: Demo, commander: requests.Session
) -> None:
    before = _figures(demo, commander)
    for _walk in range(2):
        walked = _smoke(demo)
        assert walked.returncode == 0, walked.stdout + walked.stderr
        assert len(re.findall(r"^.+ \d+ ms$", walked.stdout, re.MULTILINE)) == LINKS
    assert _figures(demo, commander) == before


def test_what_a_test_walk_left_is_erased_and_the_next_one_walks_again(demo: Demo) -> None:
    assert _smoke(demo).returncode == 0
    erased = _manage(demo, "retention", "--smoke-minutes", "0")
    assert "core_person: 1" in erased
    assert "accesslog_pass: " in erased
    assert _manage(demo, "retention", "--smoke-minutes", "0") == "nothing to erase\n"
    assert _smoke(demo).returncode == 0


def test_the_test_walk_names_the_first_broken_link_and_fails(demo: Demo, stopped_consumer: int) -> None:
    walked = _smoke(demo)
    assert walked.returncode == 1
    assert walked.stderr.startswith("smoke: broken at pass → alert → order: ")


def test_with_the_consumer_stopped_passes_move_nothing_and_started_again_everything_agrees(
    demo: Demo, commander: requests.Session, stopped_consumer: int
) -> None:
    before = _figures(demo, commander)
    program = [sys.executable, "-m", "tests.thousand_passes", "--port", str(demo.port), "--passes", "50"]
    with subprocess.Popen(
        [*program, "--kills", "0", "--pause"],
        cwd=ROOT,
        env=demo.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as load:
        assert load.stdin
        assert load.stdout
        assert load.stdout.readline() == "sent\n"
        time.sleep(2)
        assert _figures(demo, commander) == before
        os.kill(stopped_consumer, signal.SIGCONT)
        told, _errors = load.communicate("go on\n", timeout=120)
    assert load.returncode == 0, told
    assert "nothing lost, nothing doubled" in told
    # Of ten persons one is green; the nine others are refused, each with an alert and an order.
    after = {"passes_today": 50, "refused_today": 45, "alerts": 45, "orders": 45}
    assert _figures(demo, commander) == {name: before[name] + count for name, count in after.items()}
