"""What a gate's page sends: JSON of one scan, read without trust."""

import datetime as dt
import json
import uuid
from typing import Any

from django.utils.translation import gettext as _

from accesslog.actions.passes import PaperScan, TokenScan
from accesslog.models import Lane

# A token has 48 characters; whatever else a camera sees is an answer too, but no essay.
LARGEST = 4096
# Years that every part of the house can turn into local time.
FIRST_YEAR, LAST_YEAR = 1970, 9000


class PayloadError(Exception):
    """The request says no scan; the text says what to do. `code` is for programs, `status` for HTTP."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


def read_scan(body: bytes) -> TokenScan | PaperScan:
    """Return the scan that a request's body says; raise PayloadError, and nothing else, for any other bytes.

    Of a paper code it says too what came of the comparison with the identity document.
    """
    if len(body) > LARGEST:
        raise PayloadError("too_large", _("This is too long for a code. Scan again."), 413)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise PayloadError("not_json", _("This is not JSON. Load the gate's page again.")) from None
    if not isinstance(content, dict):
        raise PayloadError("not_json", _("This is no JSON object. Load the gate's page again."))
    lane = _text(content, "lane")
    if lane not in {Lane.TOKEN, Lane.PAPER}:
        raise _wrong("lane")
    token = _text(content, "token")
    if not token:
        raise _wrong("token")
    once: dict[str, Any] = {"text": token, "nonce": _nonce(content)}
    once |= {name: _moment(content, name) for name in ("scanned_at", "sent_at")}
    return TokenScan(**once) if lane == Lane.TOKEN else PaperScan(**once, is_holder=_flag(content, "is_holder"))


def _text(content: dict[str, Any], name: str) -> str:
    if name not in content:
        raise PayloadError("missing", _("“%(field)s” is missing. Load the gate's page again.") % {"field": name})
    value = content[name]
    if not isinstance(value, str):
        raise _wrong(name)
    return value


def _flag(content: dict[str, Any], name: str) -> bool:
    value = content.get(name)
    if not isinstance(value, bool):
        raise _wrong(name)
    return value


def _nonce(content: dict[str, Any]) -> uuid.UUID:
    try:
        return uuid.UUID(_text(content, "nonce"))
    except ValueError:
        raise _wrong("nonce") from None


def _moment(content: dict[str, Any], name: str) -> dt.datetime:
    """Return an instant with an offset; a clock that is days or years off is no error here."""
    try:
        moment = dt.datetime.fromisoformat(_text(content, name))
        if moment.tzinfo is None:
            raise _wrong(name)
        moment = moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise _wrong(name) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise _wrong(name)
    return moment


def _wrong(name: str) -> PayloadError:
    return PayloadError(
        "wrong", _("“%(field)s” is not what it should be. Load the gate's page again.") % {"field": name}
    )
