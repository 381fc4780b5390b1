"""Message gateway: how a one-time code reaches a phone."""

import http.client
import json
import logging
import sys
import urllib.error
import urllib.request
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

log = logging.getLogger(__name__)

# One silent server must not hold the web's threads for long.
TIME_OUT_SECONDS = 5.0


class Gateway(Protocol):
    """What a gateway to phones must do."""

    def send(self, phone: str, text: str) -> None:
        """Hand the text over; raise GatewayError when it was not taken."""


class GatewayError(Exception):
    """The gateway did not take the message."""


class ConsoleGateway:
    """Prints the message: for the demo only, as it puts codes into the log."""

    def send(self, phone: str, text: str) -> None:
        """Print one line that begins with SMS; the number is masked."""
        sys.stdout.write(f"SMS to {mask_phone(phone)}: {text}\n")
        sys.stdout.flush()


class HttpGateway:
    """Posts {"phone", "text"} as JSON with a bearer token to settings.MESSAGE_GATEWAY_URL.

    Any answer of the 200s means that the message was taken. Neither text nor number is ever logged.
    """

    def send(self, phone: str, text: str) -> None:
        """Post the message; raise GatewayError on any other answer, and when there is none in 5 seconds."""
        if not is_safe_url(settings.MESSAGE_GATEWAY_URL):
            message = "the message gateway's address is neither https nor 127.0.0.1"
            raise GatewayError(message)
        request = urllib.request.Request(  # noqa: S310 (the scheme is checked above)
            settings.MESSAGE_GATEWAY_URL,
            data=json.dumps({"phone": phone, "text": text}).encode(),
            headers={
                "Authorization": f"Bearer {settings.MESSAGE_GATEWAY_TOKEN}",
                "Content-Type": "application/json",
            },
        )
        try:
            with _opener().open(request, timeout=TIME_OUT_SECONDS):
                return
        except urllib.error.HTTPError as answer:
            problem = f"status {answer.code}"
            answer.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = type(error).__name__
        log.warning("the message gateway took no message: %s", problem)
        raise GatewayError(problem)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Lets a redirect be an error: following it would hand the token to another host."""

    def redirect_request(self, *_arguments: Any) -> None:
        """Go nowhere."""


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that follows no redirect and sends nothing readable through a proxy."""
    proxies = {scheme: url for scheme, url in urllib.request.getproxies().items() if scheme == "https"}
    return urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler(proxies))


def is_safe_url(url: str) -> bool:
    """Whether nobody on the way can read what is sent there: https, or this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host == "127.0.0.1"))


def mask_phone(phone: str) -> str:
    """Keep the first three and the last four digits: 139****0001."""
    return f"{phone[:3]}****{phone[-4:]}"


def send(phone: str, text: str) -> None:
    """Send through the gateway named in settings.MESSAGE_GATEWAY."""
    gateway: Gateway = import_string(settings.MESSAGE_GATEWAY)()
    gateway.send(phone, text)
