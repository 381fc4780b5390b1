"""Message gateway: how a one-time code reaches a phone."""

import sys
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class Gateway(Protocol):
    """What a gateway to phones must do."""

    def send(self, phone: str, text: str) -> None:
        """Hand the text over; raise GatewayError when it was not taken."""


class GatewayError(Exception):
    """The gateway did not take the message."""


class ConsoleGateway:
    """Prints the message: for the demo and for development."""

    def send(self, phone: str, text: str) -> None:
        """Print one line that begins with SMS; the number is masked."""
        sys.stdout.write(f"SMS to {mask_phone(phone)}: {text}\n")
        sys.stdout.flush()


def mask_phone(phone: str) -> str:
    """Keep the first three and the last four digits: 139****0001."""
    return f"{phone[:3]}****{phone[-4:]}"


def send(phone: str, text: str) -> None:
    """Send through the gateway named in settings.MESSAGE_GATEWAY."""
    gateway: Gateway = import_string(settings.MESSAGE_GATEWAY)()
    gateway.send(phone, text)
