"""A code that a program called: the person's own terminal opens it, once."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from citybrain.core import access
from healthcode import showing
from healthcode.actions import services

BY_TICKET = "the person agreed by a one-time code; the ticket in the address is signed, good for two minutes and once"


@access.public(BY_TICKET)
@require_http_methods(["GET", "HEAD", "POST"])
def code_called(request: HttpRequest, ticket: str) -> HttpResponse:
    """Say what will be shown; show it when that is confirmed, so that no preview of a link uses it up."""
    if request.method == "POST":
        person = services.open_called(ticket)
        if person is not None:
            response = redirect(f"{reverse('healthcode:code')}?opened=1")
            showing.remember(response, showing.look_up(person, None))
            return response
    consent = services.called(ticket)
    frame = {"consent": consent, "ticket": ticket}
    return render(request, "healthcode/app_keys/called.html", frame, status=200 if consent else 410)
