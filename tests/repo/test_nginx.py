"""nginx as operators are given it, really running, before a web and a stream of cardboard."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings

from tests.nginx import FRAME, NAME, running

pytestmark = pytest.mark.slow

PAUSE = 0.6
HEADERS = {"Strict-Transport-Security": "max-age=31536000", "X-Content-Type-Options": "nosniff"}


class Web(BaseHTTPRequestHandler):
    """Answers with the headers that it was sent, and with headers as the application's."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(200)
        for name, value in {**HEADERS, "Content-Type": "text/html", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 (the parent's name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the parent's name)
        """Say nothing."""


class Stream(Web):
    """Sends two events with a pause between them."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(2):
            self.wfile.write(b"data: %d\n\n" % number)
            time.sleep(PAUSE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return nginx's folder, with static files."""
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "static" / "js").mkdir(parents=True)
    for name in ("app.0123456789ab.css", "js/scan-worker.0123456789ab.js"):
        (folder / "static" / name).write_text("plain")
        (folder / "static" / f"{name}.gz").write_bytes(b"compressed beforehand")
    return folder


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    """Run nginx; hand over its port of HTTP."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in (Web, Stream)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with running(folder, web=servers[0].server_port, stream=servers[1].server_port) as http_port:
        yield http_port
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def browser(port: int) -> Iterator[http.client.HTTPSConnection]:
    """Return a connection by HTTPS."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port + 1, context=trusting, timeout=10)
    yield connection
    connection.close()


def _ask(
    browser: http.client.HTTPSConnection, path: str, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    browser.request(method, path, body, {"Host": NAME, **{name.replace("_", "-"): v for name, v in headers.items()}})
    answer = browser.getresponse()
    return answer, answer.read()


def test_http_leads_to_https(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/code/?a=1", headers={"Host": NAME})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{NAME}/code/?a=1")
    connection.close()


def test_what_a_client_says_of_its_address_does_not_reach_the_application(
    browser: http.client.HTTPSConnection,
) -> None:
    _answer, body = _ask(browser, "/", X_Forwarded_For="8.8.8.8", X_Forwarded_Proto="http")
    seen = json.loads(body)
    assert (seen["X-Forwarded-For"], seen["X-Forwarded-Proto"], seen["Host"]) == ("127.0.0.1", "https", NAME)


def test_security_headers_stand_once_whoever_answers(browser: http.client.HTTPSConnection) -> None:
    for path in ("/", "/static/app.0123456789ab.css"):
        answer, _body = _ask(browser, path)
        assert answer.status == 200
        assert {name: answer.headers.get_all(name) for name in HEADERS} == {n: [v] for n, v in HEADERS.items()}, path


def test_static_files_are_sent_compressed_and_kept_for_good(browser: http.client.HTTPSConnection) -> None:
    answer, body = _ask(browser, "/static/app.0123456789ab.css", Accept_Encoding="gzip")
    assert body == b"compressed beforehand"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Type"] == "text/css"
    assert "Content-Security-Policy" not in answer.headers
    answer, _body = _ask(browser, "/static/js/scan-worker.0123456789ab.js")
    assert answer.headers["Content-Security-Policy"] == settings._WORKER_POLICY


def test_more_than_a_form_of_ours_sends_is_refused_before_the_application_sees_it(
    browser: http.client.HTTPSConnection,
) -> None:
    answer, _body = _ask(browser, "/orders/", "POST", Content_Length=str(settings.UPLOAD_TOTAL * 2))
    assert answer.status == 413


def test_each_event_of_the_live_stream_goes_out_at_once(browser: http.client.HTTPSConnection) -> None:
    browser.request("GET", "/stream/cockpit?ticket=secret", headers={"Host": NAME, "Accept-Encoding": "gzip"})
    began = time.monotonic()
    answer = browser.getresponse()
    assert answer.readline() == b"data: 0\n"
    assert time.monotonic() - began < PAUSE
    assert answer.read().endswith(b"data: 1\n\n")


def test_whoever_sends_the_sign_in_form_too_often_waits_and_everybody_else_goes_on(
    browser: http.client.HTTPSConnection,
) -> None:
    answers = [_ask(browser, "/sign-in/staff/", "POST") for _number in range(40)]
    refused = [body for answer, body in answers if answer.status == 429]
    assert 5 <= len(refused) <= 10
    assert "请求太多".encode() in refused[0]
    assert _ask(browser, "/sign-in/staff/")[0].status == _ask(browser, "/", "POST")[0].status == 200


def test_the_addresses_of_one_connection_by_ipv6_count_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    believing = "http {{\n    set_real_ip_from 127.0.0.1;\n    real_ip_header X-Client;"
    monkeypatch.setattr("tests.nginx.FRAME", FRAME.replace("http {{", believing))
    with running(tmp_path, web=1, stream=1) as http_port:
        connection = http.client.HTTPSConnection("127.0.0.1", http_port + 1, context=ssl._create_unverified_context())  # noqa: S323 (our own certificate)

        def refused(form: str) -> int:
            answers = (_ask(connection, "/sign-in/", "POST", X_Client=form.format(number)) for number in range(40))
            return [answer.status for answer, _body in answers].count(429)

        assert 5 <= refused("2001:db8:a:b::{0}") <= 10
        assert 5 <= refused("2001:db8:a:c:{0}:{0}:{0}:{0}") <= 10
        assert refused("2001:db8:a:{0}d::1") == 0
        assert refused("198.51.100.{0}") == refused("::ffff:198.51.100.1{0}") == 0
        connection.close()


def test_the_log_of_requests_keeps_no_name_that_was_searched_for_and_no_ticket(
    browser: http.client.HTTPSConnection, folder: Path
) -> None:
    _ask(browser, "/residents/?name=secret", Referer="https://x/?name=secret")
    _ask(browser, "/stream/cockpit?ticket=secret")
    log = (folder / "citybrain.log").read_text()
    assert "GET /residents/ 200" in log
    assert "secret" not in log


def test_while_the_application_is_away_people_read_what_to_do(tmp_path: Path) -> None:
    with running(tmp_path, web=1, stream=1) as http_port:
        trusting = ssl._create_unverified_context()  # noqa: S323 (our own certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", http_port + 1, context=trusting)
        answer, body = _ask(connection, "/code/")
        connection.close()
    assert answer.status == 502
    assert "请向值守人员出示身份证件".encode() in body
