"""What a phone may show of a code without asking anybody: a signed cookie, and the words that the page's script reads.

The cookie says whose code it is (number, masked name), what it said last and when that was read. It is signed by the
keyring's cookie keys under a purpose of its own, holds for a day at most and in every language, and opens nothing else:
a gate reads the colour from the database whatever a page shows. No database is asked here but in `look_up`.
"""

import base64
import datetime as dt
import functools
import hashlib
import hmac
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from citybrain.core import clock, keyring
from citybrain.core.models import Person, User
from healthcode import queries, tokens
from healthcode.actions import code as actions
from healthcode.models import State

# Another one when what is signed changes its form: cookies of the old form are then nobody's.
PURPOSE = b"healthcode.showing 1"
# So long (in milliseconds) a state is shown as the present one; the page says so plainly once it is older.
FRESH = 120_000
# Web servers' clocks differ a little.
SKEW = 60_000
_EPOCH, _MILLISECOND = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(milliseconds=1)
_NEVER = "-"


class Shown(NamedTuple):
    """Whose code a phone shows, and what it said when read; instants as scripts count: milliseconds since 1970."""

    number: int
    masked_name: str
    state: State
    since: int | None
    valid_until: int | None
    # When this was read from the database.
    at: int

    def says(self, now: int) -> "Shown":
        """Return what it says at an instant: expired by itself past its time."""
        if self.valid_until is None or now < self.valid_until:
            return self
        return self._replace(state=State.EXPIRED, since=self.valid_until)


def look_up(person: Person, by: User | None) -> Shown:
    """Read from the database what a person's code says now; the first time it is asked for, a number is made."""
    number = actions.number_of(person=person, by=by).number
    code = queries.state_of(person)
    since, valid_until = (None if one is None else milliseconds(one) for one in (code.since, code.valid_until))
    return Shown(number, person.masked_name, code.state, since, valid_until, milliseconds(clock.now()))


def remember(response: HttpResponse, shown: Shown) -> None:
    """Let the browser keep what it may show, for a day at most."""
    response.set_cookie(
        settings.CODE_COOKIE_NAME,
        seal(shown),
        max_age=settings.CODE_COOKIE_LIFE,
        path=settings.CODE_COOKIE_PATH,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Lax",
    )


def forget(response: HttpResponse) -> None:
    """Take from the browser what it may show: what the code says is to be read anew."""
    response.delete_cookie(settings.CODE_COOKIE_NAME, path=settings.CODE_COOKIE_PATH, samesite="Lax")


def of(request: HttpRequest, now: int) -> Shown | None:
    """Return what this browser may show; None without a cookie, or with one that is not ours or too old."""
    text = request.COOKIES.get(settings.CODE_COOKIE_NAME)
    return unseal(text, now) if text else None


def seal(shown: Shown) -> str:
    """Return it as signed text: the key's id, what is said, the signature."""
    key = keyring.load(settings.KEYRING_FILE).current("cookie")
    name = base64.urlsafe_b64encode(shown.masked_name.encode()).decode().rstrip("=")
    moments = (_NEVER if one is None else str(one) for one in (shown.since, shown.valid_until, shown.at))
    signed = ".".join([str(key.id), str(shown.number), name, shown.state.value, *moments])
    return f"{signed}.{_signature(key, signed)}"


def unseal(text: str, now: int) -> Shown | None:
    """Return what a signed text says; None for any other text, and for one that is too old."""
    signed, _dot, signature = text.rpartition(".")
    try:
        key = keyring.load(settings.KEYRING_FILE).key("cookie", int(signed.partition(".")[0]))
        if not hmac.compare_digest(_signature(key, signed).encode(), signature.encode()):
            return None
    except (ValueError, keyring.KeyringError):
        return None
    _key, number, name, state, since, valid_until, at = signed.split(".")
    if not -SKEW <= now - int(at) <= settings.CODE_COOKIE_LIFE // _MILLISECOND:
        return None
    return Shown(
        int(number),
        base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode(),
        State(state),
        None if since == _NEVER else int(since),
        None if valid_until == _NEVER else int(valid_until),
        int(at),
    )


def day_key(number: int, day: dt.date) -> tuple[str, str, str, str]:
    """Return what a browser makes tokens from on a day in Shanghai and on no other: number, key's id, key, day."""
    key = keyring.load(settings.KEYRING_FILE).current("token")
    return number_text(number), str(key.id), tokens.day_key(number, day, key).hex(), day.isoformat()


def number_text(number: int) -> str:
    """Return a code's number as its token has it, in hexadecimal."""
    return number.to_bytes(8, signed=True).hex()


def milliseconds(moment: dt.datetime) -> int:
    """Return an instant as scripts count: the whole milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def in_shanghai(instant: int) -> dt.datetime:
    """Return an instant counted in milliseconds, at Shanghai's time."""
    return dt.datetime.fromtimestamp(instant / 1000, clock.SHANGHAI)


def iso(instant: int | None) -> str | None:
    """Return an instant counted in milliseconds as text."""
    return None if instant is None else (_EPOCH + instant * _MILLISECOND).isoformat(timespec="milliseconds")


def _signature(key: keyring.Key, signed: str) -> str:
    # Not hmac.digest: that lets another thread go first, and every page would wait for its turn anew.
    return hmac.new(_own_secret(key), signed.encode(), hashlib.sha256).hexdigest()


@functools.cache
def _own_secret(key: keyring.Key) -> bytes:
    """Return a secret for this purpose alone: whoever gets another cookie signed gets none of these."""
    return hmac.digest(key.secret, PURPOSE, hashlib.sha256)
