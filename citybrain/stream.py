"""The live stream: server-sent events from a small ASGI process of its own.

`GET /stream/<channel>?ticket=…`: one JSON picture each second or oftener, built once for all listeners who are to see
the same. The page fetches a ticket for each connection. Account, session and grants are read again every RECHECK
seconds; whoever has lost one of them is cut off, whoever may see other things than before is shown those.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs
from weakref import WeakValueDictionary

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error, connection

from citybrain.core import beats, queries, scope
from citybrain.core.models import User
from citybrain.core.roles import Act
from citybrain.core.stream_ticket import Listener, accept
from community.queries import orders_picture
from dashboard.queries import areas_of, picture

P = ParamSpec("P")
T = TypeVar("T")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger(__name__)

RECHECK = 10.0
# A picture that takes long is built less often, so that building it takes at most this part of the time.
BUSY = 0.25
# Fewer than the pool has connections.
THREADS = ThreadPoolExecutor(4, thread_name_prefix="stream")


@dataclass(frozen=True)
class Channel:
    """The permission that it needs; what a listener is to see, who are sent the same picture; the picture of that."""

    act: Act
    key: Callable[[User], Hashable]
    picture: Callable[[Any], dict[str, Any]]
    interval: float = 1.0


CHANNELS = {
    "system": Channel(Act.RUN_SYSTEM, lambda _user: "all", lambda _all: queries.system_picture()),
    "orders": Channel(Act.HANDLE_ORDERS, lambda user: user.pk, orders_picture),
    "cockpit": Channel(Act.SEE_COCKPIT, areas_of, picture, interval=0.5),
}


class Feed:
    """The pictures of one channel and key: built once per interval, however many wait for them."""

    def __init__(self, channel: str, key: Hashable) -> None:
        """Begin with no picture."""
        self._channel, self._key = channel, key
        self._interval = CHANNELS[channel].interval
        self._begun_at = self._due_at = 0.0
        self._text = ""
        self._coming: asyncio.Task[None] | None = None

    async def newer_than(self, seen_at: float) -> tuple[float, str]:
        """Return the time and JSON of a picture begun after `seen_at`: the latest if it still holds, else the next."""
        if not seen_at < self._begun_at > time.monotonic() - self._interval:
            if self._coming is None or self._coming.done():
                self._coming = asyncio.create_task(self._build())
            # Who stops waiting does not stop it for the others.
            await asyncio.shield(self._coming)
        return self._begun_at, self._text

    async def _build(self) -> None:
        try:
            await asyncio.sleep(self._due_at - time.monotonic())
            begun_at = time.monotonic()
            self._text = await _in_thread(_build, self._channel, self._key)
        finally:
            self._coming = None
        cost = time.monotonic() - begun_at
        self._begun_at, self._due_at = begun_at, begun_at + max(self._interval, cost / BUSY)


class Feeds:
    """The feeds that somebody listens to; each goes with its last listener."""

    def __init__(self) -> None:
        """Begin with none."""
        self._open: WeakValueDictionary[tuple[str, Hashable], Feed] = WeakValueDictionary()

    def of(self, channel: str, key: Hashable) -> Feed:
        """Return the feed of a channel and key."""
        return self._open.setdefault((channel, key), Feed(channel, key))


feeds = Feeds()


def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
    """Run what asks the database in a thread, whose connection then goes back to the pool."""

    def run() -> T:
        try:
            return work(*args, **kwargs)
        finally:
            connection.close()

    return sync_to_async(run, thread_sensitive=False, executor=THREADS)()


def _build(channel: str, key: Hashable) -> str:
    return json.dumps(CHANNELS[channel].picture(key))


def _key(listener: Listener, channel: str) -> Hashable:
    """Return what a listener is to see; None when they may not listen (any more)."""
    user = listener.user()
    may_listen = user is not None and scope.of(user).may(CHANNELS[channel].act)
    return CHANNELS[channel].key(user) if user is not None and may_listen else None


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
        key = await _in_thread(_key, listener, channel) if listener else None
    except Error as error:
        log.warning("cannot admit a listener: %s", error)
        await _refuse(send, 503)
        return
    if listener is None or key is None:
        await _refuse(send, 403)
        return
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    if settings.SITE_ORIGIN:
        headers.append((b"access-control-allow-origin", settings.SITE_ORIGIN.encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone: asyncio.Future[Any] = asyncio.ensure_future(_disconnected(receive))
    try:
        await _send_pictures(listener, channel, key, send, gone)
    except Error as error:
        log.warning("a stream ends, its listener will come back: %s", error)
    finally:
        is_gone = gone.done()
        gone.cancel()
    if not is_gone:
        await send({"type": "http.response.body", "body": b""})


async def _send_pictures(
    listener: Listener, channel: str, key: Hashable, send: Send, gone: asyncio.Future[Any]
) -> None:
    """Send each new picture until the listener is gone or may not listen any more."""
    feed, seen_at, checked_at = feeds.of(channel, key), 0.0, time.monotonic()
    while True:
        coming: asyncio.Future[Any] = asyncio.ensure_future(feed.newer_than(seen_at))
        await asyncio.wait([gone, coming], return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            coming.cancel()
            return
        seen_at, text = coming.result()
        if time.monotonic() - checked_at >= RECHECK:
            checked_at, now = time.monotonic(), await _in_thread(_key, listener, channel)
            if now is None:
                return
            if now != key:
                # What was built is not for them any more.
                key, feed = now, feeds.of(channel, now)
                continue
        await send({"type": "http.response.body", "body": f"data: {text}\n\n".encode(), "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b""})
