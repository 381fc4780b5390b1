"""The keyring: one file of named keys, each entry with ids and its own rotation.

Entries: `field` (AES-GCM of documents and phones), `blind_index` (HMAC that finds them),
`token` (phone tokens), `signing` (Ed25519 seed of signed codes), `audit_head` (Ed25519 seed of
the published audit head), `cookie` (sessions and signed cookies). A key is 32 random bytes.

Needs no Django, so that `python -m citybrain.core.keyring make FILE` works before settings do.
"""

import argparse
import base64
import json
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ENTRIES = ("field", "blind_index", "token", "signing", "audit_head", "cookie")
KEY_BYTES = 32
MAX_KEY_ID = 255
# What nothing can do any more once a key of the entry is gone.
LOST_WITHOUT_KEY = {
    "field": "documents and phone numbers sealed with it cannot be read any more",
    "blind_index": "documents and phone accounts indexed with it cannot be found by their number any more",
    "token": "phone tokens made with it are refused",
    "signing": "paper and offline codes signed with it are refused",
    "audit_head": "audit heads signed with it cannot be verified any more",
    "cookie": "sessions, forms and signed cookies made with it are void: whoever signed in under it signs in again",
}
# With version byte 1 these ids make every token begin with a space in base45 (measured).
TOKEN_IDS_WITH_LEADING_SPACE = frozenset({5, 50, 95, 140, 185, 230})


class KeyringError(Exception):
    """The keyring is missing, unreadable or lacks a key; the text says what to do."""


@dataclass(frozen=True)
class Key:
    """One key: its id (1–255) and its 32 bytes."""

    id: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class Keyring:
    """All entries; in each the key with the highest id is the current one."""

    entries: dict[str, dict[int, Key]]

    def current(self, entry: str) -> Key:
        """Return the key that new data is written with."""
        return self.entries[entry][max(self.entries[entry])]

    def key(self, entry: str, key_id: int) -> Key:
        """Return an older or current key by id, for data already written."""
        try:
            return self.entries[entry][key_id]
        except KeyError:
            message = f"the keyring has no key {key_id} in entry {entry!r}: restore it from the backup"
            raise KeyringError(message) from None

    def all(self, entry: str) -> list[Key]:
        """Return an entry's keys, the current one first."""
        return [self.entries[entry][key_id] for key_id in sorted(self.entries[entry], reverse=True)]


@cache
def load(path: Path) -> Keyring:
    """Read the keyring file once per process.

    Raises KeyringError with a remedy when it is missing, open to others, or damaged.
    """
    if not path.exists():
        message = f"no keyring at {path}: make one with `python -m citybrain.core.keyring make {path}` and back it up"
        raise KeyringError(message)
    if path.stat().st_mode & 0o077:
        message = f"the keyring {path} can be read by others: run `chmod 600 {path}`"
        raise KeyringError(message)
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        entries = {
            entry: {key.id: key for key in (_key(text, secret) for text, secret in raw[entry].items())}
            for entry in ENTRIES
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"the keyring {path} is damaged ({error!r}): restore it from the backup"
        raise KeyringError(message) from error
    empty = [entry for entry, keys in entries.items() if not keys]
    if empty:
        message = f"the keyring {path} has no key in {', '.join(empty)}: restore it from the backup"
        raise KeyringError(message)
    return Keyring(entries)


def _key(text: str, secret: str) -> Key:
    """Read one key; raise ValueError, without the secret in it, for what `make` and `rotate` would not write."""
    key = Key(int(text), base64.b64decode(secret, validate=True))
    if str(key.id) != text or not 1 <= key.id <= MAX_KEY_ID:
        message = f"key id {text!r} is not a number from 1 to {MAX_KEY_ID}"
        raise ValueError(message)
    if len(key.secret) != KEY_BYTES:
        message = f"key {key.id} has {len(key.secret)} bytes, not {KEY_BYTES}"
        raise ValueError(message)
    return key


def make(path: Path) -> None:
    """Write a new keyring with one key per entry; an existing file is never replaced."""
    _write(path, {entry: {"1": _new_secret()} for entry in ENTRIES}, exclusive=True)


def rotate(path: Path, entry: str) -> int:
    """Add a new current key to `entry`, keep the older ones, return the new key's id."""
    load(path)
    raw = json.loads(path.read_text(encoding="utf-8"))
    key_id = max(int(known) for known in raw[entry]) + 1
    while entry == "token" and key_id in TOKEN_IDS_WITH_LEADING_SPACE:
        key_id += 1
    if key_id > MAX_KEY_ID:
        message = f"entry {entry!r} has used all {MAX_KEY_ID} key ids: start a new keyring"
        raise KeyringError(message)
    raw[entry][str(key_id)] = _new_secret()
    _write(path, raw, exclusive=False)
    load.cache_clear()
    return key_id


def retire(path: Path, entry: str, key_id: int) -> None:
    """Take an older key out of `entry` for good; the current one is never taken."""
    ring = load(path)
    ring.key(entry, key_id)
    if key_id == ring.current(entry).id:
        message = f"key {key_id} of entry {entry!r} is the current one: `rotate` first, and write its data anew"
        raise KeyringError(message)
    raw = json.loads(path.read_text(encoding="utf-8"))
    del raw[entry][str(key_id)]
    _write(path, raw, exclusive=False)
    load.cache_clear()


def _new_secret() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _write(path: Path, raw: dict[str, dict[str, str]], *, exclusive: bool) -> None:
    """Write through a temporary file so that a crash never leaves half a keyring."""
    if exclusive and path.exists():
        message = f"{path} exists: a keyring is never overwritten"
        raise KeyringError(message)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(raw, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: `make FILE`, `rotate FILE ENTRY` or `retire FILE ENTRY ID`."""
    parser = argparse.ArgumentParser(prog="python -m citybrain.core.keyring")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make").add_argument("file", type=Path)
    rotation = commands.add_parser("rotate")
    rotation.add_argument("file", type=Path)
    rotation.add_argument("entry", choices=ENTRIES)
    retirement = commands.add_parser("retire")
    retirement.add_argument("file", type=Path)
    retirement.add_argument("entry", choices=ENTRIES)
    retirement.add_argument("id", type=int)
    options = parser.parse_args(arguments)
    try:
        if options.command == "make":
            make(options.file)
            sys.stdout.write(f"made {options.file}: back it up apart from the database\n")
        elif options.command == "retire":
            retire(options.file, options.entry, options.id)
            sys.stdout.write(
                f"entry {options.entry} has lost key {options.id}: {LOST_WITHOUT_KEY[options.entry]}; "
                "restart every process (the backup still has the key)\n",
            )
        else:
            key_id = rotate(options.file, options.entry)
            sys.stdout.write(f"entry {options.entry} now writes with key {key_id}; restart every process\n")
    except KeyringError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
