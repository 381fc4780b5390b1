"""The live stream: server-sent events from a small ASGI process of its own.

`GET /stream/<channel>?ticket=…`: one JSON picture per second, built once for all listeners of a channel. The page
fetches a ticket for each connection. Account, session and grants are read again every RECHECK seconds; whoever has
lost one of them is cut off.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error, close_old_connections

from citybrain.core import beats, queries, scope
from citybrain.core.roles import Act
from citybrain.core.stream_ticket import Listener, accept

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger(__name__)

INTERVAL = 1.0
RECHECK = 10.0
# Channel → the permission it needs and the picture it sends.
CHANNELS: dict[str, tuple[Act, Callable[[], dict[str, object]]]] = {
    "system": (Act.RUN_SYSTEM, queries.system_picture),
}


class Pictures:
    """Builds each channel's picture at most once per interval, however many listen."""

    def __init__(self) -> None:
        self._latest: dict[str, tuple[float, str]] = {}
        self._lock = asyncio.Lock()

    async def get(self, channel: str) -> str:
        """Return the channel's picture as JSON, not older than the interval."""
        async with self._lock:
            built_at, text = self._latest.get(channel, (0.0, ""))
            if time.monotonic() - built_at >= INTERVAL * 0.9:
                text = json.dumps(await sync_to_async(_build)(channel))
                self._latest[channel] = (time.monotonic(), text)
            return text


def _build(channel: str) -> dict[str, object]:
    close_old_connections()
    return CHANNELS[channel][1]()


def _may_listen(listener: Listener, channel: str) -> bool:
    close_old_connections()
    user = listener.user()
    return user is not None and scope.of(user).may(CHANNELS[channel][0])


pictures = Pictures()


async def application(asgi: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer one ASGI connection."""
    if asgi["type"] == "lifespan":
        await _live(receive, send)
    elif asgi["type"] == "http":
        await _stream(asgi, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    await receive()
    beats.beat_in_background("stream")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _stream(asgi: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    channel = asgi["path"].removeprefix("/stream/")
    ticket = parse_qs(asgi["query_string"].decode("latin-1")).get("ticket", [""])[0]
    if asgi["method"] != "GET" or channel not in CHANNELS:
        await _refuse(send, 404)
        return
    listener = accept(ticket, channel)
    try:
        is_welcome = listener is not None and await sync_to_async(_may_listen)(listener, channel)
    except Error as error:
        log.warning("cannot admit a listener: %s", error)
        await _refuse(send, 503)
        return
    if listener is None or not is_welcome:
        await _refuse(send, 403)
        return
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    if settings.SITE_ORIGIN:
        headers.append((b"access-control-allow-origin", settings.SITE_ORIGIN.encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await _send_pictures(listener, channel, send, gone)
    except Error as error:
        log.warning("a stream ends, its listener will come back: %s", error)
    finally:
        is_gone = gone.done()
        gone.cancel()
    if not is_gone:
        await send({"type": "http.response.body", "body": b""})


async def _send_pictures(listener: Listener, channel: str, send: Send, gone: asyncio.Future[None]) -> None:
    """Send a picture each second until the listener is gone or may not listen any more."""
    checked_at = time.monotonic()
    while not gone.done():
        if time.monotonic() - checked_at >= RECHECK:
            if not await sync_to_async(_may_listen)(listener, channel):
                return
            checked_at = time.monotonic()
        picture = await pictures.get(channel)
        await send({"type": "http.response.body", "body": f"data: {picture}\n\n".encode(), "more_body": True})
        await asyncio.wait([gone], timeout=INTERVAL)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b""})
