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
from django.db import IntegrityError, ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from citybrain.core import audit, chain, clock
from citybrain.core.models import AuditBlock, AuditHead, AuditRow
from citybrain.core.models.audit import Deed

pytestmark = pytest.mark.django_db(transaction=True)


def _tamper(statement: LiteralString) -> None:
    """Do what only the owner of the table can, as someone with the database's keys would."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute("ALTER TABLE core_auditrow DISABLE TRIGGER core_stamp_auditrow")
        owner.execute(statement)
        owner.execute("ALTER TABLE core_auditrow ENABLE TRIGGER core_stamp_auditrow")


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
        "INSERT INTO core_auditrow (id, at, role, holding, deed, purpose, outcome, subjects, target, detail, digest,"
        " xid) SELECT 99, at, role, holding, deed, purpose, outcome, subjects, target, detail, digest, xid"
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


@given(changed=st.integers(min_value=1, max_value=9), column=st.sampled_from(["target", "deed", "role", "outcome"]))
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
    _tamper("UPDATE core_auditrow SET target = 'forged' WHERE id = 3")
    _tamper("UPDATE core_auditrow SET digest = core_audit_digest(core_auditrow) WHERE id = 3")
    assert [fault.block for fault in chain.verify()] == [2]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_xidera SET after_row = 1",
        "UPDATE core_xidera SET system_identifier = '1'",
        "UPDATE core_auditblock SET xid_from = xid_from + 1 WHERE number = 1",
    ],
)
def test_an_era_or_a_range_that_was_changed_is_found(statement: LiteralString) -> None:
    _blocks(2, 2)
    _tamper(statement)
    assert next(chain.verify()).block == 1


# What the app role may try: it inserts rows, and nothing else.


def test_the_app_role_cannot_choose_a_rows_place_age_or_digest() -> None:
    _blocks(2)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_auditrow (id, xid, digest, written_at, at, deed, role, holding, purpose, outcome,"
            " subjects, target, detail)"
            " VALUES (99, '1', 'x', 'yesterday', now(), 'sign_in', '', '', '', 'done', '{}', '', '{}')"
        )
    row = AuditRow.objects.latest("id")
    assert row.pk == 3
    assert row.xid > 1
    assert row.written_at > clock.now() - dt.timedelta(minutes=1)
    assert chain.seal() == 2
    assert list(chain.verify()) == []


@pytest.mark.parametrize("table", ["core_auditblock", "core_xidera"])
def test_the_app_role_cannot_write_a_block_or_an_era(table: LiteralString) -> None:
    _blocks(1)
    for statement in (
        f"INSERT INTO {table} SELECT * FROM {table}",
        f"UPDATE {table} SET id = 1",
        f"DELETE FROM {table}",
    ):
        with pytest.raises(ProgrammingError, match=r"permission denied|does not exist"), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize("function", ["core_begin_era()", "core_unsealed_from(NULL)"])
def test_the_app_role_may_call_no_function_of_the_chain_but_seal(function: LiteralString) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}")


def test_the_app_role_cannot_take_the_sealers_lock() -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("LOCK TABLE core_auditblock IN SHARE MODE")


def test_a_holding_that_is_no_id_is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError, match="audit_holding_is_an_id"):
        AuditRow.objects.create(at=clock.now(), deed=Deed.SIGN_IN, holding="area:x")


def test_sealers_at_the_same_time_make_one_chain() -> None:
    for _row in range(40):
        audit.record(Deed.SIGN_IN, by=None)

    def run() -> None:
        for _turn in range(10):
            chain.seal()
        connection.close()

    sealers = [threading.Thread(target=run) for _number in range(4)]
    for sealer in sealers:
        sealer.start()
    for _row in range(40):
        audit.record(Deed.SIGN_IN, by=None)
    for sealer in sealers:
        sealer.join()
    chain.seal()
    assert list(chain.verify()) == []
    assert sum(AuditBlock.objects.values_list("row_count", flat=True)) == 80


def test_a_block_is_bounded_and_a_transaction_is_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BLOCK_ROWS", 3)
    for size in (1, 1, 5, 2):
        with transaction.atomic():
            for _row in range(size):
                audit.record(Deed.SIGN_IN, by=None)
    while chain.seal():
        pass
    assert [block.row_count for block in AuditBlock.objects.all()] == [2, 5, 2]
    assert list(chain.verify()) == []


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
    assert block == 1
    assert AuditBlock.objects.get().row_count == 2
    assert list(chain.verify()) == []


def test_rows_left_unsealed_are_reported_after_the_limit_not_before(settings: Any) -> None:
    audit.record(Deed.SIGN_IN, by=None)
    assert list(chain.verify()) == []
    settings.AUDIT_SEAL_LIMIT = dt.timedelta(0)
    assert [fault.block for fault in chain.verify()] == [None]
    with pytest.raises(CommandError, match="not all is well"):
        call_command("verify_audit", stderr=io.StringIO())


def test_a_transaction_held_open_is_reported_when_it_keeps_rows_from_being_sealed(settings: Any) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        audit.record(Deed.SIGN_IN, by=None)
        assert list(chain.verify()) == []
        settings.AUDIT_HORIZON_LIMIT = dt.timedelta(0)
        assert ["held open" in fault.problem for fault in chain.verify()] == [True]


def test_a_session_that_idles_inside_a_transaction_is_ended_by_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("1min",)


def test_heads_that_are_missing_damaged_or_forged_are_faults_not_crashes(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEADS_FILE = tmp_path / "heads.ndjson"
    _blocks(1)
    AuditHead.objects.create(number=1, hash=b"x" * 32, published_at=clock.now(), key_id=9, signature=b"y" * 64)
    assert chain.publish_head() is not None, "a forged head does not keep the genuine one from being published"
    settings.AUDIT_HEADS_FILE.write_text("not a head\n")
    problems = [fault.problem for fault in chain.verify(settings.AUDIT_HEADS_FILE)]
    assert "line 1 of" in problems[0]
    assert "wrong signature" in problems[1]
    settings.AUDIT_HEADS_FILE.unlink()
    assert "is not there" in next(chain.verify(settings.AUDIT_HEADS_FILE)).problem
    with pytest.raises(CommandError, match="there is no file"):
        call_command("verify_audit", heads=tmp_path / "typo")


def test_verify_audit_says_how_many_blocks_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    _blocks(1, 1)
    call_command("verify_audit")
    assert capsys.readouterr().out == "whole: 2 blocks\n"
