"""Middleware of every page."""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.cache import add_never_cache_headers

from citybrain.core import access
from citybrain.core.views import errors

Respond = Callable[[HttpRequest], HttpResponse]


class RefusedLookMiddleware:
    """Puts a refused look on record after the view's transaction has rolled back, then answers 403 or 404."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.respond(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a refusal and a number that does not open; leave every other exception to Django."""
        if isinstance(exception, InvalidTag):
            return errors.unreadable(request)
        if not isinstance(exception, access.RefusedLookError):
            return None
        access.put_on_record(request, exception)
        return errors.not_found(request) if exception.status == 404 else errors.forbidden(request)  # noqa: PLR2004


class NotAllowedMiddleware:
    """Gives Django's blank answer 405 words: it is met by whoever loads the answer to a form again."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Put a page in the place of an empty refusal of the method."""
        response = self.respond(request)
        if not isinstance(response, HttpResponseNotAllowed) or response.content:
            return response
        page = errors.not_allowed(request)
        page.headers["Allow"] = response.headers["Allow"]
        return page


class NoStoreMiddleware:
    """Keeps pages out of shared and disk caches: they carry personal data, and a device is handed on."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Mark the answer unless the view has said otherwise."""
        response = self.respond(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response
