"""What a start is refused for, and what the settings make of the environment, in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

CONSOLE = "citybrain.core.gateway.ConsoleGateway"
HTTP = "citybrain.core.gateway.HttpGateway"
OWN = "district.sms.Gateway"
SAFE = {
    "CITYBRAIN_MESSAGE_GATEWAY_URL": "https://sms.example/send",
    "CITYBRAIN_MESSAGE_GATEWAY_TOKEN": "t",
    "CITYBRAIN_ISSUER": "330103",
}
SHOW = "import json; from django.conf import settings; print(json.dumps([getattr(settings, n) for n in {names}]))"


def _start(names: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Load the settings with this environment on top of what the tests are given, and print some of them."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CITYBRAIN_MESSAGE")}
    return subprocess.run(
        [sys.executable, "-c", SHOW.format(names=names)],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _settings(*names: str, **environment: str) -> list[object]:
    run = _start(list(names), **environment)
    assert run.returncode == 0, run.stderr
    found: list[object] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({}, "CITYBRAIN_MESSAGE_GATEWAY is not set"),
        ({"CITYBRAIN_MESSAGE_GATEWAY": CONSOLE}, "CITYBRAIN_MESSAGE_GATEWAY would print"),
        ({"CITYBRAIN_MESSAGE_GATEWAY": HTTP}, "CITYBRAIN_MESSAGE_GATEWAY_URL is"),
        (
            {"CITYBRAIN_MESSAGE_GATEWAY": HTTP, **SAFE, "CITYBRAIN_MESSAGE_GATEWAY_URL": "http://sms.example/"},
            "CITYBRAIN_MESSAGE_GATEWAY_URL is",
        ),
        (
            {"CITYBRAIN_MESSAGE_GATEWAY": HTTP, **SAFE, "CITYBRAIN_MESSAGE_GATEWAY_TOKEN": ""},
            "CITYBRAIN_MESSAGE_GATEWAY_TOKEN is not set",
        ),
    ],
)
def test_outside_the_demo_a_start_without_a_safe_message_gateway_is_refused_with_one_line(
    environment: dict[str, str], variable: str
) -> None:
    run = _start(["DEMO"], CITYBRAIN_DEMO="0", **environment)
    assert run.returncode == 1
    assert run.stderr.startswith(variable)
    assert len(run.stderr.splitlines()) == 1


def test_outside_the_demo_a_gateway_that_prints_nothing_lets_it_start() -> None:
    assert _settings("MESSAGE_GATEWAY", CITYBRAIN_DEMO="0", CITYBRAIN_MESSAGE_GATEWAY=HTTP, **SAFE) == [HTTP]
    assert _settings("MESSAGE_GATEWAY", CITYBRAIN_DEMO="0", CITYBRAIN_MESSAGE_GATEWAY=OWN, **SAFE) == [OWN]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"CITYBRAIN_ISSUER": ""}, "CITYBRAIN_ISSUER is not set"),
        ({"CITYBRAIN_ISSUER": "3301"}, "CITYBRAIN_ISSUER is '3301'"),
        ({"CITYBRAIN_PAPER_CODE_DAYS": "0"}, "CITYBRAIN_PAPER_CODE_DAYS is 0"),
        ({"CITYBRAIN_FOREIGN_KEYS": "/nowhere/keys.json"}, "the keys of other regions in /nowhere/keys.json"),
    ],
)
def test_a_start_without_a_whole_setting_of_the_signed_codes_is_refused_with_one_line(
    environment: dict[str, str], problem: str
) -> None:
    run = _start(["DEMO"], **{"CITYBRAIN_DEMO": "0", "CITYBRAIN_MESSAGE_GATEWAY": HTTP, **SAFE, **environment})
    assert run.returncode == 1
    assert run.stderr.startswith(problem)
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_demo_prints_codes_unless_it_is_given_a_gateway() -> None:
    assert _settings("MESSAGE_GATEWAY", CITYBRAIN_DEMO="1") == [CONSOLE]
    assert _settings("MESSAGE_GATEWAY", CITYBRAIN_DEMO="1", CITYBRAIN_MESSAGE_GATEWAY=OWN) == [OWN]


@pytest.mark.slow
def test_secure_cookies_bring_a_year_of_https_only_and_no_redirect_of_our_own() -> None:
    names = ("SECURE_HSTS_SECONDS", "SECURE_SSL_REDIRECT")
    assert _settings(*names, CITYBRAIN_SECURE_COOKIES="1") == [365 * 24 * 3600, False]
    assert _settings(*names, CITYBRAIN_SECURE_COOKIES="0") == [0, False]


@pytest.mark.slow
def test_the_proxy_is_believed_only_when_the_setting_says_so() -> None:
    names = ("BEHIND_PROXY", "SECURE_PROXY_SSL_HEADER")
    assert _settings(*names, CITYBRAIN_BEHIND_PROXY="1") == [True, ["HTTP_X_FORWARDED_PROTO", "https"]]
    assert _settings(*names, CITYBRAIN_BEHIND_PROXY="0") == [False, None]


@pytest.mark.slow
def test_every_periodic_task_of_the_schedule_exists() -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "import django; django.setup(); from citybrain.celery import app; app.loader.import_default_modules(); "
            "print(*{entry['task'] for entry in app.conf.beat_schedule.values()} - set(app.tasks))",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout.strip() == ""
