"""What a program signs: the whole request in one text, line by line. Needs no Django, so that a client can copy it."""

import hashlib
import hmac
import re

SCHEME = "CITYBRAIN-HMAC-SHA256"
KEY, TIME, NONCE, SIGNATURE = "X-CityBrain-Key", "X-CityBrain-Time", "X-CityBrain-Nonce", "X-CityBrain-Signature"
# Seconds that the clocks of sender and receiver may differ.
WINDOW = 300
NONCE_SHAPE = re.compile(r"[A-Za-z0-9_-]{16,64}")
TIME_SHAPE = re.compile(r"[1-9][0-9]{8,10}")


def string_to_sign(*, method: str, target: str, body: bytes, time: str, nonce: str, key: str) -> str:
    """Return the text; `target` is path and query as they are sent, `time` the seconds since 1970.

    Raises ValueError when a part holds a line break: no other request can then say the same.
    """
    parts = (SCHEME, method, target, hashlib.sha256(body).hexdigest(), time, nonce, key)
    if any("\n" in part for part in parts):
        raise ValueError("a part of a request holds a line break")
    return "\n".join(parts)


def sign(secret: str, text: str) -> str:
    """Return the signature in hexadecimal."""
    return hmac.new(secret.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def is_signed(secret: str, text: str, signature: str) -> bool:
    """Whether a signature is the right one, in a time that tells nothing about it."""
    return hmac.compare_digest(sign(secret, text).encode(), signature.encode("utf-8", "surrogatepass"))
