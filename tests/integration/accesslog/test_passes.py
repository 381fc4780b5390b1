"""The decision at a gate: who is admitted, who is refused for which reason, and what is kept of it."""

import dataclasses
import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accesslog import tasks
from accesslog.actions import passes
from accesslog.actions.passes import TooManyError
from accesslog.models import Pass, Place, QuarantinedPass, Result, TokenUse
from citybrain.core import clock
from citybrain.core.models import Area, AuditRow, Document, Event, Person, User
from citybrain.core.models.audit import Deed
from citybrain.demo import smoke_accounts
from community.models import Alert
from healthcode import tokens
from healthcode.actions.code import number_of, renew
from tests.gates import (
    JPEG,
    Gate,
    add_gate,
    certificate_scan,
    document_scan,
    make_gate,
    set_state,
    token_of,
    token_scan,
)
from tests.people import LI_ID, ZHANG_ID, District, make_person

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)


# Who is admitted


@pytest.mark.parametrize(
    ("state", "at_work", "at_home"),
    [
        ("green", Result.GREEN, Result.GREEN),
        ("yellow", Result.YELLOW, Result.YELLOW_ADMITTED),
        ("red", Result.RED, Result.RED),
        ("not_known", Result.NOT_KNOWN, Result.NOT_KNOWN),
        ("expired", Result.EXPIRED, Result.EXPIRED),
    ],
)
def test_green_is_admitted_everywhere_yellow_where_the_place_says_so_and_nothing_else_anywhere(
    district: District, state: str, at_work: Result, at_home: Result
) -> None:
    set_state(district.zhang, state)
    work, home = make_gate(district, "东新电子"), make_gate(district, yellow=True)
    for gate, wanted in ((work, at_work), (home, at_home)):
        for scan in (token_scan(token_of(district.zhang)), document_scan()):
            TokenUse.objects.all().delete()
            decision = gate.decide(scan)
            kept = Pass.objects.latest("id")
            assert decision.pass_id == kept.pk
            assert decision.result == kept.result == wanted
            assert decision.is_admitted == kept.is_admitted == (wanted in {Result.GREEN, Result.YELLOW_ADMITTED})
            assert (decision.state, decision.masked_name) == (state, "张*")
            assert (kept.person_id, kept.state, kept.lane) == (district.zhang.pk, state, scan.lane)


def test_a_code_that_ran_out_is_refused_though_nobody_has_swept_it_yet(gate: Gate, district: District) -> None:
    set_state(district.zhang, "green", valid_until=clock.now() - SECOND)
    assert gate.scan(token_of(district.zhang)).result == Result.EXPIRED


def test_whoever_never_declared_is_refused(gate: Gate, district: District) -> None:
    assert gate.scan(token_of(district.zhang)).result == Result.NOT_KNOWN


def test_a_pass_keeps_where_by_whom_and_how_far_the_devices_clock_is_off(gate: Gate, green: Person) -> None:
    now = clock.now()
    gate.scan(token_of(green), scanned_at=now - 90 * SECOND, sent_at=now - 60 * SECOND)
    kept = Pass.objects.get()
    assert (kept.device_id, kept.point_id, kept.place_id) == (gate.device.pk, gate.device.point_id, gate.place.pk)
    assert (kept.area_id, kept.operator) == (gate.place.area_id, gate.guard.pk)
    assert -61_000 < kept.skew_ms < -59_000
    assert kept.scanned_at == now - 90 * SECOND
    assert abs(kept.received_at - now) < 60 * SECOND


def test_a_scan_writes_no_audit_row_and_no_event(gate: Gate, green: Person) -> None:
    token = token_of(green)
    rows, events = AuditRow.objects.count(), Event.objects.count()
    gate.scan(token)
    assert (AuditRow.objects.count(), Event.objects.count()) == (rows, events)


def test_a_scan_asks_five_statements(gate: Gate, green: Person) -> None:
    token = token_of(green)
    gate.scan("warm")
    with CaptureQueriesContext(connection) as captured:
        gate.scan(token)
    asked = [query["sql"].split()[0] for query in captured]
    assert asked == ["SAVEPOINT", "SELECT", "INSERT", "INSERT", "RELEASE"]


# Faults of a token


def _other_key(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda _token: "https://example.org/", Result.UNREADABLE),
        (lambda token: token[:-1], Result.UNREADABLE),
        (lambda token: f" {token}", Result.UNREADABLE),
        (lambda token: token.lower(), Result.UNREADABLE),
        (lambda _token: "\x00", Result.UNREADABLE),
        (_other_key, Result.FORGED),
    ],
)
def test_a_text_that_is_no_code_is_refused_and_kept_without_a_person(
    gate: Gate, green: Person, spoil: Callable[[str], str], wanted: Result
) -> None:
    decision = gate.scan(spoil(token_of(green)))
    assert (decision.result, decision.is_admitted, decision.masked_name) == (wanted, False, "")
    assert Pass.objects.get().person_id is None


def test_an_old_code_is_refused_as_old(gate: Gate, green: Person) -> None:
    token = token_of(green, clock.now() - tokens.LIFE - 31 * SECOND)
    assert gate.scan(token).result == Result.STALE
    assert Pass.objects.get().person_id is None


def test_a_code_that_its_holder_replaced_is_refused_with_its_holder_on_record(gate: Gate, green: Person) -> None:
    token = token_of(green)
    renew(person=green, by=None)
    assert gate.scan(token).result == Result.REVOKED
    assert Pass.objects.get().person_id == green.pk


def test_a_genuine_number_that_is_nobodys_any_more_is_refused_as_replaced(gate: Gate, green: Person) -> None:
    decision = gate.scan(tokens.make(number_of(person=green, by=None).number + 1, clock.now()))
    assert (decision.result, decision.masked_name) == (Result.REVOKED, "")


# Replay


def test_a_code_shown_at_another_gate_a_moment_ago_is_refused_there(gate: Gate, green: Person) -> None:
    token = token_of(green)
    other = add_gate(gate.place, gate.guard, "2号门")
    assert gate.scan(token).is_admitted
    for _again in range(2):
        assert other.scan(token).result == Result.REPLAYED
    assert gate.scan(token).is_admitted


def test_the_next_code_of_the_same_person_is_admitted_at_the_other_gate(gate: Gate, green: Person) -> None:
    other = add_gate(gate.place, gate.guard, "2号门")
    now = clock.now()
    assert gate.scan(token_of(green)).is_admitted
    with clock.at(now + 31 * SECOND):
        assert other.scan(token_of(green)).is_admitted


def test_a_replaced_code_is_called_replaced_also_where_it_is_a_replay(gate: Gate, green: Person) -> None:
    token = token_of(green)
    other = add_gate(gate.place, gate.guard, "2号门")
    gate.scan(token)
    renew(person=green, by=None)
    assert other.scan(token).result == Result.REVOKED


def test_the_same_code_at_the_same_point_within_ten_seconds_is_answered_and_not_kept_again(
    gate: Gate, green: Person
) -> None:
    token, now = token_of(green), clock.now()
    with clock.at(now):
        first = gate.scan(token)
    with clock.at(now + 9 * SECOND):
        again = gate.scan(token)
    assert (again.result, again.is_repeat, again.pass_id) == (first.result, True, None)
    assert not first.is_repeat
    with clock.at(now + 11 * SECOND):
        later = gate.scan(token)
    assert (later.result, later.is_repeat) == (Result.GREEN, False)
    assert Pass.objects.count() == 2


def test_a_second_tablet_at_the_same_point_makes_no_replay(gate: Gate, green: Person) -> None:
    twin = Gate(gate.place, type(gate.device).objects.create(point=gate.device.point, name="2"), "", gate.guard)
    token = token_of(green)
    assert gate.scan(token).is_admitted
    assert twin.scan(token).is_repeat


def test_a_repeat_that_is_sent_again_later_is_still_a_repeat(gate: Gate, green: Person) -> None:
    token, now = token_of(green), clock.now()
    with clock.at(now):
        gate.scan(token)
    repeat = token_scan(token, scanned_at=now + 5 * SECOND, sent_at=now + 30 * SECOND)
    with clock.at(now + 30 * SECOND):
        assert gate.decide(repeat).is_repeat
    assert Pass.objects.count() == 1


def test_uses_of_dead_tokens_are_forgotten_and_those_of_live_ones_are_not(gate: Gate, green: Person) -> None:
    gate.scan(token_of(green))
    tasks.purge_token_uses()
    assert TokenUse.objects.count() == 1
    with clock.at(clock.now() + 11 * 60 * SECOND):
        tasks.purge_token_uses()
    assert not TokenUse.objects.exists()


# Documents and certificates


def test_a_document_of_nobody_is_refused_and_kept_without_a_person(gate: Gate) -> None:
    decision = gate.decide(document_scan("330199199001010018"))
    assert (decision.result, decision.is_admitted, decision.masked_name) == (Result.NO_PERSON, False, "")
    assert Pass.objects.get().person_id is None


def test_the_same_number_of_another_kind_of_document_is_nobodys(gate: Gate) -> None:
    assert gate.decide(document_scan(type="passport")).result == Result.NO_PERSON


def test_a_document_seen_for_the_first_time_is_compared_from_then_on_and_that_is_on_record(
    gate: Gate, district: District
) -> None:
    for _again in range(2):
        gate.decide(document_scan())
    assert Document.objects.get(person=district.zhang).verified_at is not None
    assert Document.objects.get(person=district.li).verified_at is None
    row = AuditRow.objects.get(deed=Deed.VERIFY_DOCUMENT)
    assert (row.actor, row.role, row.subjects) == (gate.guard.pk, "gate_staff", [district.zhang.pk])
    assert row.holding == f"area:{district.community.pk}"


def test_a_device_that_asks_for_documents_too_fast_is_told_to_wait_and_nothing_is_kept(
    gate: Gate, district: District
) -> None:
    for _each in range(passes.DOCUMENTS_A_MINUTE):
        gate.scan("codes do not count")
        gate.decide(document_scan())
    last = document_scan(LI_ID)
    with pytest.raises(TooManyError):
        gate.decide(last)
    assert Pass.objects.filter(lane="document").count() == passes.DOCUMENTS_A_MINUTE
    assert Document.objects.get(person=district.li).verified_at is None
    other = add_gate(gate.place, gate.guard, "2号门")
    assert other.decide(document_scan(LI_ID)).masked_name == "李*"
    with clock.at(clock.now() + 61 * SECOND):
        assert gate.decide(last).masked_name == "李*"


@pytest.mark.parametrize(("accepted", "wanted"), [(True, Result.CERTIFICATE), (False, Result.CERTIFICATE_REFUSED)])
def test_a_certificate_is_kept_sealed_with_its_photo_whatever_the_guard_decides(
    gate: Gate, accepted: bool, wanted: Result
) -> None:
    decision = gate.decide(certificate_scan(accepted))
    assert (decision.result, decision.is_admitted) == (wanted, accepted)
    kept = Pass.objects.get().certificate
    assert kept is not None
    assert (kept.number, kept.issuer, kept.made_by) == ("沪-2020-17", "上海市", gate.guard.pk)
    assert kept.area == kept.photo.area == gate.place.area
    assert kept.photo.reveal() == JPEG
    assert JPEG not in bytes(kept.photo.cipher)


# Test walks


def test_a_gate_for_test_walks_knows_nobody_of_the_district_and_the_districts_gates_nobody_of_a_walk(
    district: District, gate: Gate, green: Person
) -> None:
    smoke_accounts.make()
    grid = Area.objects.get(is_smoke=True, level=Area.Level.GRID)
    guard = User.objects.get(username="smoke-gate")
    walk = add_gate(Place.objects.get(area=grid), guard, "2号通道")
    walker = make_person("测试员", grid, "330199199001010018")
    assert walk.decide(document_scan(ZHANG_ID)).result == Result.NO_PERSON
    assert walk.scan(token_of(green)).masked_name == ""
    assert gate.decide(document_scan("330199199001010018")).result == Result.NO_PERSON
    assert not gate.scan(token_of(walker)).is_admitted
    assert not Document.objects.exclude(verified_at=None).exists()
    assert not Pass.objects.exclude(person=None).exists()


# Clocks


def test_a_look_by_a_device_with_an_absurd_clock_is_on_record_and_its_refusals_are_told(
    district: District, gate: Gate
) -> None:
    set_state(district.zhang, "red")
    for days in (-40, 3650):
        scanned_at = clock.now() + dt.timedelta(days=days)
        scan = dataclasses.replace(document_scan(ZHANG_ID), scanned_at=scanned_at, sent_at=scanned_at)
        assert gate.decide(scan).result == Result.RED
    assert QuarantinedPass.objects.count() == 2
    rows = AuditRow.objects.filter(deed=Deed.CHECK_OUT_OF_TIME)
    assert [(row.actor, row.subjects) for row in rows] == [(gate.guard.pk, [district.zhang.pk])] * 2
    alert = Alert.objects.get()
    assert (alert.kind, alert.person_id, alert.count) == ("refused_at_gate", district.zhang.pk, 2)
