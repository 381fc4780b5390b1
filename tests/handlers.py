"""Handlers for tests in which dispatchers are processes of their own; see tests/dispatch.py."""

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from citybrain.core import clock
from citybrain.core.models import RefusalNotice

FLOWS = {
    "counted": (f"{__name__}.count",),
    "signed": (f"{__name__}.sign",),
    "slow": (f"{__name__}.sleep",),
}
POINTS = (
    "after the claim",
    "before the effect",
    "inside the effect",
    "after the effect",
    "at the commit",
    "after the commit",
)


class Fate:
    """Where this process is to die."""

    point = ""


def die_at(point: str) -> None:
    """Kill this process for good if it was meant to die here."""
    if point == Fate.point:
        os.kill(os.getpid(), signal.SIGKILL)


def count(payload: Mapping[str, Any]) -> None:
    """Have an effect that takes two statements."""
    now = clock.now()
    die_at("before the effect")
    of_today = {"actor": payload["row"], "on": clock.today()}
    RefusalNotice.objects.get_or_create(**of_today, defaults={"first_at": now, "last_at": now})
    die_at("inside the effect")
    RefusalNotice.objects.filter(**of_today).update(count=F("count") + 1)
    die_at("after the effect")
    if Fate.point == "at the commit":
        connection._commit = lambda: die_at("at the commit")  # type: ignore[attr-defined]
    transaction.on_commit(lambda: die_at("after the commit"))


def sign(payload: Mapping[str, Any]) -> None:
    """Note which process this was; a second time breaks a unique constraint."""
    now = clock.now()
    RefusalNotice.objects.create(actor=payload["row"], on=clock.today(), first_at=now, last_at=now, count=os.getpid())


def sleep(payload: Mapping[str, Any]) -> None:
    """Take some time."""
    time.sleep(payload["seconds"])
