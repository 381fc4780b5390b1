"""Drafts: answers are kept on the server while they are given, one draft for each whom; then they are sent."""

import datetime as dt
from collections.abc import Mapping

from django.db import transaction

from citybrain.core import clock, crypto, keyring
from citybrain.core.models import User
from healthcode.actions import family
from healthcode.actions.declare import Declared, declare, declare_for, take_turns
from healthcode.answers import Answers
from healthcode.models import DeclarationDraft, Guardianship
from healthcode.whom import Whom

DRAFT_KEEP = dt.timedelta(days=7)

# Answers as they were typed: page → field → values.
Typed = dict[str, dict[str, list[str]]]


class DraftChangedError(Exception):
    """The draft is not the one that was read: it was changed in another window."""


def draft_of(user: User, key: str) -> DeclarationDraft | None:
    """Return the draft of a user for one whom, without the picture: it is read when it is sent."""
    return DeclarationDraft.objects.defer("picture").filter(user=user, whom=key).first()


def has_picture(draft: DeclarationDraft | None) -> bool:
    """Whether a proof of relation is kept with a draft."""
    return draft is not None and DeclarationDraft.objects.filter(pk=draft.pk, picture__isnull=False).exists()


def typed_answers(draft: DeclarationDraft | None) -> Typed:
    """Return the answers of a draft; none when the key that sealed them has been retired meanwhile."""
    try:
        return draft.answers() if draft is not None else {}
    except keyring.KeyringError:
        return {}


def keep_answer(
    *, user: User, page: str, typed: Mapping[str, list[str]], whom: str = "", jpeg: bytes | None = None
) -> None:
    """Keep what was typed on a page, valid or not, in the user's draft; a picture takes the place of the one before."""
    with transaction.atomic():
        take_turns(user)
        draft = draft_of(user, whom)
        answers = {**typed_answers(draft), page: dict(typed)}
        (draft or DeclarationDraft(user=user, whom=whom)).keep(answers)
        if jpeg is not None:
            sealed = crypto.seal_bytes("draft", jpeg, owner=str(user.pk))
            DeclarationDraft.objects.filter(user=user, whom=whom).update(picture=sealed)


def drop_draft(*, user: User, whom: str) -> None:
    """Forget what was answered so far, as it is about somebody else now."""
    DeclarationDraft.objects.filter(user=user, whom=whom).delete()


def send_draft(
    *, whom: Whom, read_at: dt.datetime, answers: Answers, relation: str = ""
) -> Declared | Guardianship | None:
    """Declare the answers that were read from the draft of `read_at` (its `changed_at`), and delete it.

    Of somebody new in the family nothing is declared yet: what was said waits, sealed, until the relation is checked.
    Returns None when the draft is gone, because it has been sent: of two clicks one declares. Raises DraftChangedError
    when it is another by now, and whatever `declare` raises; then the draft stays.
    """
    user = whom.user
    with transaction.atomic():
        take_turns(user)
        draft = DeclarationDraft.objects.select_for_update().filter(user=user, whom=whom.key).first()
        if draft is None:
            return None
        if draft.changed_at != read_at:
            raise DraftChangedError
        draft.delete()
        if whom.is_new_member:
            jpeg = crypto.unseal_bytes("draft", bytes(draft.picture or b""), owner=str(user.pk))
            return family.ask(user=user, relation=relation, jpeg=jpeg, answers=answers)
        if not whom.is_own:
            return declare_for(whom=whom, answers=answers)
        declaration = declare(user=user, answers=answers)
        return Declared(declaration.person, declaration)


def purge_drafts() -> int:
    """Delete drafts that nobody has touched for DRAFT_KEEP; return how many."""
    gone, _models = DeclarationDraft.objects.filter(changed_at__lt=clock.now() - DRAFT_KEEP).delete()
    return gone
