"""Somebody stands before a member of staff: found by the document in their hand, and by nothing else."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, crypto
from citybrain.core.models import AuditRow, Document, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.purposes import Purpose
from citybrain.core.roles import Act
from healthcode import whom
from healthcode.actions import declare, drafts

# As at a gate: nobody goes through numbers to find out which are on record.
LOOK_UPS_A_MINUTE = 20
TARGET = "present"


def find_present(*, kind: str, number: str, by: User) -> Person | None:
    """Return who holds the document that the user has compared with its holder, and let the user declare for them now.

    The number is checked already. Where nobody holds it, somebody new is begun with it. Raises ValidationError when it
    is asked for too fast.
    """
    with transaction.atomic():
        declare.take_turns(by)
        since = clock.now() - dt.timedelta(minutes=1)
        asked = AuditRow.objects.filter(actor=by.pk, deed=Deed.SEE_PERSON, target=TARGET, at__gt=since)
        if asked.count() >= LOOK_UPS_A_MINUTE:
            raise ValidationError(_("Too many documents in one minute. Wait a minute, then go on."))
        tags = crypto.blind_indexes(kind, number)
        held = Document.objects.filter(number_index__in=tags, person__area__is_smoke=by.is_smoke)
        document = held.select_related("person__area").first()
        person = document.person if document else None
        if person is None:
            about, page, typed = whom.new_present(by), "who", {"kind": [kind], "number": [number]}
        else:
            about, page, typed = whom.of_person_present(by, person), "", {}
            _note_document(document, by)
        drafts.drop_draft(user=by, whom=about.key)
        drafts.keep_answer(user=by, page=page, typed=typed, whom=about.key)
        audit.record(
            Deed.SEE_PERSON,
            by=by,
            under=Act.DECLARE_FOR_PRESENT,
            where=("area", [person.area_id] if person else ()),
            purpose=Purpose.HELP,
            subjects=[person.pk] if person else [],
            target=TARGET,
        )
    return person


def _note_document(document: Document | None, by: User) -> None:
    """Note that a document was seen in its holder's hand, the first time it is."""
    if document is None or document.verified_at is not None:
        return
    Document.objects.filter(pk=document.pk).update(verified_at=clock.now())
    audit.record(
        Deed.VERIFY_DOCUMENT,
        by=by,
        under=Act.DECLARE_FOR_PRESENT,
        where=("area", [document.person.area_id]),
        subjects=[document.person_id],
        target=TARGET,
    )


def begin_without_document(*, by: User) -> None:
    """Begin to enter somebody who has no document to show."""
    about = whom.new_present(by)
    drafts.drop_draft(user=by, whom=about.key)
    drafts.keep_answer(user=by, page="who", typed={"kind": ["no_document"]}, whom=about.key)
