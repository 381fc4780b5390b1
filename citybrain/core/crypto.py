"""Field encryption (AES-256-GCM) and blind indexes (HMAC-SHA-256), both with the id of their key.

A sealed value is: key id (1 byte), nonce (12 bytes), ciphertext with tag. A blind index is: key id (1 byte),
HMAC (32 bytes) over `type|normalised value`.
"""

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from citybrain.core import keyring

NONCE_BYTES = 12


def seal(kind: str, plain: str, *, owner: str = "") -> bytes:
    """Encrypt a short text.

    `kind` ("document", "phone") and `owner` (a person's ref) are bound to it: elsewhere it does not open.
    """
    return seal_bytes(kind, plain.encode(), owner=owner)


def seal_bytes(kind: str, plain: bytes, *, owner: str = "") -> bytes:
    """Encrypt bytes, such as a photo, as `seal` does a text."""
    key = _keyring().current("field")
    nonce = secrets.token_bytes(NONCE_BYTES)
    return bytes([key.id]) + nonce + AESGCM(key.secret).encrypt(nonce, plain, _bound(kind, owner))


def unseal(kind: str, sealed: bytes, *, owner: str = "") -> str:
    """Decrypt what `seal` made for the same kind and owner.

    Raises `cryptography.exceptions.InvalidTag` when it was changed or moved and KeyringError when the key is gone.
    """
    return unseal_bytes(kind, sealed, owner=owner).decode()


def unseal_bytes(kind: str, sealed: bytes, *, owner: str = "") -> bytes:
    """Decrypt what `seal_bytes` made; raises as `unseal` does."""
    if len(sealed) <= NONCE_BYTES:
        raise InvalidTag
    key = _keyring().key("field", sealed[0])
    nonce, cipher = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    return AESGCM(key.secret).decrypt(nonce, cipher, _bound(kind, owner))


def _bound(kind: str, owner: str) -> bytes:
    return f"{kind}|{owner}".encode() if owner else kind.encode()


def blind_index(kind: str, normalised: str) -> bytes:
    """Return the index under the current key, for writing."""
    return _index(_keyring().current("blind_index"), kind, normalised)


def blind_indexes(kind: str, normalised: str) -> list[bytes]:
    """Return the index under every key, for searching while a rotation is under way."""
    return [_index(key, kind, normalised) for key in _keyring().all("blind_index")]


def digest(kind: str, text: str) -> str:
    """Return a keyed digest in hex for values that are compared but never read: codes, account names."""
    return _index(_keyring().current("blind_index"), kind, text)[1:].hex()


def _index(key: keyring.Key, kind: str, normalised: str) -> bytes:
    return bytes([key.id]) + hmac.digest(key.secret, f"{kind}|{normalised}".encode(), hashlib.sha256)


def _keyring() -> keyring.Keyring:
    return keyring.load(settings.KEYRING_FILE)
