"""Keys for programs: proposed by one person, let in by another; their secrets; and what is counted of them."""

import datetime as dt
import secrets
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from citybrain.core import audit, clock
from citybrain.core.models import Organisation, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import scopes as all_scopes
from healthcode.models import AppKey, AppKeySecret, Consent, KeyCount, KeyNonce, ShownToken
from healthcode.models.app_key import SECRET_BYTES

State = AppKey.State
LONGEST_DAYS = 366
# Longer than a token lives, than a consent can be opened, and than the trail of counts is looked at.
TOKENS_KEPT, CONSENTS_KEPT = dt.timedelta(minutes=10), dt.timedelta(days=1)
MINUTES_KEPT, DAYS_KEPT = dt.timedelta(days=1), dt.timedelta(days=100)

_COUNT = """
INSERT INTO healthcode_keycount AS known (key_id, span, begins, count, last_at)
VALUES (%(key)s, 'minute', %(minute)s, 1, %(now)s), (%(key)s, 'day', %(day)s, 1, %(now)s)
ON CONFLICT (key_id, span, begins) DO UPDATE SET count = known.count + 1, last_at = excluded.last_at
RETURNING span, count
"""
_REFUSED = """
INSERT INTO healthcode_keyrefusal AS known (key_id, code, day, count, last_at) VALUES (%s, %s, %s, 1, %s)
ON CONFLICT (key_id, code, day) DO UPDATE SET count = known.count + 1, last_at = excluded.last_at
"""
_NONCE = """
INSERT INTO healthcode_keynonce (key_id, nonce, expires_at) VALUES (%s, %s, %s)
ON CONFLICT (key_id, nonce) DO NOTHING RETURNING id
"""


def propose_key(
    *,
    organisation: Organisation,
    name: str,
    scopes: Sequence[str],
    per_minute: int,
    per_day: int,
    valid_until: dt.date,
    by: User,
) -> AppKey:
    """Propose a key; it opens nothing until somebody else has let it in.

    Raises ValidationError when the organisation may not have a scope, or the key would last too long.
    """
    open_to_it = {scope for scope, _label in all_scopes.scopes_for(organisation)}
    if not scopes or not set(scopes) <= open_to_it:
        raise ValidationError({"scopes": _("This organisation cannot have all of these. Choose fewer.")})
    if not clock.today() <= valid_until <= clock.today() + dt.timedelta(days=LONGEST_DAYS):
        raise ValidationError({"valid_until": _("Choose a day from today on, within a year.")})
    with transaction.atomic():
        key = AppKey.objects.create(
            organisation=organisation,
            name=name,
            scopes=sorted(set(scopes)),
            per_minute=per_minute,
            per_day=per_day,
            valid_until=valid_until,
            proposed_by=by.pk,
            proposed_at=clock.now(),
        )
        _record(Deed.PROPOSE_KEY, key, by, Act.RUN_SYSTEM)
    return key


def decide_key(*, key: AppKey, is_approved: bool, note: str = "", by: User) -> AppKey:
    """Let a proposed key in, or refuse it; never by whoever proposed it. Raises ValidationError saying what hinders."""
    with transaction.atomic():
        held = _held(key, State.PROPOSED)
        if held.proposed_by == by.pk:
            raise ValidationError(_("You proposed this yourself: another person decides."))
        if is_approved and held.has_run_out:
            raise ValidationError(_("The last day of this key has passed. Refuse it; a new one can be proposed."))
        held.state = State.IN_USE if is_approved else State.REFUSED
        held.decided_by, held.decided_at, held.note = by.pk, clock.now(), note
        held.save()
        _record(Deed.APPROVE_KEY if is_approved else Deed.REFUSE_KEY, held, by, Act.APPROVE_KEYS)
    return held


def make_secret(*, key: AppKey, overlap: dt.timedelta, by: User) -> str:
    """Make a secret and return it, once; those before it are good for `overlap` more.

    Raises ValidationError when the key is not in use.
    """
    now, plain = clock.now(), secrets.token_urlsafe(SECRET_BYTES)
    with transaction.atomic():
        held = _held(key, State.IN_USE)
        older = held.secrets.filter(Q(until=None) | Q(until__gt=now + overlap))
        rolled = older.update(until=now + overlap)
        made = AppKeySecret.of(held, plain)
        made.made_at, made.made_by = now, by.pk
        made.save()
        _record(Deed.SEE_SECRET, held, by, Act.RUN_SYSTEM, rolled=rolled, hours=int(overlap.total_seconds() // 3600))
    return plain


def revoke_key(*, key: AppKey, by: User, under: Act) -> AppKey:
    """Let a key open nothing more, at once. Raises ValidationError unless it is in use or proposed."""
    with transaction.atomic():
        held = _held(key, State.IN_USE, State.PROPOSED)
        now = clock.now()
        held.state, held.revoked_by, held.revoked_at = State.REVOKED, by.pk, now
        held.decided_at = held.decided_at or now
        held.save()
        _record(Deed.REVOKE_KEY, held, by, under)
    return held


def use_nonce(*, key: AppKey, nonce: str, until: dt.datetime) -> bool:
    """Note a nonce; return whether it is new. Of two at once the database lets one in."""
    with connection.cursor() as cursor:
        cursor.execute(_NONCE, [key.pk, nonce, until])
        return cursor.fetchone() is not None


def count_request(*, key: AppKey) -> dict[str, int]:
    """Count a request of a key; return how many that makes in this minute and on this day."""
    now = clock.now()
    local = now.astimezone(clock.SHANGHAI)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    values: dict[str, Any] = {"key": key.pk, "now": now, "minute": local.replace(second=0, microsecond=0), "day": day}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        return dict(cursor.fetchall())


def count_refusal(*, key: int | None, code: str) -> None:
    """Count a refused request that named a key, or one that is nobody's."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSED, [key, code, clock.today(), clock.now()])


def purge_app_keys() -> int:
    """Forget nonces, tokens, consents and counts that can no longer matter; return how many."""
    now = clock.now()
    minute, day = KeyCount.Span.MINUTE, KeyCount.Span.DAY
    old = (
        KeyNonce.objects.filter(expires_at__lt=now),
        ShownToken.objects.filter(first_at__lt=now - TOKENS_KEPT),
        Consent.objects.filter(expires_at__lt=now - CONSENTS_KEPT),
        KeyCount.objects.filter(span=minute, begins__lt=now - MINUTES_KEPT),
        KeyCount.objects.filter(span=day, begins__lt=now - DAYS_KEPT),
    )
    return sum(rows.delete()[0] for rows in old)


def _held(key: AppKey, *states: State) -> AppKey:
    held = AppKey.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=key.pk)
    if held.state not in states:
        message = _("This was not done: the key is now “%(state)s”. Somebody was faster, or it was sent twice.")
        raise ValidationError(message % {"state": held.get_state_display()})
    return held


def _record(deed: Deed, key: AppKey, by: User, act: Act, **detail: object) -> None:
    area, organisation = key.organisation.area_id, key.organisation_id
    told = {"organisation": organisation, "scopes": key.scopes, **detail}
    audit.record(deed, by=by, under=act, where=("area", [area]), target=f"app_key:{key.pk}", detail=told)
