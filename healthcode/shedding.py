"""Shedding: of what the code page asks the database for, only so much at once: the code itself is never kept waiting.

One count for each web process. Extras are let in up to a lower number than the state, so they are the first to be sent
away; the page itself needs no place. A request sent away costs nothing but its answer: 503 and when to come again.
"""

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
# Seconds; a page adds a random part of its own, so that not all come back at once.
RETRY_AFTER = "30"
NO_DATABASE = (OperationalError, InterfaceError)
log = logging.getLogger(__name__)


class FullError(Exception):
    """As many requests as may are under way already."""


class Places:
    """How many requests are under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    @contextmanager
    def place(self, at_most: int) -> Iterator[None]:
        """Hold a place; raise FullError at once when `at_most` or more are taken."""
        with self._lock:
            if self._taken >= at_most:
                raise FullError
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1


PLACES = Places()


def shed(setting: str) -> Callable[[View[P]], View[P]]:
    """Let a view in as long as fewer are under way than a setting says; else, and without a database, answer 503."""

    def declare(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                with PLACES.place(getattr(settings, setting)):
                    return view(request, *args, **kwargs)
            except FullError:
                return busy()
            except NO_DATABASE as problem:
                log.warning("no database for %s: %s", request.path, problem)
                return busy()

        return answered

    return declare


def busy(content: str = "") -> HttpResponse:
    """Answer that there is no room just now, and when to come again."""
    return HttpResponse(content, status=503, headers={"Retry-After": RETRY_AFTER})
