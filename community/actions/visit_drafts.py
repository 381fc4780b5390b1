"""Drafts of reports: what a worker sent with a mistake in it is kept, photos too, until it is mended or a day old."""

import contextlib
import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from citybrain.core import keyring
from citybrain.core.models import User
from community.actions.orders import REPORT, hold
from community.models import VisitDraft, VisitDraftPhoto, WorkOrder

# A worker mends a report while on site; what is older is of no use, and says what a person has.
DRAFT_KEEP = dt.timedelta(days=1)


def keep_draft(
    *, order: WorkOrder, typed: dict[str, Any], pictures: Mapping[int, bytes], dropped: Collection[int], by: User
) -> None:
    """Keep what was typed; add the pictures by their number, and forget those that are dropped."""
    with transaction.atomic():
        held = hold(order, REPORT, by)
        draft, _made = VisitDraft.objects.get_or_create(order=held, defaults={"by": by, "changed_at": held.opened_at})
        draft.by = by
        draft.keep(typed)
        VisitDraftPhoto.objects.filter(draft=draft, number__in={*pictures, *dropped}).delete()
        for number, jpeg in pictures.items():
            VisitDraftPhoto(draft=draft, number=number).keep(jpeg)


def draft_of(order: WorkOrder, by: User) -> VisitDraft | None:
    """Return a worker's draft of a report; none when there is no other than somebody else's."""
    return VisitDraft.objects.filter(order=order, by=by).first()


def typed_in(draft: VisitDraft) -> dict[str, Any]:
    """Return what a draft keeps; nothing when the key that sealed it has been retired meanwhile."""
    try:
        return draft.typed()
    except keyring.KeyringError:
        return {}


def pictures_in(draft: VisitDraft | None) -> dict[int, bytes]:
    """Return a draft's photos by their number, without those whose key has been retired meanwhile."""
    pictures = {}
    for photo in draft.photos.all() if draft is not None else ():
        with contextlib.suppress(keyring.KeyringError):
            pictures[photo.number] = photo.reveal()
    return pictures
