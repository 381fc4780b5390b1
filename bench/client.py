"""`python -m bench.client`: sends HTTP requests over a few kept connections and counts the answers.

One process of its own with one loop and no library: beside a server on two cores it must not be what is measured. Takes
a pickled Plan on its standard input, prints {"seconds": …, "statuses": {…}}.
"""

import json
import pickle
import re
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import cast

from bench.rounds import Turn

LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
TIME_OUT_SECONDS = 30.0
NO_ANSWER = 0


@dataclass(frozen=True)
class Plan:
    """Where to, over how many connections, and each request as it goes over the wire."""

    port: int
    connections: int
    requests: list[bytes] = field(repr=False)


@dataclass
class Line:
    """One connection: what has arrived of the answer that it waits for."""

    socket: socket.socket
    arrived: bytes = b""


def send(plan: Plan) -> Turn:
    """Send everything in this process; each connection sends its next request when the last is answered."""
    waiting, statuses = deque(plan.requests), Counter[int]()
    selector = selectors.DefaultSelector()
    lines = [Line(socket.create_connection(("127.0.0.1", plan.port))) for _number in range(plan.connections)]
    began = time.perf_counter()
    for line in lines:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _go_on(line, waiting):
            selector.register(line.socket, selectors.EVENT_READ, line)
    while selector.get_map():
        ready = selector.select(TIME_OUT_SECONDS)
        if not ready:
            statuses[NO_ANSWER] += len(selector.get_map())
            break
        for key, _events in ready:
            line = cast("Line", key.data)
            status = _receive(line)
            if status is None:
                continue
            statuses[status] += 1
            if status == NO_ANSWER or not _go_on(line, waiting):
                selector.unregister(line.socket)
    seconds = time.perf_counter() - began
    statuses[NO_ANSWER] += len(waiting)
    for line in lines:
        line.socket.close()
    return Turn(len(plan.requests), seconds, +statuses)


def _go_on(line: Line, waiting: deque[bytes]) -> bool:
    if not waiting:
        return False
    line.socket.sendall(waiting.popleft())
    return True


def _receive(line: Line) -> int | None:
    """Read what has arrived; return the status when the answer is whole, NO_ANSWER when none will come."""
    try:
        chunk = line.socket.recv(65536)
    except OSError:
        chunk = b""
    if not chunk:
        return NO_ANSWER
    line.arrived += chunk
    head, found, body = line.arrived.partition(b"\r\n\r\n")
    if not found:
        return None
    length = LENGTH.search(head)
    if length is None or len(body) < int(length[1]):
        return None if length else NO_ANSWER
    line.arrived = b""
    return int(head.split(b" ", 2)[1])


def send_apart(plan: Plan) -> Turn:
    """Send everything from a process of its own."""
    command = [sys.executable, "-m", "bench.client"]
    answer = subprocess.run(command, input=pickle.dumps(plan), stdout=subprocess.PIPE, check=True)  # noqa: S603 (ours)
    told = json.loads(answer.stdout)
    statuses = {int(status): count for status, count in told["statuses"].items()}
    return Turn(len(plan.requests), told["seconds"], statuses)


def request(method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """Return a request as it goes over the wire."""
    fields = {"Host": "127.0.0.1", **(headers or {}), **({"Content-Length": str(len(body))} if body else {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def main() -> int:
    """Carry out the plan that comes in from the benchmark itself."""
    turn = send(pickle.loads(sys.stdin.buffer.read()))  # noqa: S301 (from the process that started this one)
    sys.stdout.write(json.dumps({"seconds": turn.seconds, "statuses": dict(turn.statuses)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
