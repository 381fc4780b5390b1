"""As of: a figure's link carries the snapshot that it was read in; its rows are what that snapshot saw."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.db import connection, models
from django.utils.http import urlencode

from accesslog.models import PassCursor
from citybrain.core import clock
from citybrain.core.models import XidEra
from citybrain.core.models.fields import XidField

# Clocks of two hosts may differ by so much.
AHEAD = dt.timedelta(seconds=10)
LONGEST = 20_000
MOST = 2**63
FIRST_YEAR, LAST_YEAR = 2000, 2200
_SNAPSHOT = re.compile(r"([0-9]{1,19}):([0-9]{1,19}):((?:[0-9]{1,19}(?:,[0-9]{1,19})*)?)")
_POSITION = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})")
_IS_PAST = "SELECT pg_snapshot_xmax(%s::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot())"


class DamagedLinkError(Exception):
    """The link does not say which figure it comes from, or comes from before a restore."""


class SeenIn(models.Lookup[Any]):
    """`xid__seen_in=snapshot`: written by a transaction that the snapshot saw.

    An id that the present counter has not reached yet is from before a restore: whatever came with it was seen.
    """

    lookup_name = "seen_in"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Compile to PostgreSQL's own question."""
        xid, params = self.process_lhs(compiler, connection)
        sql = f"(pg_visible_in_snapshot({xid}, %s::pg_snapshot) OR {xid} >= pg_snapshot_xmax(pg_current_snapshot()))"
        return sql, [*params, self.rhs, *params]


class UnseenBy(models.Lookup[Any]):
    """`xid__unseen_by=snapshot`: the opposite, so that an index finds what came since the snapshot."""

    lookup_name = "unseen_by"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Compile to a range of ids, and PostgreSQL's own question for those in it."""
        xid, params = self.process_lhs(compiler, connection)
        sql = (
            f"({xid} >= pg_snapshot_xmin(%s::pg_snapshot) AND {xid} < pg_snapshot_xmax(pg_current_snapshot())"
            f" AND NOT pg_visible_in_snapshot({xid}, %s::pg_snapshot))"
        )
        return sql, [*params, self.rhs, *params, *params, self.rhs]


XidField.register_lookup(SeenIn)
XidField.register_lookup(UnseenBy)


@dataclass(frozen=True)
class Counted:
    """How far passes were counted: every pass up to (xid, id) of an era (its id), and all of the eras before."""

    era: int
    xid: int
    last_pass: int

    def __str__(self) -> str:
        return f"{self.era}.{self.xid}.{self.last_pass}"

    @classmethod
    def now(cls) -> "Counted | None":
        """Return the consumer's position; none when it has never run."""
        at = PassCursor.objects.filter(name=PassCursor.WATCH).first()
        return cls(at.era, at.xid, at.last_pass) if at else None

    def is_beyond(self, other: "Counted | None") -> bool:
        """Whether this lies after the other one."""
        return other is None or (self.era, self.xid, self.last_pass) > (other.era, other.xid, other.last_pass)


@dataclass(frozen=True)
class AsOf:
    """The moment of a figure: its time to show, its snapshot, and how far passes were counted."""

    at: dt.datetime
    seen: str
    counted: Counted | None

    @classmethod
    def now(cls) -> Self:
        """Return the present; inside one transaction with the figures when they are to be exact."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_snapshot()::text")
            return cls(clock.now(), cursor.fetchone()[0], Counted.now())

    @classmethod
    def read(cls, params: Mapping[str, str]) -> Self:
        """Read a link's parameters; the present when it has none of them. Raises DamagedLinkError."""
        if not params.keys() & {"at", "seen", "to"}:
            return cls.now()
        read = cls(moment(params.get("at", "")), _snapshot(params.get("seen", "")), _position(params.get("to", "")))
        read._require_past()
        return read

    @property
    def params(self) -> dict[str, str]:
        """The parameters of a link with this moment."""
        to = {"to": str(self.counted)} if self.counted else {}
        return {"at": iso(self.at), "seen": self.seen, **to}

    @property
    def query(self) -> str:
        """The same as text."""
        return urlencode(self.params)

    def _require_past(self) -> None:
        """Refuse what has not been yet, and what was before the database was restored into this cluster."""
        with connection.cursor() as cursor:
            cursor.execute(_IS_PAST, [self.seen])
            is_past = cursor.fetchone()[0] and self.at <= clock.now() + AHEAD
        began_anew = XidEra.objects.order_by("-id").values_list("started_at", flat=True)
        restored_since = len(began_anew) > 1 and began_anew[0] > self.at
        if not is_past or restored_since or (self.counted and self.counted.is_beyond(Counted.now())):
            raise DamagedLinkError


def iso(at: dt.datetime) -> str:
    """Return an instant as links carry it: a "+" would not survive being copied."""
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def moment(text: str) -> dt.datetime:
    """Return the instant that a link names."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise DamagedLinkError from None
    # At the ends of the calendar there is nothing to add to or take away from.
    if at.tzinfo is None or not FIRST_YEAR < at.year < LAST_YEAR:
        raise DamagedLinkError
    return at.astimezone(dt.UTC)


def _snapshot(text: str) -> str:
    """Return the text of a snapshot exactly as PostgreSQL accepts it: `xmin:xmax:` and what ran between them."""
    match = _SNAPSHOT.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise DamagedLinkError
    first, end = int(match[1]), int(match[2])
    running = [int(xid) for xid in match[3].split(",") if xid]
    ordered = [first, *running, end - 1]
    if not 0 < first <= end < MOST or (running and ordered != sorted(ordered)):
        raise DamagedLinkError
    return text


def _position(text: str) -> Counted | None:
    match = _POSITION.fullmatch(text)
    if text and match is None:
        raise DamagedLinkError
    return Counted(*(int(number) for number in match.groups())) if match else None
