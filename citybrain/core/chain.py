"""The audit chain: the database links rows into blocks, this module asks it to and verifies what it did.

Rows are inserted unlinked; a trigger stamps id, transaction, time and digest. A block takes the rows of all
transactions below the xmin horizon, the oldest transaction still running anywhere in the cluster, so that no row can
appear in it later. The functions are those of migration 0002; `verify` recomputes everything without them.
"""

import datetime as dt
import hashlib
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import DatabaseError, connection, connections

from citybrain.core import clock, keyring
from citybrain.core.models.audit import AuditBlock, AuditHead, XidEra

GENESIS = b"\0" * 32
# Rows of one block: it bounds the time and memory of one turn of the sealer.
BLOCK_ROWS = 5000
RESTORED = "CB001"
# In the order of the canonical form, as text, as `core_audit_digest` has them.
PARTS = """
id::text, xid::text, (extract(epoch FROM at) * 1000000)::bigint::text,
(extract(epoch FROM written_at) * 1000000)::bigint::text, coalesce(actor::text, ''), role, holding, deed, purpose,
outcome, array_to_string(subjects, ','), target, detail::text
"""
_ROWS = f"""
SELECT id, digest, {PARTS} FROM core_auditrow
 WHERE id > %s AND id <= %s AND xid >= %s::text::xid8 AND xid < %s::text::xid8
 ORDER BY core_auditrow.xid, core_auditrow.id
"""  # noqa: S608 (constants)
_UNSEALED = """
SELECT count(*), min(id) FROM core_auditrow
 WHERE id > %s AND xid >= %s::text::xid8 AND written_at < clock_timestamp() - %s
   AND (xid < pg_snapshot_xmin(pg_current_snapshot())) = %s
"""
NEVER = 2**63 - 1


class ChainError(Exception):
    """The chain cannot go on; the text says what to do."""


@dataclass(frozen=True)
class Fault:
    """What `verify` found: the block (none for unsealed rows and missing heads) and a sentence."""

    block: int | None
    problem: str


def seal() -> int | None:
    """Link rows below the horizon into one block; return its number, or None when there is nothing to seal.

    Sealers exclude one another by a lock; a second one finds nothing left to do. Raises ChainError in a cluster into
    which the database was restored.
    """
    with _telling_of_a_restore(), connection.cursor() as cursor:
        cursor.execute("SELECT core_seal(%s)", [BLOCK_ROWS])
        number: int | None = cursor.fetchone()[0]
    return number


def require_present_era() -> None:
    """Raise ChainError in a cluster into which the database was restored and `after_restore` has not run."""
    with _telling_of_a_restore(), connection.cursor() as cursor:
        cursor.execute("SELECT core_require_present_era()")


@contextmanager
def _telling_of_a_restore() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") == RESTORED:
            raise ChainError(str(error).splitlines()[0]) from error
        raise


def begin_era() -> bool:
    """Begin a new era after a restore, as the owner role; return whether there was need to."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT core_begin_era()")
        is_new: bool = cursor.fetchone()[0]
    return is_new


# Verifying


def verify(heads_file: Path | None = None) -> Iterator[Fault]:
    """Yield every fault, the first broken block first; nothing when the chain is whole."""
    yield from _verify_blocks()
    yield from _verify_unsealed()
    yield from _verify_heads(heads_file)


def _verify_blocks() -> Iterator[Fault]:
    eras = list(XidEra.objects.order_by("id"))
    ends = {era.pk: after.after_row for era, after in itertools.pairwise(eras)}
    known = {era.pk: era for era in eras}
    before: AuditBlock | None = None
    for block in AuditBlock.objects.order_by("number").iterator():
        yield from _verify_link(block, before, known[block.era_id])
        yield from _verify_rows(block, known[block.era_id].after_row, ends.get(block.era_id, NEVER))
        before = block


def _verify_link(block: AuditBlock, before: AuditBlock | None, era: XidEra) -> Iterator[Fault]:
    """Check a block's number, range, link and hash."""
    number = before.number + 1 if before else 1
    previous = bytes(before.hash) if before else GENESIS
    start = before.xid_to if before and before.era_id == block.era_id else 0
    if block.number != number:
        yield Fault(number, f"block {number} is missing; the next one is {block.number}")
    elif bytes(block.previous) != previous:
        yield Fault(block.number, f"block {block.number} does not continue the block before it")
    elif block.xid_from != start or block.row_count == 0:
        yield Fault(block.number, f"block {block.number} leaves a gap: it begins at transaction {block.xid_from}")
    if bytes(block.hash) != block_hash(block, era):
        yield Fault(block.number, f"block {block.number} or its era was changed: its hash does not fit")


def block_hash(block: AuditBlock, era: XidEra) -> bytes:
    """Return the SHA-256 over a block's fields and those of its era, as `core_append_block` computes it."""
    fields = [block.number, era.pk, era.system_identifier, era.after_row, block.xid_from, block.xid_to, block.row_count]
    hashes = [bytes(block.root).hex(), bytes(block.previous).hex()]
    sealed_at = (block.sealed_at - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(microseconds=1)
    return hashlib.sha256("|".join(map(str, [*fields, *hashes, sealed_at])).encode()).digest()


def _verify_rows(block: AuditBlock, after_row: int, upto_row: int) -> Iterator[Fault]:
    """Check that a block has the rows that it was sealed with, unchanged."""
    root, count, changed = hashlib.sha256(), 0, []
    for row_id, digest, *parts in _select(_ROWS, after_row, upto_row, block.xid_from, block.xid_to):
        canonical = "".join(f"{len(part)}:{part}" for part in parts)
        if hashlib.sha256(canonical.encode()).digest() != bytes(digest):
            changed.append(row_id)
        root.update(digest)
        count += 1
    if changed:
        yield Fault(block.number, f"block {block.number}: row {changed[0]} was changed ({len(changed)} in all)")
    if count != block.row_count:
        yield Fault(block.number, f"block {block.number}: sealed with {block.row_count} rows, has {count}")
    elif root.digest() != bytes(block.root):
        yield Fault(block.number, f"block {block.number}: its rows are not those that were sealed")


def _verify_unsealed() -> Iterator[Fault]:
    """Report rows that wait too long, below the horizon (no sealer) or above it (a transaction is held open)."""
    era = XidEra.objects.order_by("id").last()
    last = AuditBlock.objects.filter(era=era).order_by("number").last() if era else None
    place = (era.after_row if era else 0, last.xid_to if last else 0)
    reasons = (
        (settings.AUDIT_SEAL_LIMIT, True, "is the sealer running?"),
        (settings.AUDIT_HORIZON_LIMIT, False, "a transaction is held open and keeps the sealer back"),
    )
    for limit, is_below, reason in reasons:
        count, first = next(_select(_UNSEALED, *place, limit, is_below))
        if count:
            age = f"{limit.total_seconds():g} s"
            yield Fault(None, f"{count} rows from row {first} on are unsealed for more than {age}: {reason}")


def _select(statement: str, *params: Any) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        while rows := cursor.fetchmany(1000):
            yield from rows


def _verify_heads(heads_file: Path | None) -> Iterator[Fault]:
    """Check that every published head is signed and is the hash of its block."""
    heads = [(head.number, bytes(head.hash), head.key_id, bytes(head.signature)) for head in AuditHead.objects.all()]
    if heads_file is not None:
        if not heads_file.exists() and heads:
            yield Fault(None, f"heads were published, but the file {heads_file} is not there")
        for place, line in enumerate(_lines(heads_file), start=1):
            try:
                heads.append(_parse_head(line))
            except (ValueError, KeyError, TypeError):
                yield Fault(None, f"line {place} of {heads_file} is no published head")
    for number, hashed, key_id, signature in sorted(set(heads)):
        if not _is_signed(number, hashed, key_id, signature):
            yield Fault(number, f"the published head of block {number} carries a wrong signature")
        elif not AuditBlock.objects.filter(number=number, hash=hashed).exists():
            yield Fault(number, f"block {number} is not the one whose head was published")


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line] if file.exists() else []


# Publishing the head


def publish_head() -> AuditHead | None:
    """Sign the newest block's hash, keep it and append it to the heads file; None when that is done already.

    The file is meant for another machine or a notary: whoever rewrites the whole chain cannot rewrite that.
    """
    last = AuditBlock.objects.order_by("number").last()
    if last is None or _is_published(last):
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


def _is_published(block: AuditBlock) -> bool:
    """Return whether a genuine head of this block is kept; a forged one does not count."""
    heads = AuditHead.objects.filter(number=block.number, hash=bytes(block.hash))
    return any(_is_signed(head.number, bytes(head.hash), head.key_id, bytes(head.signature)) for head in heads)


def _parse_head(line: str) -> tuple[int, bytes, int, bytes]:
    raw = json.loads(line)
    return int(raw["number"]), bytes.fromhex(raw["hash"]), int(raw["key"]), bytes.fromhex(raw["signature"])


def _is_signed(number: int, hashed: bytes, key_id: int, signature: bytes) -> bool:
    try:
        key = Ed25519PrivateKey.from_private_bytes(_ring().key("audit_head", key_id).secret).public_key()
        key.verify(signature, _head_message(number, hashed))
    except (InvalidSignature, keyring.KeyringError):
        return False
    return True


def _head_message(number: int, hashed: bytes) -> bytes:
    return b"citybrain audit head %d " % number + hashed


def _ring() -> keyring.Keyring:
    return keyring.load(settings.KEYRING_FILE)
