"""Tickets that open the live stream: it runs on another port and sees no session cookie.

A ticket stands in a URL, so it tells nothing (it is sealed), opens a connection within a minute only, and is worth
nothing without the session that it was issued in.
"""

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.utils.crypto import constant_time_compare

from citybrain.core import clock, crypto
from citybrain.core.keyring import KeyringError
from citybrain.core.models import User

KIND = "stream-ticket"
LIFE = timedelta(seconds=60)


@dataclass(frozen=True)
class Listener:
    """Whom a ticket was issued to, and in which session."""

    user_id: int
    session_key: str

    def user(self) -> User | None:
        """Return the user while the account is open and the session stands, with the password it began with."""
        user = User.objects.filter(pk=self.user_id, is_active=True).first()
        session: Any = import_module(settings.SESSION_ENGINE).SessionStore(self.session_key)
        if user is None or session.get(SESSION_KEY) != str(user.pk):
            return None
        kept = session.get(HASH_SESSION_KEY, "")
        valid = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
        return user if any(constant_time_compare(kept, one) for one in valid) else None


def issue(user: User, channel: str, session_key: str) -> str:
    """Return a ticket for one user, channel and session."""
    content = {"user": user.pk, "channel": channel, "session": session_key, "at": clock.now().timestamp()}
    return base64.urlsafe_b64encode(crypto.seal(KIND, json.dumps(content))).decode()


def accept(ticket: str, channel: str) -> Listener | None:
    """Return whom a ticket of this channel was issued to if it is genuine and fresh, else None."""
    try:
        content = json.loads(crypto.unseal(KIND, base64.urlsafe_b64decode(ticket)))
    except (ValueError, InvalidTag, KeyringError):
        return None
    is_fresh = clock.now().timestamp() - content["at"] <= LIFE.total_seconds()
    return Listener(content["user"], content["session"]) if is_fresh and content["channel"] == channel else None
