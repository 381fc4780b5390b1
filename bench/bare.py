"""The least that a web server can be asked: a WSGI application that answers with a few bytes and reads nothing."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b'{"result": "green"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def application(_environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer."""
    start_response("200 OK", HEADERS)
    return [BODY]
