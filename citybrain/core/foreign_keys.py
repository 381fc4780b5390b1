"""Public keys of other regions: with them a signed code of theirs is checked here, without asking them.

The file is a JSON list of what other regions publish at /code/keys.json, one entry for each. Needs no Django: settings
read it.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ISSUER = re.compile(r"[1-9]\d{5}")
PUBLIC_BYTES = 32
MAX_KEY_ID = 255

# Issuer → id of the key → its 32 bytes.
ForeignKeys = Mapping[str, Mapping[int, bytes]]


class ForeignKeysError(Exception):
    """The file is missing or damaged; the text says what to do."""


def load(path: Path) -> ForeignKeys:
    """Return the keys in a file; raise ForeignKeysError with a remedy when it cannot be read."""
    try:
        return dict(_region(one) for one in json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"the keys of other regions in {path} cannot be read ({error!r}): take them anew from /code/keys.json"
        raise ForeignKeysError(message) from error


def _region(published: Any) -> tuple[str, dict[int, bytes]]:
    issuer, keys = published["issuer"], {one["id"]: bytes.fromhex(one["public_key"]) for one in published["keys"]}
    if not ISSUER.fullmatch(issuer):
        raise ValueError(issuer)
    if not all(0 < key_id <= MAX_KEY_ID and len(key) == PUBLIC_BYTES for key_id, key in keys.items()):
        message = f"{issuer}: ids are 1 to {MAX_KEY_ID}, keys {PUBLIC_BYTES} bytes"
        raise ValueError(message)
    return issuer, keys
