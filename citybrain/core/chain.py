"""The audit chain: one sealer links rows into blocks, anyone may verify them.

Rows are inserted unlinked. A block takes the rows of all transactions below the xmin horizon, the oldest
transaction still running anywhere in the cluster, so that no row can appear in it later.
"""

import datetime as dt
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction

from citybrain.core import audit, clock, keyring
from citybrain.core.models.audit import AuditBlock, AuditHead, AuditRow, XidEra

GENESIS = b"\0" * 32


class ChainError(Exception):
    """The chain cannot go on; the text says what to do."""


@dataclass(frozen=True)
class Fault:
    """What `verify` found: the block (none for unsealed rows) and a sentence."""

    block: int | None
    problem: str


def seal() -> AuditBlock | None:
    """Link the rows below the horizon into one block; return it, or None when there is nothing to seal.

    The caller makes sure that one sealer runs; a second one fails at the block's number.
    """
    with transaction.atomic():
        era = _present_era()
        last = AuditBlock.objects.select_related("era").last()
        horizon = _horizon()
        start = last.xid_to if last and last.era_id == era.pk else 0
        rows = list(_rows(era.after_row, None, start, horizon))
        return _append(era, last, start, horizon, rows) if rows else None


def close_era() -> XidEra:
    """After a restore: seal what the old counter left unsealed, then begin an era with the present counter.

    Must run before anything writes; otherwise rows of both counters would mix.
    """
    with transaction.atomic():
        newest = AuditRow.objects.order_by("id").values_list("id", flat=True).last() or 0
        old = XidEra.objects.last()
        if old:
            last = AuditBlock.objects.last()
            start = last.xid_to if last and last.era_id == old.pk else 0
            rows = list(_rows(old.after_row, newest, start, None))
            if rows:
                _append(old, last, start, max(row.xid for row in rows) + 1, rows)
        return _begin_era(after_row=newest)


def _begin_era(*, after_row: int) -> XidEra:
    identifier, timeline = _cluster()
    return XidEra.objects.create(
        system_identifier=identifier,
        timeline=timeline,
        after_row=after_row,
        started_at=clock.now(),
    )


def is_present_era() -> bool:
    """Whether the newest era is this cluster's."""
    era = XidEra.objects.last()
    return era is not None and (era.system_identifier, era.timeline) == _cluster()


def _present_era() -> XidEra:
    era = XidEra.objects.last()
    if era is None:
        return _begin_era(after_row=0)
    if (era.system_identifier, era.timeline) != _cluster():
        message = "this database was restored into another cluster: stop everything, run `manage.py after_restore`"
        raise ChainError(message)
    return era


def _append(era: XidEra, last: AuditBlock | None, start: int, stop: int, rows: list[AuditRow]) -> AuditBlock:
    block = AuditBlock(
        number=last.number + 1 if last else 1,
        era=era,
        xid_from=start,
        xid_to=stop,
        row_count=len(rows),
        root=_root(rows),
        previous=bytes(last.hash) if last else GENESIS,
        sealed_at=clock.now(),
    )
    block.hash = _hash(block)
    block.save(force_insert=True)
    return block


def _root(rows: list[AuditRow]) -> bytes:
    return hashlib.sha256(b"".join(bytes(row.digest) for row in rows)).digest()


def _hash(block: AuditBlock) -> bytes:
    numbers = [block.number, block.era_id, block.xid_from, block.xid_to, block.row_count]
    hashes = [bytes(block.root).hex(), bytes(block.previous).hex()]
    values = [*numbers, *hashes, block.sealed_at.astimezone(dt.UTC).isoformat(timespec="microseconds")]
    return hashlib.sha256(json.dumps(values).encode()).digest()


def _rows(after_row: int, upto_row: int | None, xid_from: int, xid_to: int | None) -> Iterator[AuditRow]:
    """Yield an era's rows of the transactions [xid_from, xid_to) in the order of the chain."""
    clauses = ["id > %s", "xid >= %s::text::xid8"]
    params: list[int | str] = [after_row, str(xid_from)]
    if upto_row is not None:
        clauses.append("id <= %s")
        params.append(upto_row)
    if xid_to is not None:
        clauses.append("xid < %s::text::xid8")
        params.append(str(xid_to))
    statement = f"SELECT * FROM core_auditrow WHERE {' AND '.join(clauses)} ORDER BY xid, id"  # noqa: S608 (no input)
    yield from AuditRow.objects.raw(statement, params)


def _horizon() -> int:
    return int(_value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))


def _cluster() -> tuple[str, int]:
    identifier = _value("SELECT system_identifier::text FROM pg_control_system()")
    return identifier, int(_value("SELECT timeline_id FROM pg_control_checkpoint()"))


def _value(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


# Verifying


def verify(heads_file: Path | None = None) -> Iterator[Fault]:
    """Yield every fault, the first broken block first; nothing when the chain is whole."""
    yield from _verify_blocks()
    yield from _verify_unsealed()
    yield from _verify_heads(heads_file)


def _verify_blocks() -> Iterator[Fault]:
    previous, number = GENESIS, 0
    eras = {era.pk: era for era in XidEra.objects.all()}
    ends = dict(itertools.pairwise([era.pk for era in eras.values()]))
    for block in AuditBlock.objects.order_by("number").iterator():
        if block.number != number + 1:
            yield Fault(number + 1, f"block {number + 1} is missing; the next one is {block.number}")
        elif bytes(block.previous) != previous:
            yield Fault(block.number, f"block {block.number} does not continue the block before it")
        if bytes(block.hash) != _hash(block):
            yield Fault(block.number, f"block {block.number} was changed: its hash does not fit its content")
        upto = eras[ends[block.era_id]].after_row if block.era_id in ends else None
        yield from _verify_rows(block, list(_rows(eras[block.era_id].after_row, upto, block.xid_from, block.xid_to)))
        previous, number = bytes(block.hash), block.number


def _verify_rows(block: AuditBlock, rows: list[AuditRow]) -> Iterator[Fault]:
    changed = [row.pk for row in rows if audit.digest(row) != bytes(row.digest)]
    if changed:
        yield Fault(block.number, f"block {block.number}: row {changed[0]} was changed ({len(changed)} in all)")
    if len(rows) != block.row_count:
        yield Fault(block.number, f"block {block.number}: sealed with {block.row_count} rows, has {len(rows)}")
    elif _root(rows) != bytes(block.root):
        yield Fault(block.number, f"block {block.number}: its rows are not those that were sealed")


def _verify_unsealed() -> Iterator[Fault]:
    era = XidEra.objects.last()
    last = AuditBlock.objects.last()
    start = last.xid_to if last and era and last.era_id == era.pk else 0
    limit = clock.now() - settings.AUDIT_SEAL_LIMIT
    late = [row for row in _rows(era.after_row if era else 0, None, start, _horizon()) if row.at < limit]
    if late:
        age = f"more than {settings.AUDIT_SEAL_LIMIT.total_seconds():g} s"
        yield Fault(None, f"{len(late)} rows from row {late[0].pk} on are unsealed for {age}: is the sealer running?")


def _verify_heads(heads_file: Path | None) -> Iterator[Fault]:
    heads = [(head.number, bytes(head.hash), head.key_id, bytes(head.signature)) for head in AuditHead.objects.all()]
    if heads_file and heads_file.exists():
        heads += [_parse_head(line) for line in heads_file.read_text(encoding="utf-8").splitlines() if line]
    known = {number: bytes(hashed) for number, hashed in AuditBlock.objects.values_list("number", "hash")}
    for number, hashed, key_id, signature in sorted(set(heads)):
        if not _is_signed(number, hashed, key_id, signature):
            yield Fault(number, f"the published head of block {number} carries a wrong signature")
        elif known.get(number) != hashed:
            yield Fault(number, f"block {number} is not the one whose head was published")


# Publishing the head


def publish_head() -> AuditHead | None:
    """Sign the newest block's hash, keep it and append it to the heads file; None when it is published already.

    The file is meant for another machine or a notary: whoever rewrites the whole chain cannot rewrite that.
    """
    last = AuditBlock.objects.last()
    if last is None or AuditHead.objects.filter(number=last.number).exists():
        return None
    key = _ring().current("audit_head")
    signature = Ed25519PrivateKey.from_private_bytes(key.secret).sign(_head_message(last.number, bytes(last.hash)))
    head = AuditHead.objects.create(
        number=last.number,
        hash=bytes(last.hash),
        published_at=clock.now(),
        key_id=key.id,
        signature=signature,
    )
    line = {"number": head.number, "hash": bytes(head.hash).hex(), "key": key.id, "signature": signature.hex()}
    with settings.AUDIT_HEADS_FILE.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return head


def _parse_head(line: str) -> tuple[int, bytes, int, bytes]:
    raw = json.loads(line)
    return raw["number"], bytes.fromhex(raw["hash"]), raw["key"], bytes.fromhex(raw["signature"])


def _is_signed(number: int, hashed: bytes, key_id: int, signature: bytes) -> bool:
    public: Ed25519PublicKey = Ed25519PrivateKey.from_private_bytes(
        _ring().key("audit_head", key_id).secret
    ).public_key()
    try:
        public.verify(signature, _head_message(number, hashed))
    except InvalidSignature:
        return False
    return True


def _head_message(number: int, hashed: bytes) -> bytes:
    return b"citybrain audit head %d " % number + hashed


def _ring() -> keyring.Keyring:
    return keyring.load(settings.KEYRING_FILE)
