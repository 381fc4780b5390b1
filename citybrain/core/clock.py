"""The clock: the one place that knows what time it is.

Days are Asia/Shanghai dates, instants are aware UTC datetimes. Tests set the clock with `at()`;
ruff bans every other way to ask for the time.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_frozen: list[dt.datetime] = []


def now() -> dt.datetime:
    """Return the present instant, aware, in UTC."""
    return _frozen[-1] if _frozen else dt.datetime.now(tz=dt.UTC)  # noqa: TID251 (this is the clock)


def today() -> dt.date:
    """Return the present date in Shanghai."""
    return now().astimezone(SHANGHAI).date()


@contextmanager
def at(moment: dt.datetime) -> Iterator[None]:
    """Hold the clock at `moment` (aware) inside the block; blocks nest."""
    if moment.tzinfo is None:
        message = "the clock needs an aware datetime"
        raise ValueError(message)
    _frozen.append(moment.astimezone(dt.UTC))
    try:
        yield
    finally:
        _frozen.pop()
