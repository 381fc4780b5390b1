"""The system administrator's pages: is everything running, what is stuck."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from citybrain.core import access, queries
from citybrain.core.actions.outbox import requeue as requeue_delivery
from citybrain.core.roles import Act
from citybrain.core.stream_ticket import issue

PARKED_SHOWN = 100


@access.requires(Act.RUN_SYSTEM)
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Show every process's beat, the outbox and the audit chain; the live stream keeps it fresh."""
    frame = {
        "picture": queries.system_picture(),
        "parked": list(queries.parked_deliveries()[:PARKED_SHOWN]),
        "limit": int(settings.BEAT_LIMIT.total_seconds()),
    }
    return render(request, "core/system/status.html", frame)


@access.requires(Act.RUN_SYSTEM)
@require_safe
def ticket(request: HttpRequest) -> JsonResponse:
    """Answer the address that opens the live stream of this page within the next minute."""
    sealed = issue(access.signed_in(request), "system", request.session.session_key or "")
    return JsonResponse({"url": f"{settings.STREAM_ORIGIN}/stream/system?ticket={sealed}"})


@access.requires(Act.RUN_SYSTEM)
@require_POST
def requeue(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a parked delivery back in the queue."""
    if requeue_delivery(delivery_id=pk, by=access.signed_in(request)):
        messages.success(request, _("Back in the queue."))
    else:
        messages.info(request, _("This delivery is not parked any more."))
    return redirect("core:status")
