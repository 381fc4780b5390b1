"""The number behind a person's code."""

from django.db import transaction

from citybrain.core import audit, clock
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode.models import CodeNumber


def number_of(*, person: Person, by: User | None) -> CodeNumber:
    """Return the number in use of a person's code; the first time it is asked for, make it."""
    held = CodeNumber.objects.filter(person=person, revoked_at=None).first()
    return held or _make(person, by)


def renew(*, person: Person, by: User | None) -> CodeNumber:
    """Make a new number, so that every picture of the old one stops working; of two at once, both get the same."""
    with transaction.atomic():
        CodeNumber.objects.filter(person=person, revoked_at=None).update(revoked_at=clock.now())
        return _make(person, by)


def _make(person: Person, by: User | None) -> CodeNumber:
    with transaction.atomic():
        # When somebody else makes one at the same moment, the database lets one stand, and this returns it.
        code, is_made = CodeNumber.objects.get_or_create(
            person=person, revoked_at=None, defaults={"issued_at": clock.now()}
        )
        if is_made:
            target = f"code:{code.pk}"
            audit.record(Deed.RENEW_CODE, by=by, under=Act.SHOW_CODE, subjects=[person.pk], target=target)
    return code
