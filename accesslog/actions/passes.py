"""Passing: one short transaction verifies, reads the stored state, decides and keeps the pass.

No upstream call, no counting, no alert, no audit row: the pass is its own record, and a consumer reacts to it.
"""

import datetime as dt
import uuid
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _
from psycopg import errors

from accesslog.actions import watch
from accesslog.models import ADMITTING, Certificate, Device, Lane, Pass, QuarantinedPass, Result, TokenUse
from citybrain.core import audit, clock, crypto, documents, photos
from citybrain.core.models import Document, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import paper_queries, queries, tokens
from healthcode.models import State

# A scan with a time further from ours is kept apart: the device's clock is absurd.
MOST_AHEAD, MOST_BEHIND = dt.timedelta(minutes=10), dt.timedelta(days=7)
# The same token at the same point within this time is the same person standing there.
REPEAT = dt.timedelta(seconds=10)
# A scan that waited in the device, as the network was down, is taken as of then; not for longer than the page tries.
LONGEST_WAIT = dt.timedelta(seconds=60)
# Longer than any token lives and any scan waits.
TOKEN_USES_KEPT = dt.timedelta(minutes=10)
DOCUMENTS_A_MINUTE = 20
_FAULTS = {"unreadable": Result.UNREADABLE, "forged": Result.FORGED, "stale": Result.STALE}
_PAPER_FAULTS: dict[paper_queries.Fault, Result] = {
    "unreadable": Result.UNREADABLE,
    "forged": Result.FORGED,
    "expired": Result.PAPER_EXPIRED,
    "void": Result.PAPER_VOID,
    "wrong_issuer": Result.WRONG_ISSUER,
    "unknown_issuer": Result.WRONG_ISSUER,
}
# What somebody's code says is for the gate at which they stand: nobody has compared these papers' holders with anybody.
_HOLDER_ABSENT = frozenset({Result.PAPER_EXPIRED, Result.PAPER_VOID, Result.NOT_THE_HOLDER})


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Someone stands there: the nonce and the time are drawn once and sent again with each retry."""

    lane: ClassVar[Lane]
    nonce: uuid.UUID
    scanned_at: dt.datetime
    # The device's clock when it sent this.
    sent_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class TokenScan(Scan):
    """The text of a code, exactly as it was read."""

    lane: ClassVar[Lane] = Lane.TOKEN
    text: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DocumentScan(Scan):
    """An identity document that the guard holds and has compared with the person; the number is checked already."""

    lane: ClassVar[Lane] = Lane.DOCUMENT
    type: str
    number: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CertificateScan(Scan):
    """A paper of another region and what the guard made of it; the picture is a JPEG that PhotoField gave."""

    lane: ClassVar[Lane] = Lane.CERTIFICATE
    number: str
    issuer: str
    jpeg: bytes = field(repr=False)
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class PaperScan(Scan):
    """The text of a paper code, or its number; the guard has compared its holder with the identity document."""

    lane: ClassVar[Lane] = Lane.PAPER
    text: str = field(repr=False)
    # False too for a paper that counts for nothing whoever holds it.
    is_holder: bool


@dataclass(frozen=True)
class Decision:
    """What the gate is told; `pass_id` is None for a repeat, which is not kept."""

    result: Result
    is_admitted: bool
    # "" when nobody is known.
    state: str
    masked_name: str
    pass_id: int | None
    scanned_at: dt.datetime
    is_repeat: bool = False


class TooManyError(Exception):
    """The device asks for documents faster than people can be checked; the text says what to do."""


class _KeptError(Exception):
    """This scan was kept before: whatever was done for it now is undone."""


@dataclass(frozen=True)
class _Verdict:
    """What a lane found."""

    result: Result
    holder: queries.Holder | None = None
    certificate: Certificate | None = None
    is_repeat: bool = False

    @property
    def state(self) -> str:
        """What the holder's code says, as far as the gate may know and keeps; "" when nobody is known."""
        return self.holder.state if self.holder and self.result not in _HOLDER_ABSENT else ""


def decide(*, device: Device, scan: Scan, by: User) -> Decision:
    """Decide on one scan at an enrolled device and keep the pass; `by` is the guard.

    A scan that was kept before gets the answer of then, however late it is sent again and however many arrive at once.
    Raises TooManyError when documents are asked for too fast; then nothing is kept.
    """
    try:
        return _decide_once(device, scan, by)
    except IntegrityError as error:
        if not isinstance(error.__cause__, errors.CheckViolation):
            raise
    # The first pass of a day finds no partition: make it and decide anew.
    make_partition(day=scan.scanned_at.astimezone(clock.SHANGHAI).date())
    return _decide_once(device, scan, by)


def make_partition(*, day: dt.date) -> None:
    """Make the passes' partition of a day in Shanghai unless it is there; only days near today can have one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT accesslog_make_partition(%s)", [day])


def decision_of(row: Pass | QuarantinedPass) -> Decision:
    """Return what the gate was told with a pass that is kept."""
    name = row.person.masked_name if row.person else ""
    return Decision(Result(row.result), row.is_admitted, row.state, name, row.pk, row.scanned_at)


def shown_paper(*, device: Device, text: str) -> paper_queries.ShownPaper:
    """Return what a paper says to a gate: it knows nobody of test walks unless it is one of theirs."""
    paper = paper_queries.shown(text)
    return replace(paper, holder=_of_this_tree(device, paper.holder))


def holding_of(device: Device) -> tuple[str, list[int]]:
    """Return whose gate a device stands at, as the trail has it: the organisation that runs it, else its area."""
    place = device.point.place
    return ("organisation", [place.organisation_id]) if place.organisation_id else ("area", [place.area_id])


def purge_token_uses() -> int:
    """Forget where tokens were shown first, once they are dead; return how many."""
    gone, _models = TokenUse.objects.filter(first_at__lt=clock.now() - TOKEN_USES_KEPT).delete()
    return gone


def _decide_once(device: Device, scan: Scan, by: User) -> Decision:
    try:
        with transaction.atomic():
            verdict = _judge(device, scan, by)
            pass_id = None if verdict.is_repeat else _keep(device, scan, by, verdict)
    except _KeptError:
        return _kept(device, scan)
    return Decision(
        result=verdict.result,
        is_admitted=verdict.result in ADMITTING,
        state=verdict.state,
        masked_name=verdict.holder.masked_name if verdict.holder else "",
        pass_id=pass_id,
        scanned_at=scan.scanned_at,
        is_repeat=verdict.is_repeat,
    )


def _judge(device: Device, scan: Scan, by: User) -> _Verdict:
    match scan:
        case TokenScan():
            return _judge_token(device, scan)
        case DocumentScan():
            return _judge_document(device, scan, by)
        case CertificateScan():
            return _judge_certificate(device, scan, by)
        case PaperScan():
            return _judge_paper(device, scan)
    raise TypeError(scan)


def _judge_token(device: Device, scan: TokenScan) -> _Verdict:
    # When it was scanned, by our clock: the same for each retry, whatever the device's clock says.
    scanned_at = clock.now() - min(max(scan.sent_at - scan.scanned_at, dt.timedelta()), LONGEST_WAIT)
    try:
        token = tokens.read(scan.text, scanned_at)
    except tokens.TokenError as error:
        return _Verdict(_FAULTS[error.fault])
    holder = _of_this_tree(device, queries.holder_by_number(token.number))
    first_point, first_at, is_first = _claim(token, device.point_id, scanned_at)
    is_here = first_point == device.point_id
    is_repeat = is_here and not is_first and abs(scanned_at - first_at) <= REPEAT
    if is_repeat and _find(device, scan):
        raise _KeptError
    if holder is None or holder.is_revoked:
        result = Result.REVOKED
    else:
        result = _by_state(device, holder.state) if is_here else Result.REPLAYED
    return _Verdict(result, holder, is_repeat=is_repeat)


def _judge_paper(device: Device, scan: PaperScan) -> _Verdict:
    if _find(device, scan):
        raise _KeptError
    paper = shown_paper(device=device, text=scan.text)
    if paper.fault:
        return _Verdict(_PAPER_FAULTS[paper.fault], paper.holder)
    if paper.holder is None:
        return _Verdict(Result.PAPER_VOID)
    result = _by_state(device, paper.holder.state) if scan.is_holder else Result.NOT_THE_HOLDER
    return _Verdict(result, paper.holder)


def _of_this_tree(device: Device, holder: queries.Holder | None) -> queries.Holder | None:
    """Return the holder unless one of person and gate belongs to test walks and the other does not."""
    return holder if holder and holder.is_smoke == device.point.place.area.is_smoke else None


def _claim(token: tokens.Token, point_id: int, at: dt.datetime) -> tuple[int, dt.datetime, bool]:
    """Return where and when a token was shown first, and whether that is here and now.

    Of two gates at the same moment the second waits in this statement for the first to commit, then sees its row.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accesslog_tokenuse AS used (number, counter, point_id, first_at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (number, counter) DO UPDATE SET counter = used.counter"
            " RETURNING point_id, first_at, xmax = 0",
            [token.number, token.counter, point_id, at],
        )
        first: tuple[int, dt.datetime, bool] = cursor.fetchone()
    return first


def _judge_document(device: Device, scan: DocumentScan, by: User) -> _Verdict:
    # A device's look-ups take turns, so that parallel ones cannot each find room for themselves.
    Device.objects.select_for_update().get(pk=device.pk)
    if _find(device, scan):
        raise _KeptError
    now = clock.now()
    recent = Pass.objects.filter(place=device.point.place_id, scanned_at__gt=now - MOST_AHEAD - dt.timedelta(minutes=1))
    asked = recent.filter(device=device, lane=Lane.DOCUMENT, received_at__gt=now - dt.timedelta(minutes=1))
    if asked.count() >= DOCUMENTS_A_MINUTE:
        raise TooManyError(_("Too many documents in one minute on this device. Wait a minute, then go on."))
    holder = _of_this_tree(device, queries.holder_by_document(scan.type, scan.number))
    if holder is None:
        return _Verdict(Result.NO_PERSON)
    _verify(holder, scan, device, by)
    return _Verdict(_by_state(device, holder.state), holder)


def _verify(holder: queries.Holder, scan: DocumentScan, device: Device, by: User) -> None:
    """Note that a document was seen in its holder's hand, the first time it is."""
    tags = crypto.blind_indexes(scan.type, documents.normalise(scan.number))
    shown = Document.objects.filter(person=holder.person_id, number_index__in=tags)
    if shown.filter(verified_at=None).update(verified_at=clock.now()):
        audit.record(
            Deed.VERIFY_DOCUMENT,
            by=by,
            under=Act.CHECK_AT_GATE,
            where=holding_of(device),
            subjects=[holder.person_id],
            target=f"device:{device.pk}",
        )


def _judge_certificate(device: Device, scan: CertificateScan, by: User) -> _Verdict:
    if _find(device, scan):
        raise _KeptError
    area = device.point.place.area
    certificate = Certificate.objects.create(
        number=scan.number,
        issuer=scan.issuer,
        photo=photos.keep(jpeg=scan.jpeg, area=area, by=by),
        area=area,
        made_by=by.pk,
        made_at=clock.now(),
    )
    return _Verdict(Result.CERTIFICATE if scan.accepted else Result.CERTIFICATE_REFUSED, certificate=certificate)


def _by_state(device: Device, state: State) -> Result:
    if state == State.GREEN:
        return Result.GREEN
    if state == State.YELLOW and State.YELLOW in device.point.place.admits:
        return Result.YELLOW_ADMITTED
    return Result(state)


def _keep(device: Device, scan: Scan, by: User, verdict: _Verdict) -> int:
    """Insert the pass and return its id; raise _KeptError when this scan was kept before, in either table."""
    now = clock.now()
    is_near = now - MOST_BEHIND <= scan.scanned_at <= now + MOST_AHEAD
    table, other = (Pass, QuarantinedPass) if is_near else (QuarantinedPass, Pass)
    row: dict[str, Any] = {
        "device_id": device.pk,
        "nonce": scan.nonce,
        "scanned_at": scan.scanned_at,
        "skew_ms": (scan.sent_at - now) // dt.timedelta(milliseconds=1),
        "point_id": device.point_id,
        "place_id": device.point.place_id,
        "area_id": device.point.place.area_id,
        "person_id": verdict.holder.person_id if verdict.holder else None,
        "lane": scan.lane,
        "result": verdict.result,
        "is_admitted": verdict.result in ADMITTING,
        "state": verdict.state,
        "certificate_id": verdict.certificate.pk if verdict.certificate else None,
        "operator": by.pk,
    }
    key = " AND ".join(f"{name} = %({name})s" for name in ("device_id", "nonce", "scanned_at"))
    statement = (
        f"INSERT INTO {table._meta.db_table} ({', '.join(row)})"  # noqa: S608 (names stand above)
        f" SELECT {', '.join(f'%({name})s' for name in row)}"
        f" WHERE NOT EXISTS (SELECT FROM {other._meta.db_table} WHERE {key})"
        " ON CONFLICT (device_id, nonce, scanned_at) DO NOTHING RETURNING id"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, row)
        kept = cursor.fetchone()
    if kept is None:
        raise _KeptError
    if not is_near:
        _tell_of_quarantined(QuarantinedPass.objects.get(pk=kept[0]), by)
    return int(kept[0])


def _tell_of_quarantined(kept: QuarantinedPass, by: User) -> None:
    """Put the look on record and raise the alert at once: nobody follows what is in quarantine."""
    audit.record(
        Deed.CHECK_OUT_OF_TIME,
        by=by,
        under=Act.CHECK_AT_GATE,
        where=("area", [kept.area_id]),
        subjects=[kept.person_id] if kept.person_id is not None else [],
        target=f"device:{kept.device_id}",
    )
    watch.raise_for([kept])


def _find(device: Device, scan: Scan) -> Pass | QuarantinedPass | None:
    same: dict[str, Any] = {"device": device, "nonce": scan.nonce, "scanned_at": scan.scanned_at}
    return (
        Pass.objects.select_related("person").filter(**same).first()
        or QuarantinedPass.objects.select_related("person").filter(**same).first()
    )


def _kept(device: Device, scan: Scan) -> Decision:
    row = _find(device, scan)
    if row is None:
        raise LookupError(scan.nonce)
    return decision_of(row)
