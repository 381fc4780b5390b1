"""Reads of keys for programs, for the pages of whoever proposes them and of whoever lets them in."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Max, QuerySet
from django_stubs_ext import StrOrPromise

from citybrain.core import clock
from citybrain.core.models import User
from citybrain.core.roles import Act
from healthcode import refusals, scopes
from healthcode.models import AppKey, AppKeySecret, KeyCount, KeyRefusal

REFUSALS_SHOWN = dt.timedelta(days=7)


@dataclass(frozen=True)
class Refused:
    """How often a key was refused for one thing lately."""

    day: dt.date
    code: str
    message: str
    count: int


@dataclass(frozen=True)
class Shown:
    """A key with all that its pages say of it."""

    key: AppKey
    scopes: list[StrOrPromise]
    people: dict[str, str]
    last_used: dt.datetime | None
    today: int
    # Those that are good now, newest first.
    secrets: list[AppKeySecret]
    refused: list[Refused]


def listed(user: User, act: Act) -> QuerySet[AppKey]:
    """Return the keys of organisations in whose area the user may do the act; with when each was used last."""
    keys = AppKey.objects.visible_to(user, act).select_related("organisation")
    return keys.annotate(last_used=Max("counts__last_at"))


def scope_names(codes: Iterable[str]) -> list[StrOrPromise]:
    """Return scopes in words, in the order in which they are offered."""
    wanted = set(codes)
    return [label for scope, label in scopes.choices() if scope in wanted]


def shown(key: AppKey) -> Shown:
    """Return all that is shown of a key."""
    now, today = clock.now(), clock.today()
    ids = {"proposed": key.proposed_by, "decided": key.decided_by, "revoked": key.revoked_by}
    users = User.objects.in_bulk([one for one in ids.values() if one is not None])
    midnight = dt.datetime.combine(today, dt.time(), clock.SHANGHAI)
    counts = KeyCount.objects.filter(key=key, span=KeyCount.Span.DAY)
    of_today = counts.filter(begins=midnight).first()
    last = counts.aggregate(last=Max("last_at"))["last"]
    refused = KeyRefusal.objects.filter(key=key, day__gt=today - REFUSALS_SHOWN)
    return Shown(
        key=key,
        scopes=scope_names(key.scopes),
        people={name: users[one].username if one in users else "" for name, one in ids.items()},
        last_used=last,
        today=of_today.count if of_today else 0,
        secrets=[one for one in key.secrets.order_by("-id") if one.until is None or one.until > now],
        refused=[Refused(row.day, row.code, str(refusals.PROBLEMS[row.code][1]), row.count) for row in refused],
    )
