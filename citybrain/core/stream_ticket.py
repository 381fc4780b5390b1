"""Tickets that open the live stream: it runs on another port and sees no session cookie."""

from datetime import timedelta

from django.core import signing

from citybrain.core.models import User

SALT = "citybrain.stream"
LIFE = timedelta(hours=12)


def issue(user: User, channel: str) -> str:
    """Return a signed ticket for one user and one channel."""
    return signing.dumps({"user": user.pk, "channel": channel}, salt=SALT, compress=False)


def accept(ticket: str, channel: str) -> int | None:
    """Return the user's id for a ticket of this channel that is genuine and fresh, else None."""
    try:
        content = signing.loads(ticket, salt=SALT, max_age=LIFE)
    except signing.BadSignature:
        return None
    return int(content["user"]) if content.get("channel") == channel else None
