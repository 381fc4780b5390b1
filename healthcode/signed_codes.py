"""Signed codes: a text that anybody with the public key can check, without a network; the paper code is one.

120 characters of base45 (RFC 9285) made of 80 bytes. 128 bits say what it is, most significant bit first:

    version 4 · kind 4 · issuer 20 · key id 8 · serial number 64 · day of issue (0 is 2020-01-01) 16 · days of life 12

and 64 bytes are the Ed25519 signature over CONTEXT and these. The issuer is the district's area code (six digits), the
keys are those of the keyring's entry "signing"; their public halves are published at /code/keys.json. It says nothing
about a colour, and whether it was voided is known to its issuer alone. No code of a district begins with a space.
"""

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from citybrain.core import keyring
from healthcode import base45

VERSION = 1
CONTEXT = b"CityBrain signed code\n"
HEAD_BYTES, SIGNATURE_BYTES = 16, 64
LENGTH = (HEAD_BYTES + SIGNATURE_BYTES) // 2 * 3
MOST_DAYS = 2**12 - 1
FIRST_DAY = dt.date(2020, 1, 1)
# Names of the fields and how many bits each has, in their order.
_BITS = {"version": 4, "kind": 4, "issuer": 20, "key_id": 8, "serial": 64, "issued": 16, "life": 12}

Fault = Literal["unreadable", "version", "forged", "wrong_issuer", "unknown_issuer", "stale"]


class Kind(IntEnum):
    """What a signed code stands for; 2 to 15 are free, for codes of a phone that are checked offline."""

    PAPER = 1


@dataclass(frozen=True)
class SignedCode:
    """What a code says: its first and its last day are days in Shanghai."""

    kind: Kind
    issuer: str
    serial: int
    issued_on: dt.date
    expires_on: dt.date


class SignedCodeError(Exception):
    """A text that is no signed code to be trusted on that day.

    `fault` is "unreadable" (not 80 bytes in base45: some other text), "version" (made by a system that is newer than
    this one, or damaged), "forged" (a key that its issuer never had, or another signature), "wrong_issuer" (genuine, of
    another region), "unknown_issuer" (says it is of another region whose keys are not known here) or "stale" (ours and
    genuine, but not of that day). `issuer` is what the text says, "" where it says nothing.
    """

    def __init__(self, fault: Fault, issuer: str = "") -> None:
        super().__init__(fault)
        self.fault, self.issuer = fault, issuer


def make(kind: Kind, serial: int, issued_on: dt.date, expires_on: dt.date) -> str:
    """Return the code of a serial number (64 bits, signed) for the days from `issued_on` through `expires_on`."""
    key = _keyring().current("signing")
    says = {
        "version": VERSION,
        "kind": kind,
        "issuer": int(settings.CODE_ISSUER),
        "key_id": key.id,
        "serial": int.from_bytes(serial.to_bytes(8, signed=True)),
        "issued": (issued_on - FIRST_DAY).days,
        "life": (expires_on - issued_on).days,
    }
    head = _packed(says)
    return base45.encode(head + _private(key).sign(CONTEXT + head))


def read(text: str, day: dt.date) -> SignedCode:
    """Return what a text says on a day; raise SignedCodeError, and nothing else, for whatever is not to be trusted."""
    raw = _bytes(text)
    says = _unpacked(raw[:HEAD_BYTES])
    issuer = f"{says['issuer']:06}"
    if says["version"] != VERSION or says["kind"] not in set(Kind):
        raise SignedCodeError("version", issuer)
    if issuer != settings.CODE_ISSUER:
        raise SignedCodeError(_of_another(issuer, says["key_id"], raw), issuer)
    if not _is_genuine(_own_key(says["key_id"]), raw):
        raise SignedCodeError("forged", issuer)
    code = _code(says, issuer)
    if not code.issued_on <= day <= code.expires_on:
        raise SignedCodeError("stale", issuer)
    return code


def published() -> dict[str, Any]:
    """Return what others check our codes with; a key that was rotated stays for as long as the keyring has it."""
    keys = [
        {"id": key.id, "algorithm": "Ed25519", "public_key": _private(key).public_key().public_bytes_raw().hex()}
        for key in _keyring().all("signing")
    ]
    return {"version": VERSION, "issuer": settings.CODE_ISSUER, "keys": keys}


def _of_another(issuer: str, key_id: int, raw: bytes) -> Fault:
    key = settings.FOREIGN_KEYS.get(issuer, {}).get(key_id)
    # A key that they made after we were told of theirs is not known to be wrong.
    if key is None:
        return "unknown_issuer"
    return "wrong_issuer" if _is_genuine(Ed25519PublicKey.from_public_bytes(key), raw) else "forged"


def _own_key(key_id: int) -> Ed25519PublicKey | None:
    try:
        return _private(_keyring().key("signing", key_id)).public_key()
    except keyring.KeyringError:
        return None


def _is_genuine(key: Ed25519PublicKey | None, raw: bytes) -> bool:
    if key is None:
        return False
    try:
        key.verify(raw[HEAD_BYTES:], CONTEXT + raw[:HEAD_BYTES])
    except InvalidSignature:
        return False
    return True


def _code(says: Mapping[str, int], issuer: str) -> SignedCode:
    serial = int.from_bytes(says["serial"].to_bytes(8), signed=True)
    issued_on = FIRST_DAY + dt.timedelta(days=says["issued"])
    return SignedCode(Kind(says["kind"]), issuer, serial, issued_on, issued_on + dt.timedelta(days=says["life"]))


def _bytes(text: str) -> bytes:
    if len(text) != LENGTH:
        raise SignedCodeError("unreadable")
    try:
        return base45.decode(text)
    except ValueError:
        raise SignedCodeError("unreadable") from None


def _packed(says: Mapping[str, int]) -> bytes:
    whole = 0
    for name, bits in _BITS.items():
        if not 0 <= says[name] < 2**bits:
            message = f"{name} {says[name]} does not fit into {bits} bits"
            raise ValueError(message)
        whole = whole << bits | says[name]
    return whole.to_bytes(HEAD_BYTES)


def _unpacked(head: bytes) -> dict[str, int]:
    whole, says = int.from_bytes(head), {}
    for name, bits in reversed(_BITS.items()):
        says[name] = whole & (2**bits - 1)
        whole >>= bits
    return says


@functools.cache
def _private(key: keyring.Key) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.secret)


def _keyring() -> keyring.Keyring:
    return keyring.load(settings.KEYRING_FILE)
