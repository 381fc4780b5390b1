"""Is the system alive? For load balancers and the demo."""

from django.db import Error
from django.http import HttpRequest, HttpResponse

from citybrain.core import access, beats


@access.public("machines ask it; it tells process names only")
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Answer 200 when every process has beaten lately, else 503 with the names of those that have not."""
    try:
        silent = beats.silent()
    except Error:
        silent = ["database"]
    if silent:
        return HttpResponse(f"silent: {', '.join(silent)}\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")
