"""The HTTP message gateway, against a server of this machine."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from citybrain.core import gateway

PHONE, TEXT = "13900000001", "验证码 123456"


@dataclass
class Sms:
    """What the server was sent, and what it answers."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    silent: threading.Event | None = None
    received: list[tuple[str, Any, bytes]] = field(default_factory=list)


@pytest.fixture
def sms(settings: Any) -> Iterator[Sms]:
    """A message server on 127.0.0.1 that the gateway is pointed at."""
    state = Sms()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.received.append((f"{self.command} {self.path}", self.headers, body))
            if state.silent:
                state.silent.wait(10)
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_POST = do_GET = _answer  # noqa: N815 (the base class names them)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        settings.MESSAGE_GATEWAY = "citybrain.core.gateway.HttpGateway"
        settings.MESSAGE_GATEWAY_URL = f"http://127.0.0.1:{state.port}/send"
        settings.MESSAGE_GATEWAY_TOKEN = "secret-token"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        if state.silent:
            state.silent.set()
        server.shutdown()
        thread.join()


def test_a_message_is_posted_as_json_with_the_bearer_token(sms: Sms) -> None:
    gateway.send(PHONE, TEXT)
    [(line, headers, body)] = sms.received
    assert line == "POST /send"
    assert json.loads(body) == {"phone": PHONE, "text": TEXT}
    assert headers["Authorization"] == "Bearer secret-token"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_answer_of_the_200s_means_taken(sms: Sms, status: int) -> None:
    sms.status = status
    gateway.send(PHONE, TEXT)


@pytest.mark.parametrize("status", [304, 400, 401, 429, 500, 503])
def test_any_other_answer_is_a_gateway_error(sms: Sms, status: int) -> None:
    sms.status = status
    with pytest.raises(gateway.GatewayError, match=str(status)):
        gateway.send(PHONE, TEXT)


def test_a_redirect_is_an_error_and_the_token_goes_nowhere_else(sms: Sms) -> None:
    sms.status, sms.headers = 302, {"Location": f"http://127.0.0.1:{sms.port}/elsewhere"}
    with pytest.raises(gateway.GatewayError):
        gateway.send(PHONE, TEXT)
    assert len(sms.received) == 1


def test_a_server_that_does_not_answer_in_time_is_a_gateway_error(sms: Sms, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gateway.TIME_OUT_SECONDS == 5
    monkeypatch.setattr(gateway, "TIME_OUT_SECONDS", 0.2)
    sms.silent = threading.Event()
    with pytest.raises(gateway.GatewayError):
        gateway.send(PHONE, TEXT)


def test_a_server_that_is_not_there_is_a_gateway_error(sms: Sms, settings: Any) -> None:
    settings.MESSAGE_GATEWAY_URL = "http://127.0.0.1:1/send"
    with pytest.raises(gateway.GatewayError):
        gateway.send(PHONE, TEXT)


def test_a_proxy_of_the_environment_never_gets_a_readable_message(sms: Sms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    gateway.send(PHONE, TEXT)
    assert len(sms.received) == 1


@pytest.mark.parametrize(
    "url", ["", "http://sms.example/", "http://localhost/", "http://127.0.0.1.evil.example/", "ftp://127.0.0.1/", "//x"]
)
def test_nothing_is_sent_where_others_could_read_it(sms: Sms, settings: Any, url: str) -> None:
    settings.MESSAGE_GATEWAY_URL = url
    with pytest.raises(gateway.GatewayError, match="neither https nor"):
        gateway.send(PHONE, TEXT)


@pytest.mark.parametrize("url", ["https://sms.example/send", "http://127.0.0.1:8080/send"])
def test_https_and_this_machine_are_safe(url: str) -> None:
    assert gateway.is_safe_url(url)


def _fail(sms: Sms) -> None:
    sms.status = 500


@pytest.mark.parametrize("prepare", [lambda _sms: None, _fail])
def test_neither_text_nor_number_nor_token_is_logged_or_printed(
    sms: Sms,
    prepare: Callable[[Sms], None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    prepare(sms)
    caplog.set_level(logging.DEBUG)
    try:
        gateway.send(PHONE, TEXT)
    except gateway.GatewayError as error:
        said = str(error)
    else:
        said = ""
    said += caplog.text + "".join(capfd.readouterr())
    assert not [secret for secret in (TEXT, "123456", PHONE, "secret-token") if secret in said]
