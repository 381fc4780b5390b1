"""Who asks: a program by a signed request; what its key may do; how often it may ask."""

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from citybrain.core import clock
from healthcode.actions import app_keys
from healthcode.api import signing
from healthcode.models import AppKey
from healthcode.refusals import RefusalError

if TYPE_CHECKING:
    from rest_framework.views import APIView

WINDOW = dt.timedelta(seconds=signing.WINDOW)
# For keys that are not there: the same work is done.
_NOBODYS = "nobody's secret"


class SignedKey(BaseAuthentication):
    """Lets a program in by its signature; `request.auth` is then the key, and there is no user."""

    def authenticate(self, request: Request) -> tuple[None, AppKey]:
        """Return the key that signed the request; raise RefusalError for every other request."""
        names = (signing.KEY, signing.TIME, signing.NONCE, signing.SIGNATURE)
        key_id, time, nonce, signature = (request.headers.get(name, "") for name in names)
        if not (_is_uuid(key_id) and signing.TIME_SHAPE.fullmatch(time) and signing.NONCE_SHAPE.fullmatch(nonce)):
            raise RefusalError("signature_missing")
        text = signing.string_to_sign(
            method=request.method or "",
            target=_target(request),
            body=_body(request),
            time=time,
            nonce=nonce,
            key=key_id,
        )
        key = AppKey.objects.select_related("organisation__area").filter(ref=key_id).first()
        secrets = _secrets(key) if key else [_NOBODYS]
        # Every secret is tried, whichever fits.
        fits = [signing.is_signed(secret, text, signature) for secret in secrets]
        if key is None:
            raise RefusalError("unknown_key")
        if not any(fits):
            raise RefusalError("bad_signature", key=key.pk)
        _check_state(key)
        _check_time(key, int(time), nonce)
        return None, key

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 (DRF's signature)
        """Name the scheme, for answers that say that a signature is wanted."""
        return signing.SCHEME


class HasScope(BasePermission):
    """Lets a key in that has the view's scope; a view without one asks for any."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Raise RefusalError unless the key is good for what the view does."""
        key, wanted = key_of(request), getattr(view, "scope", "")
        if wanted and wanted not in key.scopes:
            raise RefusalError("scope_missing", key=key.pk)
        return True


class KeyRate(BaseThrottle):
    """Counts a key's requests in PostgreSQL, over the minutes and days of the clock."""

    def allow_request(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002 (DRF's signature)
        """Raise RefusalError when the key has asked too often."""
        key = key_of(request)
        counts = app_keys.count_request(key=key)
        if counts["minute"] > key.per_minute:
            raise RefusalError("rate_minute", key=key.pk)
        if counts["day"] > key.per_day:
            raise RefusalError("rate_day", key=key.pk)
        return True


class SignedKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the signature in OpenAPI, as far as that can say it."""

    target_class = SignedKey
    name = "signedKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002 (its signature)
        """Return the scheme."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": signing.SIGNATURE,
            "description": f"Hexadecimal HMAC-SHA256 of method, path with query, SHA-256 of the body, {signing.TIME}, "
            f"{signing.NONCE} and {signing.KEY}, line by line after {signing.SCHEME}. See docs/api.md.",
        }


def key_of(request: Request) -> AppKey:
    """Return the key of a request that was let in."""
    if not isinstance(request.auth, AppKey):
        raise RefusalError("signature_missing")
    return request.auth


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _target(request: Request) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"{request.path}?{query}" if query else request.path


def _body(request: Request) -> bytes:
    try:
        return request._request.body
    except RequestDataTooBig:
        raise RefusalError("too_large") from None
    except UnreadablePostError:
        raise RefusalError("not_json") from None


def _secrets(key: AppKey) -> list[str]:
    now = clock.now()
    found = [row for row in key.secrets.all() if row.until is None or row.until > now]
    for row in found:
        row.key = key
    return [row.reveal() for row in found] or [_NOBODYS]


def _check_state(key: AppKey) -> None:
    """Say what is wrong with a key to whoever has its secret, and to nobody else."""
    if key.state == AppKey.State.REVOKED:
        raise RefusalError("revoked", key=key.pk)
    if key.state != AppKey.State.IN_USE:
        raise RefusalError("not_in_use", key=key.pk)
    if key.has_run_out:
        raise RefusalError("key_expired", key=key.pk)


def _check_time(key: AppKey, time: int, nonce: str) -> None:
    sent, now = dt.datetime.fromtimestamp(time, dt.UTC), clock.now()
    if abs(now - sent) > WINDOW:
        raise RefusalError("stale", key=key.pk)
    # As long as the same request would be in time, and a little more.
    if not app_keys.use_nonce(key=key, nonce=nonce, until=max(sent, now) + 2 * WINDOW):
        raise RefusalError("replayed", key=key.pk)
