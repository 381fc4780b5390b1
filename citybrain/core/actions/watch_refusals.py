"""Counting refused looks, so that someone who tries doors is noticed."""

from collections.abc import Mapping
from typing import Any

from django.db.models import F

from citybrain.core import clock
from citybrain.core.models import AuditRow, RefusalNotice


def count_refusal(payload: Mapping[str, Any]) -> None:
    """Handle `look.refused`: add one to the account's count of the day; rows without an account are not counted."""
    row = AuditRow.objects.get(pk=payload["row"])
    if row.actor is None:
        return
    day = row.at.astimezone(clock.SHANGHAI).date()
    notice, _created = RefusalNotice.objects.get_or_create(
        actor=row.actor,
        on=day,
        defaults={"first_at": row.at, "last_at": row.at},
    )
    RefusalNotice.objects.filter(pk=notice.pk).update(count=F("count") + 1, last_at=row.at)
