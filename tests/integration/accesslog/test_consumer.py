"""The pass consumer: order of commit, each effect once, whoever dies. Needs real commits and the xmin horizon."""

import datetime as dt
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import IntegrityError, close_old_connections, connection, connections, transaction

from accesslog import consumer
from accesslog.actions import watch
from accesslog.models import Device, Pass, PassCount, PassCursor, Result
from citybrain.core import clock
from citybrain.core.models import Event, XidEra
from community.models import Alert
from tests.passages import make_device, write_pass
from tests.people import District, make_district, make_person

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def district() -> District:
    return make_district()


@pytest.fixture
def device(district: District) -> Device:
    return make_device(district.other_grid)


@pytest.fixture
def elsewhere() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        yield other


def _follow_all() -> int:
    done = 0
    while count := consumer.follow():
        done += count
    return done


def _counted() -> int:
    return sum(PassCount.objects.values_list("count", flat=True))


def test_without_passes_nothing_is_written() -> None:
    assert consumer.follow() == 0
    assert not PassCount.objects.exists()


def test_each_pass_is_counted_once_in_its_minute_area_and_result(district: District, device: Device) -> None:
    for result in (Result.GREEN, Result.GREEN, Result.RED):
        write_pass(device, district.zhang, result)
    assert _follow_all() == 3
    assert _follow_all() == 0
    counts = {(row.area_id, row.result): row.count for row in PassCount.objects.all()}
    assert counts == {(district.other_grid.pk, "green"): 2, (district.other_grid.pk, "red"): 1}


def test_a_pass_that_commits_late_is_not_skipped(
    district: District, device: Device, elsewhere: psycopg.Connection[Any]
) -> None:
    first = write_pass(device, district.zhang)
    names = [field.column for field in Pass._meta.concrete_fields if field.name not in {"id", "xid", "received_at"}]
    columns = ", ".join(name for name in names if name != "nonce")
    elsewhere.execute(
        f"INSERT INTO accesslog_pass (nonce, {columns}) SELECT gen_random_uuid(), {columns} FROM accesslog_pass"
    )
    write_pass(device, district.zhang)
    # The last one waits with it: it is above the horizon as long as the open one may still commit.
    assert _follow_all() == 1
    assert PassCursor.objects.get().last_pass == first.pk
    elsewhere.commit()
    assert _follow_all() == 2
    assert _counted() == 3


def test_whatever_goes_wrong_takes_all_effects_of_the_batch_back(
    district: District, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pass(device, district.zhang, Result.RED)
    with monkeypatch.context() as broken:
        broken.setattr(watch, "raise_alerts", lambda _alerts: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            consumer.follow()
    assert _counted() == Alert.objects.count() == 0
    assert _follow_all() == 1
    assert _counted() == Alert.objects.count() == 1


def test_several_consumers_do_the_work_of_one(district: District, device: Device) -> None:
    for _number in range(40):
        write_pass(device, district.zhang, Result.RED)
    barrier = threading.Barrier(4)

    def run(_number: int) -> int:
        try:
            barrier.wait()
            return _follow_all()
        finally:
            close_old_connections()
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 40
    assert _counted() == 40
    alert = Alert.objects.get()
    assert alert.count == 40


def test_an_admitted_person_with_an_open_reason_and_a_refused_one_raise_alerts_of_their_own(
    district: District, device: Device
) -> None:
    write_pass(device, district.zhang, Result.YELLOW_ADMITTED)
    write_pass(device, district.zhang, Result.RED)
    write_pass(device, district.li, Result.GREEN)
    write_pass(device, None, Result.FORGED)
    write_pass(device, None, Result.CERTIFICATE)
    _follow_all()
    raised = {(alert.kind, alert.subject): (alert.area_id, alert.cause) for alert in Alert.objects.all()}
    # Told to the grid where the person lives, else to that of the place.
    assert raised == {
        ("open_reason_passed", f"person:{district.zhang.pk}"): (district.grid.pk, "yellow_admitted"),
        ("refused_at_gate", f"person:{district.zhang.pk}"): (district.grid.pk, "red"),
        ("refused_at_gate", f"point:{device.point_id}:forged"): (district.other_grid.pk, "forged"),
    }
    assert Event.objects.filter(kind="alert.opened").count() == 3


def test_someone_whose_grid_is_not_known_is_told_to_the_grid_of_the_place(district: District, device: Device) -> None:
    guest = make_person("王五", district.community)
    write_pass(device, guest, Result.EXPIRED)
    _follow_all()
    assert Alert.objects.get().area_id == district.other_grid.pk


def test_what_happens_again_is_counted_in_the_open_alert(district: District, device: Device) -> None:
    for more in (3, 1):
        for _number in range(more):
            write_pass(device, district.zhang, Result.RED)
        _follow_all()
    alert = Alert.objects.get()
    stored = sorted(Pass.objects.values_list("received_at", flat=True))
    assert (alert.count, alert.first_at, alert.last_at) == (4, stored[0], stored[-1])


def test_refusals_of_people_whom_nobody_recognised_are_told_apart_by_their_cause(device: Device) -> None:
    for result in (Result.FORGED, Result.UNREADABLE, Result.FORGED):
        write_pass(device, None, result)
    _follow_all()
    assert {(alert.cause, alert.count) for alert in Alert.objects.all()} == {("forged", 2), ("unreadable", 1)}


def test_a_pass_of_somebody_who_was_erased_meanwhile_holds_nobody_up(district: District, device: Device) -> None:
    write_pass(device, district.zhang, Result.RED, person_id=10**9)
    write_pass(device, district.zhang, Result.RED)
    assert _follow_all() == 2
    assert {alert.subject for alert in Alert.objects.all()} == {
        f"point:{device.point_id}:red",
        f"person:{district.zhang.pk}",
    }


def test_a_backlog_of_many_days_is_followed_whole(
    district: District, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "BATCH", 2)
    write_pass(device, district.zhang)
    assert _follow_all() == 1
    then = clock.now() - dt.timedelta(days=9)
    PassCursor.objects.update(moved_at=then)
    for _number in range(5):
        write_pass(device, district.zhang, scanned_at=then, received_at=then)
    assert _follow_all() == 5
    assert _counted() == 6


def test_a_fault_of_ours_ends_the_process_so_that_it_falls_silent(
    district: District, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pass(device, district.zhang, Result.RED)
    fault = IntegrityError("a pass that nobody can follow")
    monkeypatch.setattr(watch, "raise_alerts", lambda _alerts: (_ for _ in ()).throw(fault))
    with pytest.raises(IntegrityError):
        call_command("pass_consumer")


def test_any_number_of_passes_agrees_with_an_independent_count(district: District) -> None:
    chance = random.Random(20200211)
    grids = (district.grid, district.other_grid)
    devices = [make_device(grid, point=str(number)) for number in range(3) for grid in grids]
    people = [None, district.zhang, district.li, make_person("王五", district.grid)]
    states = [Result.GREEN, Result.YELLOW, Result.RED, Result.YELLOW_ADMITTED, Result.EXPIRED, Result.FORGED]
    for _round in range(5):
        for _number in range(chance.randrange(12)):
            write_pass(chance.choice(devices), chance.choice(people), chance.choice(states))
        _follow_all()
    passes = list(Pass.objects.all())
    by_result = Counter((one.area_id, one.result) for one in passes)
    counted: Counter[tuple[int, str]] = Counter()
    for row in PassCount.objects.all():
        counted[row.area_id, row.result] += row.count
    assert counted == by_result
    called = Counter(
        (f"person:{one.person_id}" if one.person_id else f"point:{one.point_id}:{one.result}", one.is_admitted)
        for one in passes
        if not one.is_admitted or one.result == Result.YELLOW_ADMITTED
    )
    raised = {(alert.subject, alert.kind == "open_reason_passed"): alert.count for alert in Alert.objects.all()}
    assert raised == called


def test_after_a_restore_what_was_left_is_done_and_the_new_counter_is_followed(
    district: District, device: Device
) -> None:
    old = clock.now()
    XidEra.objects.using("owner").create(system_identifier="the cluster before", started_at=old)
    written = write_pass(device, district.zhang)
    assert _follow_all() >= 1
    # Not followed yet when the back-up was taken; its transaction lies far above the new cluster's counter.
    left = write_pass(device, district.zhang, xid=10**12)
    restored = clock.now()
    XidEra.objects.using("owner").create(system_identifier="this cluster", started_at=restored)
    fresh = write_pass(device, district.zhang)
    _follow_all()
    assert _counted() == 3
    assert PassCursor.objects.get().last_pass == fresh.pk
    assert _follow_all() == 0
    assert {written.pk, left.pk, fresh.pk} == set(Pass.objects.values_list("pk", flat=True))


def test_passes_carry_the_transaction_that_wrote_them(district: District, device: Device) -> None:
    with transaction.atomic():
        first, second = write_pass(device), write_pass(device)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            (xid,) = cursor.fetchone()
    assert set(Pass.objects.filter(pk__in=[first.pk, second.pk]).values_list("xid", flat=True)) == {xid}
