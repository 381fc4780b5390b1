"""Phone tokens: what the picture on a phone says, for two minutes.

48 characters of base45 (RFC 9285), which a QR code holds in its dense alphanumeric mode, made of 32 bytes:

    version 1 · key id 1 · code number 8 · count of 30 s since 1970 6 · first 16 of HMAC-SHA-256 over all before it

The HMAC's key is the person's key of the day, so that a browser may hold it for that day and learn nothing about other
days. Needs the keyring and no database. A genuine token proves nothing about a colour: that is read at the gate.
"""

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from citybrain.core import clock, keyring
from healthcode import base45

PERIOD = 30
LIFE = dt.timedelta(seconds=120)

VERSION = 1
SIGNED_BYTES, TAG_BYTES = 16, 16
LENGTH = (SIGNED_BYTES + TAG_BYTES) // 2 * 3
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Fault = Literal["unreadable", "forged", "stale"]


class TokenError(Exception):
    """A text that is no token to be trusted now.

    `fault` is "unreadable" (not 32 bytes, another version: some other QR code), "forged" (a key nobody has, another
    HMAC) or "stale" (genuine, but too old or from the future).
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True)
class Token:
    """A genuine token: whose code, and in which period it was made."""

    number: int
    counter: int


def make(number: int, at: dt.datetime) -> str:
    """Return the token of a code number at an instant."""
    key = _keyring().current("token")
    counter = (at - _EPOCH) // dt.timedelta(seconds=PERIOD)
    signed = bytes([VERSION, key.id]) + number.to_bytes(8, signed=True) + counter.to_bytes(6)
    return base45.encode(signed + _tag(signed, day_key(number, _day(counter), key)))


def read(text: str, at: dt.datetime) -> Token:
    """Return what a scanned text says at an instant; raise TokenError, and nothing else, for any other text.

    The text is taken as it is: a space is a character of base45, so nobody may strip it.
    """
    raw = _bytes(text)
    if raw[0] != VERSION:
        raise TokenError("unreadable")
    number, counter = int.from_bytes(raw[2:10], signed=True), int.from_bytes(raw[10:SIGNED_BYTES])
    if not _is_genuine(raw, number, counter):
        raise TokenError("forged")
    age = at - _start(counter)
    if not -dt.timedelta(seconds=PERIOD) <= age <= LIFE:
        raise TokenError("stale")
    return Token(number, counter)


def day_key(number: int, day: dt.date, key: keyring.Key) -> bytes:
    """Return a person's key for a day in Shanghai."""
    # Not hmac.digest: that lets another thread go first, which costs the code page a tenth of its rate.
    return hmac.new(key.secret, number.to_bytes(8, signed=True) + day.isoformat().encode(), hashlib.sha256).digest()


def _bytes(text: str) -> bytes:
    if len(text) != LENGTH:
        raise TokenError("unreadable")
    try:
        return base45.decode(text)
    except ValueError:
        raise TokenError("unreadable") from None


def _is_genuine(raw: bytes, number: int, counter: int) -> bool:
    try:
        key, day = _keyring().key("token", raw[1]), _day(counter)
    except (keyring.KeyringError, OverflowError):
        # Nobody can have made it: the key is not ours, or the calendar ends before that day.
        return False
    signed, tag = raw[:SIGNED_BYTES], raw[SIGNED_BYTES:]
    return hmac.compare_digest(_tag(signed, day_key(number, day, key)), tag)


def _tag(signed: bytes, key: bytes) -> bytes:
    return hmac.digest(key, signed, hashlib.sha256)[:TAG_BYTES]


def _start(counter: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(seconds=counter * PERIOD)


def _day(counter: int) -> dt.date:
    return _start(counter).astimezone(clock.SHANGHAI).date()


def _keyring() -> keyring.Keyring:
    return keyring.load(settings.KEYRING_FILE)
