"""The audit chain. Sealing needs the xmin horizon, hence real commits; tampering needs the owner role."""

import datetime as dt
import io
import json
import os
import threading
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from citybrain.core import audit, chain, clock
from citybrain.core.models import AuditBlock, AuditRow, XidEra
from citybrain.core.models.audit import Deed

pytestmark = pytest.mark.django_db(transaction=True)


def _tamper(statement: LiteralString) -> None:
    """Do what only the owner of the table can, as someone with the database's keys would."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute(statement)


def _blocks(*sizes: int) -> None:
    for size in sizes:
        for _row in range(size):
            audit.record(Deed.SEE_PERSON, by=None, subjects=[1, 2], purpose="visit")
        assert chain.seal() is not None


def test_an_untouched_chain_is_whole() -> None:
    _blocks(1, 3, 2)
    assert list(chain.verify()) == []
    assert [block.row_count for block in AuditBlock.objects.all()] == [1, 3, 2]


def test_nothing_new_makes_no_block() -> None:
    _blocks(1)
    assert chain.seal() is None
    assert AuditBlock.objects.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_auditrow SET purpose = 'help' WHERE id = 3",
        "UPDATE core_auditrow SET subjects = '{2}' WHERE id = 3",
        "UPDATE core_auditrow SET at = at + interval '1 microsecond' WHERE id = 3",
        "UPDATE core_auditrow SET actor = 7 WHERE id = 3",
        "DELETE FROM core_auditrow WHERE id = 3",
        "INSERT INTO core_auditrow (at, role, holding, deed, purpose, outcome, subjects, target, detail, digest, xid)"
        " SELECT at, role, holding, deed, purpose, outcome, subjects, target, detail, digest, xid"
        " FROM core_auditrow WHERE id = 3",
        "UPDATE core_auditblock SET row_count = 1 WHERE number = 2",
        "UPDATE core_auditblock SET root = decode(repeat('00', 32), 'hex') WHERE number = 2",
        "UPDATE core_auditblock SET sealed_at = sealed_at + interval '1 day' WHERE number = 2",
        "DELETE FROM core_auditblock WHERE number = 2",
    ],
)
def test_the_first_broken_block_is_named_whatever_was_done_to_it(statement: LiteralString) -> None:
    _blocks(2, 2, 2)
    _tamper(statement)
    faults = [fault.block for fault in chain.verify() if fault.block is not None]
    assert faults
    assert faults[0] == min(faults) == 2
    with pytest.raises(CommandError, match="first broken block: 2"):
        call_command("verify_audit", stderr=io.StringIO())


@given(changed=st.integers(min_value=1, max_value=9), column=st.sampled_from(["target", "deed", "role", "holding"]))
@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_single_changed_row_goes_unnoticed(changed: int, column: LiteralString) -> None:
    if not AuditBlock.objects.exists():
        _blocks(3, 3, 3)
    _tamper(f"UPDATE core_auditrow SET {column} = {column} || 'x' WHERE id = {changed}")
    faults = [fault.block for fault in chain.verify() if fault.block is not None]
    _tamper(f"UPDATE core_auditrow SET {column} = left({column}, -1) WHERE id = {changed}")
    assert faults[0] == (changed - 1) // 3 + 1
    assert list(chain.verify()) == []


def test_rewriting_a_row_with_its_digest_is_found_by_the_block() -> None:
    _blocks(2, 2)
    row = AuditRow.objects.get(pk=3)
    row.target = "forged"
    _tamper(f"UPDATE core_auditrow SET target = 'forged', digest = '\\x{audit.digest(row).hex()}' WHERE id = 3")
    assert [fault.block for fault in chain.verify()] == [2]


def test_rewriting_the_whole_chain_is_found_by_a_published_head(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEADS_FILE = tmp_path / "heads.ndjson"
    _blocks(2)
    assert chain.publish_head() is not None
    assert chain.publish_head() is None
    _tamper("TRUNCATE core_auditrow, core_auditblock, core_audithead RESTART IDENTITY CASCADE")
    _blocks(1)
    assert [fault.block for fault in chain.verify()] == []
    assert [fault.block for fault in chain.verify(settings.AUDIT_HEADS_FILE)] == [1]


def test_a_forged_head_is_found_by_its_signature(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEADS_FILE = tmp_path / "heads.ndjson"
    _blocks(2)
    chain.publish_head()
    head = json.loads(settings.AUDIT_HEADS_FILE.read_text())
    head["hash"] = "00" * 32
    settings.AUDIT_HEADS_FILE.write_text(json.dumps(head) + "\n")
    assert [fault.problem for fault in chain.verify(settings.AUDIT_HEADS_FILE)] == [
        "the published head of block 1 carries a wrong signature",
    ]


def test_a_row_of_a_transaction_still_open_waits_for_a_later_block() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        audit.record(Deed.SIGN_IN, by=None)
        assert chain.seal() is None
    assert chain.seal() is not None
    assert list(chain.verify()) == []


def test_a_row_that_commits_late_is_sealed_and_none_is_skipped() -> None:
    written = threading.Event()
    go_on = threading.Event()

    def slow_writer() -> None:
        with transaction.atomic():
            audit.record(Deed.SIGN_IN, by=None, target="late")
            written.set()
            go_on.wait(10)
        connection.close()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    written.wait(10)
    audit.record(Deed.SIGN_IN, by=None, target="early")
    assert chain.seal() is None
    go_on.set()
    writer.join()
    block = chain.seal()
    assert block is not None
    assert block.row_count == 2
    assert list(chain.verify()) == []


def test_rows_left_unsealed_are_reported_after_five_seconds_not_before() -> None:
    audit.record(Deed.SIGN_IN, by=None)
    assert list(chain.verify()) == []
    with clock.at(clock.now() + dt.timedelta(seconds=6)):
        assert [fault.block for fault in chain.verify()] == [None]
        with pytest.raises(CommandError, match="unsealed"):
            call_command("verify_audit", stderr=io.StringIO())


def test_a_restored_database_stops_the_sealer_until_after_restore_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    _blocks(2)
    audit.record(Deed.SIGN_IN, by=None)
    # A restore into a new cluster: other identifier, and rows that carry ids the new counter has yet to reach.
    _tamper("UPDATE core_xidera SET system_identifier = '1'")
    _tamper("UPDATE core_auditrow SET xid = (xid::text::bigint + 1000000)::text::xid8")
    _tamper("UPDATE core_auditblock SET xid_from = xid_from + 1000000, xid_to = xid_to + 1000000")
    _rehash()
    with pytest.raises(chain.ChainError, match="after_restore"):
        chain.seal()
    call_command("after_restore")
    assert "new era" in capsys.readouterr().out
    assert XidEra.objects.count() == 2
    _blocks(1)
    assert [block.row_count for block in AuditBlock.objects.all()] == [2, 1, 1]
    assert list(chain.verify()) == []
    call_command("after_restore")
    assert "nothing to do" in capsys.readouterr().out
    _tamper("UPDATE core_auditrow SET target = 'x' WHERE id = 3")
    assert next(chain.verify()).block == 2


def _rehash() -> None:
    """Make the chain whole again after moving its ids, as it was in the cluster it came from."""
    for block in AuditBlock.objects.all():
        block.hash = chain._hash(block)
        _tamper(f"UPDATE core_auditblock SET hash = '\\x{block.hash.hex()}' WHERE number = {block.number}")


def test_verify_audit_says_how_many_blocks_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    _blocks(1, 1)
    call_command("verify_audit")
    assert capsys.readouterr().out == "whole: 2 blocks\n"
