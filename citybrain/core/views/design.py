"""How pages look: the choice of large type, and the gallery of the parts that pages are made of."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from citybrain.core import access, display
from citybrain.core.forms import GalleryForm

KEPT = timedelta(days=365)


@access.public("everyone may read in the size they need")
@require_POST
def mode(request: HttpRequest) -> HttpResponse:
    """Keep the chosen size of type in this browser and go back to the page."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    response = redirect(back)
    chosen = request.POST.get("mode")
    if chosen in display.CHOICES:
        response.set_cookie(
            display.COOKIE,
            chosen,
            max_age=KEPT,
            secure=settings.SECURE_COOKIES,
            httponly=True,
            samesite="Lax",
        )
    return response


@access.public("it shows no data, and whoever tries a phone or a screen reader has no account")
@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """Show each component in all its states; `?mode=` shows them in another mode."""
    wanted = request.GET.get("mode")
    shown = wanted if wanted in {display.STANDARD, display.ELDER, display.WALL} else display.mode_of(request)
    frame = {"form": GalleryForm(), "wrong": GalleryForm({"day": "1"}), "display_mode": shown}
    return render(request, "core/design/gallery.html", frame)
