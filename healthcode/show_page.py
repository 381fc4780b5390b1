"""The code page as text: its template is drawn once for each language, mode and state, then filled in for each phone.

So that showing a code costs little more than answering at all: no template, no session, no database on the way.
"""

import datetime as dt
import functools
import re
from html import escape
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.template import loader
from django.utils.translation import get_language

from healthcode import showing, tokens
from healthcode.models import State
from healthcode.showing import Shown

# What is filled in for each phone; a private character on either side, which no text of ours has.
BLANKS = ("facts", "masked_name", "day", "time", "read_at", "since", "last_day")
EDGE = "\ue000"
_BLANK = re.compile(f"{EDGE}(\\w+){EDGE}")


class Look(NamedTuple):
    """All that pages differ in but for whose they are and the time."""

    language: str
    mode: str
    state: State
    is_fresh: bool
    was_opened: bool
    is_renewed: bool


def draw(shown: Shown, now: int, mode: str, *, was_opened: bool = False, is_renewed: bool = False) -> bytes:
    """Return the page of a phone at an instant; `was_opened` when the database has just been asked."""
    shown = shown.says(now)
    is_fresh = now - shown.at <= showing.FRESH
    here = _second(now // 1000)
    # For the script, in one piece: each blank of its own would cost as much again.
    facts = (*showing.day_key(shown.number, here.date), str(now), str(shown.at), _text(shown.since))
    fill = {
        "facts": " ".join((*facts, _text(shown.valid_until))),
        "masked_name": escape(shown.masked_name),
        "day": here.day,
        "time": here.time,
    }
    if not is_fresh:
        fill["read_at"] = _words(shown.at)
    if shown.state == State.GREEN:
        fill["last_day"] = _day_before(shown.valid_until) if shown.valid_until else ""
    elif shown.since is not None:
        fill["since"] = _words(shown.since)[:16]
    look = Look(get_language() or "", mode, shown.state, is_fresh, was_opened, is_renewed)
    return b"".join([fill.get(part, "").encode() if isinstance(part, str) else part for part in _parts(look)])


def alone(template: str, mode: str) -> str:
    """Return a page that names nobody, drawn without session and database."""
    return loader.get_template(template).render(_frame(get_language() or "", mode))


@functools.cache
def _parts(look: Look) -> tuple[str | bytes, ...]:
    """Return the page in pieces: what stands there (bytes), and the name of what is filled in (str)."""
    frame = {
        **_frame(look.language, look.mode),
        "look": look,
        # Without scripts: at once when something old is shown that can be read anew.
        "refresh": tokens.PERIOD if look.is_fresh or look.was_opened else 0,
        "period": tokens.PERIOD,
        "life": int(tokens.LIFE.total_seconds()) // 60,
        "blank": {name: f"{EDGE}{name}{EDGE}" for name in BLANKS},
    }
    pieces = _BLANK.split(loader.get_template("healthcode/code/show.html").render(frame))
    return tuple(piece if place % 2 else piece.encode() for place, piece in enumerate(pieces))


def _frame(language: str, mode: str) -> dict[str, Any]:
    """Return what the frame of a page asks, for nobody in particular."""
    nobody = {"user": AnonymousUser(), "messages": [], "places": [], "purpose_label": ""}
    return {**nobody, "display_mode": mode, "LANGUAGE_CODE": language}


class Second(NamedTuple):
    """A second at Shanghai's time, in words: all phones of a second share it."""

    date: dt.date
    day: str
    time: str


@functools.lru_cache(maxsize=4)
def _second(instant: int) -> Second:
    here = showing.in_shanghai(instant * 1000)
    return Second(here.date(), here.date().isoformat(), here.time().isoformat())


@functools.lru_cache(maxsize=64)
def _day_before(instant: int) -> str:
    """Return the last day before an instant: declarations run out at midnight, so there are few of them."""
    return _words(instant - 1)[:10]


def _words(instant: int) -> str:
    return showing.in_shanghai(instant).isoformat(" ", "seconds")[:19]


def _text(instant: int | None) -> str:
    return "" if instant is None else str(instant)
