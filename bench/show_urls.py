"""The product's URLs, and before them views that answer the same to everybody behind the same middleware."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from citybrain import urls
from citybrain.core import access

OK = "ok"
# As long as the code page, for a second comparison: what of the difference is the number of bytes.
LONG = "x" * 6000


@access.public("the benchmark's baseline")
def ok(_request: HttpRequest) -> HttpResponse:
    """Answer two characters."""
    return HttpResponse(OK)


@access.public("the benchmark's baseline")
def long(_request: HttpRequest) -> HttpResponse:
    """Answer as many characters as the code page has."""
    return HttpResponse(LONG)


urlpatterns = [
    # First, so that finding them costs least.
    path("constant/ok/", ok),
    path("constant/long/", long),
    *urls.urlpatterns,
]

handler400 = "citybrain.core.views.errors.bad_request"
handler403 = "citybrain.core.views.errors.forbidden"
handler404 = "citybrain.core.views.errors.not_found"
handler500 = "citybrain.core.views.errors.server_error"
