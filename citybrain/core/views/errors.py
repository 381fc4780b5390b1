"""Error pages that say what happened and what to do next."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader

from citybrain.core import display

TOO_MUCH = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400, or 413 where a form holds more than is taken."""
    if isinstance(exception, TOO_MUCH):
        return render(request, "core/errors/413.html", status=413)
    return render(request, "core/errors/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Answer 403."""
    return render(request, "core/errors/403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Answer 404, the same for what does not exist and for what is not yours to see."""
    return render(request, "core/errors/404.html", status=404)


def not_allowed(request: HttpRequest) -> HttpResponse:
    """Answer 405."""
    return render(request, "core/errors/405.html", status=405)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without the database, sessions or context processors: any of them may be what broke."""
    page = loader.get_template("core/errors/500.html").render({"display_mode": display.mode_of(request)})
    return HttpResponse(page, status=500)


def unreadable(request: HttpRequest) -> HttpResponse:
    """Answer a page with a sealed number that does not open; whoever tried to open it has logged which."""
    return render(request, "core/errors/unreadable.html", status=500)


def form_too_old(request: HttpRequest, **_reason: Any) -> HttpResponse:
    """Answer a form whose anti-forgery token is missing or from an older session."""
    return render(request, "core/errors/form_too_old.html", status=403)
