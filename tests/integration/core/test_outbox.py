"""Events: once per handler, whatever dies."""

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connection, transaction

from citybrain.core import audit, clock, outbox
from citybrain.core.actions.outbox import requeue
from citybrain.core.models import AuditRow, Delivery, Event, RefusalNotice
from citybrain.core.models.audit import Deed
from citybrain.core.roles import SystemAdministrator
from tests.people import District

ACTOR = 4711
SEEN: list[int] = []


def note(payload: Mapping[str, Any]) -> None:
    SEEN.append(payload["row"])


def fail(payload: Mapping[str, Any]) -> None:
    RefusalNotice.objects.create(actor=1, on=clock.today(), first_at=clock.now(), last_at=clock.now())
    message = f"cannot handle {payload}"
    raise RuntimeError(message)


FLOWS = {
    "look.refused": ("citybrain.core.actions.watch_refusals.count_refusal",),
    "noted": (f"{__name__}.note",),
    "poison": (f"{__name__}.fail", f"{__name__}.note"),
}


@pytest.fixture(autouse=True)
def _wired(settings: Any) -> None:
    settings.FLOWS = f"{__name__}.FLOWS"
    SEEN.clear()


def _drain() -> None:
    while outbox.fan_out() or outbox.deliver_next():
        pass


@pytest.mark.django_db
def test_an_event_reaches_each_handler_once() -> None:
    outbox.publish("noted", row=1)
    _drain()
    _drain()
    assert SEEN == [1]
    assert list(Delivery.objects.values_list("state", flat=True)) == ["done"]


@pytest.mark.django_db
def test_an_event_of_a_transaction_that_rolls_back_never_happened() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        outbox.publish("noted", row=1)
        _ = 1 // 0
    _drain()
    assert SEEN == []


@pytest.mark.django_db
def test_an_event_that_nobody_wired_is_refused_at_once() -> None:
    with pytest.raises(LookupError, match=r"flows\.py"):
        outbox.publish("unheard.of", row=1)


@pytest.mark.django_db
def test_a_failing_handler_leaves_no_effect_and_keeps_its_error_while_others_go_on() -> None:
    outbox.publish("poison", row=1)
    _drain()
    failed = Delivery.objects.get(handler__endswith="fail")
    assert (failed.state, failed.attempts) == ("pending", 1)
    assert "cannot handle" in failed.last_error
    assert failed.due_at > clock.now()
    assert not RefusalNotice.objects.exists()
    assert SEEN == [1]


@pytest.mark.django_db
def test_a_poisonous_delivery_is_parked_after_eight_attempts_and_can_be_put_back(district: District) -> None:
    outbox.publish("poison", row=1)
    moment = clock.now()
    for attempt in range(12):
        with clock.at(moment + dt.timedelta(hours=attempt)):
            _drain()
    parked = Delivery.objects.get(handler__endswith="fail")
    assert (parked.state, parked.attempts) == ("parked", 8)
    admin = district.user(SystemAdministrator)
    assert requeue(delivery_id=parked.pk, by=admin)
    assert not requeue(delivery_id=parked.pk, by=admin)
    parked.refresh_from_db()
    assert (parked.state, parked.attempts) == ("pending", 0)
    assert AuditRow.objects.filter(deed=Deed.REQUEUE, actor=admin.pk).count() == 1


@pytest.mark.django_db
def test_a_delivery_that_kills_its_process_each_time_is_parked_too() -> None:
    outbox.publish("noted", row=1)
    outbox.fan_out()
    moment = clock.now()
    for attempt in range(9):
        with clock.at(moment + dt.timedelta(hours=attempt)):
            outbox._claim()  # and then the process dies
    assert Delivery.objects.get().state == "parked"
    assert "died" in Delivery.objects.get().last_error
    assert SEEN == []


@pytest.mark.django_db
def test_done_events_are_purged_after_a_week_and_open_ones_never() -> None:
    outbox.publish("noted", row=1)
    outbox.publish("poison", row=2)
    _drain()
    outbox.purge()
    assert Event.objects.count() == 2
    with clock.at(clock.now() + dt.timedelta(days=8)):
        outbox.purge()
    assert list(Event.objects.values_list("kind", flat=True)) == ["poison"]


@pytest.mark.django_db
def test_refused_looks_are_counted_by_account_and_day(district: District) -> None:
    user = district.user(SystemAdministrator)
    for _time in range(3):
        row = audit.record(Deed.OPEN_PAGE, by=user, outcome=AuditRow.Outcome.REFUSED)
        outbox.publish("look.refused", row=row.pk)
    _drain()
    notice = RefusalNotice.objects.get()
    assert (notice.actor, notice.count, notice.on) == (user.pk, 3, clock.today())


# Real processes


def _publish_refusals(count: int, actor: int = ACTOR) -> None:
    for _number in range(count):
        row = AuditRow(at=clock.now(), actor=actor, deed=Deed.SEE_PERSON, outcome=AuditRow.Outcome.REFUSED)
        row.digest = audit.digest(row)
        row.save()
        outbox.publish("look.refused", row=row.pk)


def _dispatcher() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "dispatcher"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "citybrain.settings"},
    )


def _wait_until_done(seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while Event.objects.filter(fanned_out_at=None).exists() or Delivery.objects.exclude(state="done").exists():
        assert time.monotonic() < deadline, list(Delivery.objects.exclude(state="done").values())
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_dispatchers_lose_no_event_and_double_no_effect(settings: Any) -> None:
    settings.FLOWS = "citybrain.flows.FLOWS"
    dice = random.Random(2)
    count = 400
    _publish_refusals(count)
    kills = 0
    for _turn in range(6):
        process = _dispatcher()
        _wait_for_first_delivery(process, Delivery.objects.filter(state="done").count())
        time.sleep(dice.uniform(0.0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    left = Delivery.objects.exclude(state="done").count() + Event.objects.filter(fanned_out_at=None).count()
    assert left, "every dispatcher was killed after the work was done: the test shows nothing"
    process = _dispatcher()
    try:
        _wait_until_done()
    finally:
        process.terminate()
        process.wait()
    assert kills == 6
    assert Delivery.objects.filter(state="done").count() == count
    assert sum(RefusalNotice.objects.values_list("count", flat=True)) == count


def _wait_for_first_delivery(process: subprocess.Popen[bytes], before: int) -> None:
    deadline = time.monotonic() + 20
    while Delivery.objects.filter(state="done").count() <= before and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["after the claim", "inside the handler", "before the commit"])
def test_a_process_that_dies_at_any_point_leaves_the_effect_to_exactly_one_later_run(point: str) -> None:
    """Each point is a connection cut off there: what a killed process leaves behind."""
    _publish_refusals(1)
    outbox.fan_out()
    claimed = outbox._claim()
    assert claimed is not None
    if point != "after the claim":
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            Delivery.objects.select_for_update().get(pk=claimed.pk)
            if point == "before the commit":
                outbox._run(claimed)
            raise KeyboardInterrupt
    assert not RefusalNotice.objects.exists()
    with clock.at(clock.now() + dt.timedelta(minutes=1)):
        _drain()
    assert RefusalNotice.objects.get().count == 1


@pytest.mark.django_db(transaction=True)
def test_two_dispatchers_never_run_one_delivery_twice() -> None:
    count = 60
    for number in range(count):
        outbox.publish("noted", row=number)

    def dispatch() -> None:
        try:
            _drain()
        finally:
            connection.close()

    threads = [threading.Thread(target=dispatch) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(SEEN) == list(range(count))
    assert set(Delivery.objects.values_list("state", "attempts")) == {("done", 1)}


@pytest.mark.django_db(transaction=True)
def test_a_slow_delivery_whose_lease_has_run_out_is_not_started_a_second_time() -> None:
    outbox.publish("noted", row=1)
    outbox.fan_out()
    claimed = outbox._claim()
    assert claimed is not None
    taken_over = threading.Event()

    def second_dispatcher() -> None:
        with clock.at(clock.now() + dt.timedelta(minutes=5)):
            outbox.deliver_next()
        connection.close()
        taken_over.set()

    with transaction.atomic():
        Delivery.objects.select_for_update().get(pk=claimed.pk)  # the first one is inside its handler
        thread = threading.Thread(target=second_dispatcher)
        thread.start()
        assert taken_over.wait(10), "the second dispatcher waits for the first"
    thread.join()
    assert SEEN == []
    outbox._run(claimed)
    assert SEEN == [1]
