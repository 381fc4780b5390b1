"""Which enrolled device a request comes from: a cookie that scripts cannot read and other sites cannot send."""

import secrets
import uuid
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accesslog.actions.devices import secret_digests
from accesslog.models import Device

COOKIE = "citybrain_device"
COOKIE_LIFE = timedelta(days=180)
# Sent to the gate's pages and nowhere else.
PATH = "/gate/"


def of(request: HttpRequest) -> Device | None:
    """Return the device with its point and place; None for a browser that is none, or is none any more."""
    ref, _dot, secret = request.COOKIES.get(COOKIE, "").partition(".")
    try:
        known = Device.objects.select_related("point__place__area").filter(ref=uuid.UUID(ref)).first()
    except ValueError:
        return None
    if known is None or not known.secret_digest:
        return None
    is_ours = any(secrets.compare_digest(known.secret_digest, digest) for digest in secret_digests(secret))
    return known if is_ours else None


def give(response: HttpResponse, device: Device, secret: str) -> None:
    """Make the browser that gets this answer the device."""
    response.set_cookie(
        COOKIE,
        f"{device.ref}.{secret}",
        max_age=COOKIE_LIFE,
        path=PATH,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Strict",
    )
