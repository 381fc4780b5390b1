"""Unit tests cannot reach the network or the database."""

import socket
import urllib.request
from collections.abc import Callable

import pytest
from django.db import connection
from pytest_socket import SocketBlockedError

# pytest-socket warns before it raises, and warnings are errors here.
BLOCKED = (SocketBlockedError, UserWarning)


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.socket(),
        lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
        lambda: socket.getaddrinfo("localhost", 80),
        lambda: urllib.request.urlopen("http://127.0.0.1:9/", timeout=1),
    ],
    ids=["socket", "connection", "name", "page"],
)
def test_a_unit_test_cannot_reach_the_network(reach: Callable[[], object]) -> None:
    with pytest.raises(BLOCKED, match="A test tried to use socket"):
        reach()


def test_a_unit_test_cannot_ask_the_database() -> None:
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        connection.ensure_connection()
