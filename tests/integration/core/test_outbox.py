"""Events: once per handler, whatever dies."""

import datetime as dt
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from citybrain.core import audit, clock, outbox, queries
from citybrain.core.actions.outbox import requeue
from citybrain.core.models import AuditRow, Delivery, Event, RefusalNotice
from citybrain.core.models.audit import Deed
from citybrain.core.roles import SystemAdministrator
from tests.people import District, browse

SEEN: list[int] = []


def note(payload: Mapping[str, Any]) -> None:
    SEEN.append(payload["row"])


def fail(payload: Mapping[str, Any]) -> None:
    RefusalNotice.objects.create(actor=1, on=clock.today(), first_at=clock.now(), last_at=clock.now())
    message = f"cannot handle {payload}"
    raise RuntimeError(message)


FLOWS: dict[str, tuple[str, ...]] = {
    "look.refused": ("citybrain.core.actions.watch_refusals.count_refusal",),
    "noted": (f"{__name__}.note",),
    "poison": (f"{__name__}.fail", f"{__name__}.note"),
}
NEWER_FLOWS = FLOWS | {"newer": (f"{__name__}.note",)}


@pytest.fixture(autouse=True)
def _wired(settings: Any) -> None:
    settings.FLOWS = f"{__name__}.FLOWS"
    SEEN.clear()


def _drain() -> None:
    while outbox.work():
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
def test_new_events_and_due_deliveries_both_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "FAN_OUT_BATCH", 2)
    monkeypatch.setattr(outbox, "DELIVERY_BATCH", 3)
    for turn in range(1, 4):
        for _event in range(5):  # more than a turn hands out: there is always something new
            outbox.publish("noted", row=turn)
        assert outbox.work() == 4
        assert len(SEEN) == 2 * turn
    _drain()
    assert len(SEEN) == 15


@pytest.mark.django_db
def test_a_turn_ends_between_deliveries_when_the_process_is_told_to_stop() -> None:
    for row in range(5):
        outbox.publish("noted", row=row)
    assert outbox.work(lambda: len(SEEN) < 2) == 5 + 2
    assert SEEN == [0, 1]


@pytest.mark.django_db
def test_an_event_of_a_newer_version_waits_in_sight_until_that_version_runs(settings: Any, district: District) -> None:
    settings.FLOWS = f"{__name__}.NEWER_FLOWS"
    outbox.publish("newer", row=7)
    settings.FLOWS = f"{__name__}.FLOWS"
    outbox.publish("noted", row=8)
    _drain()
    assert SEEN == [8]
    counts = queries.outbox_counts()
    since = Event.objects.get(kind="newer").created_at
    assert (counts["new"], counts["unknown"], counts["unknown_since"]) == (0, 1, since.isoformat())
    shown = browse(district.user(SystemAdministrator)).get(reverse("core:status")).content.decode()
    assert f"{since.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}" in shown
    settings.FLOWS = f"{__name__}.NEWER_FLOWS"
    _drain()
    assert SEEN == [8, 7]
    assert queries.outbox_counts()["unknown"] == 0


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


@pytest.mark.django_db(transaction=True)
def test_a_purge_is_many_short_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PURGE_BATCH", 10)
    for row in range(25):
        outbox.publish("noted", row=row)
    outbox.publish("poison", row=25)
    _drain()
    with clock.at(clock.now() + dt.timedelta(days=8)), CaptureQueriesContext(connection) as asked:
        assert outbox.purge() == 25
    assert [query["sql"] for query in asked].count("COMMIT") == 3
    assert list(Event.objects.values_list("kind", flat=True)) == ["poison"]
    assert Delivery.objects.count() == 2


@pytest.mark.django_db
def test_refused_looks_are_counted_by_account_and_day(district: District) -> None:
    user = district.user(SystemAdministrator)
    for _time in range(3):
        row = audit.record(Deed.OPEN_PAGE, by=user, outcome=AuditRow.Outcome.REFUSED)
        outbox.publish("look.refused", row=row.pk)
    _drain()
    notice = RefusalNotice.objects.get()
    assert (notice.actor, notice.count, notice.on) == (user.pk, 3, clock.today())


@pytest.mark.django_db(transaction=True)
def test_threads_never_run_one_delivery_twice() -> None:
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
