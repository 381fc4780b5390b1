"""Paper codes: making one, and making one worthless."""

import datetime as dt

from django.conf import settings
from django.db import transaction

from citybrain.core import audit, clock
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode.models import PaperCode


def issue(*, person: Person, by: User, under: Act = Act.SHOW_CODE, purpose: str = "") -> PaperCode:
    """Make a paper code; one that is in use is worth nothing any more from that moment."""
    with transaction.atomic():
        # Whoever makes one for the same person at the same moment waits here.
        Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        void(person=person, because=PaperCode.Because.REISSUED, by=by, under=under, purpose=purpose)
        expires_on = clock.today() + dt.timedelta(days=settings.PAPER_CODE_DAYS)
        paper = PaperCode.objects.create(person=person, issued_at=clock.now(), expires_on=expires_on, issued_by=by.pk)
        _record(Deed.ISSUE_PAPER_CODE, paper, person, by, under, purpose)
    return paper


def void(
    *, person: Person, because: PaperCode.Because, by: User, under: Act = Act.SHOW_CODE, purpose: str = ""
) -> PaperCode | None:
    """Make a person's paper code worthless at once and for good; None when there was none in use."""
    with transaction.atomic():
        in_use = PaperCode.objects.filter(person=person, voided_at=None).select_for_update().first()
        if in_use is None:
            return None
        in_use.voided_at, in_use.voided_because = clock.now(), because
        in_use.save(update_fields=["voided_at", "voided_because"])
        _record(Deed.VOID_PAPER_CODE, in_use, person, by, under, purpose)
    return in_use


def _record(deed: Deed, paper: PaperCode, person: Person, by: User, under: Act, purpose: str) -> None:
    audit.record(
        deed,
        by=by,
        under=under,
        where=("area", [person.area_id]),
        purpose=purpose,
        subjects=[person.pk],
        target=f"paper_code:{paper.pk}",
        detail={"because": paper.voided_because} if paper.voided_because else None,
    )
