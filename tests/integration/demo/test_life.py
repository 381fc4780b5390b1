"""The district's own life: an hour of it, and what it leaves alone."""

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from accesslog import consumer
from accesslog.models import Pass, Result
from citybrain.core import clock, outbox
from citybrain.core.models import Area, Delivery, Person, User
from citybrain.demo import accounts
from citybrain.demo.city.known import LIVED_IN
from citybrain.demo.life import town
from citybrain.demo.life.days import Life
from citybrain.demo.life.health import Health
from citybrain.demo.life.staff import ACCOUNT_PREFIX, LOGINS, Staff
from community.models import Alert, OrderStep, WorkOrder
from healthcode.models import CodeState, Evidence, Reason
from tests.orders import tell

pytestmark = [pytest.mark.django_db(databases=["default", "owner"], transaction=True), pytest.mark.slow]

RESIDENTS, MINUTES, STEP_SECONDS = 800, 60, 20


def _live(begin: dt.datetime) -> Iterator[int]:
    """Live an hour; what follows from passes and events is done at once. Yields the number of open orders."""
    with clock.at(begin):
        life = Life(random.Random(7))
    for step in range(MINUTES * 60 // STEP_SECONDS):
        with clock.at(begin + dt.timedelta(seconds=step * STEP_SECONDS)):
            assert life.turn()
            while consumer.follow():
                pass
            while outbox.work():
                pass
            yield WorkOrder.objects.still_open().count()


def _orders_of_logins() -> list[Any]:
    held = WorkOrder.objects.filter(assignee__username__in=LOGINS).order_by("pk")
    return list(held.values_list("pk", "state", "assignee_id", "accepted_at", "reported_at", "closed_at"))


def test_in_an_hour_people_pass_and_orders_are_done_and_nobody_who_tries_the_demo_is_touched() -> None:
    call_command("load_demo", residents=RESIDENTS, days=0)
    call_command("smoke_accounts")
    grid01 = Area.objects.get(code=f"{LIVED_IN[0]}001")
    ours = [tell(person, grid01) for person in Person.objects.filter(area=grid01).order_by("-id")[:3]]
    while outbox.work():
        pass
    untouched = _orders_of_logins()
    assert len(untouched) == len(ours)
    resident = User.objects.get(username=accounts.RESIDENT)
    # The evening peak of the day on which this runs: passes of days far away have no partition.
    begin = dt.datetime.combine(clock.today(), dt.time(17, 15), clock.SHANGHAI)
    open_orders = list(_live(begin))

    passes = Pass.objects.count()
    assert passes > 10 * MINUTES
    refused = Pass.objects.filter(is_admitted=False)
    assert 0 < refused.count() < passes / 10
    assert set(Pass.objects.values_list("result", flat=True)) <= set(Result.values) - {Result.FORGED, Result.REVOKED}
    assert not Pass.objects.filter(person=resident.person).exists()
    assert not Evidence.objects.filter(person=resident.person).exists()
    assert not Pass.objects.filter(area__is_smoke=True).exists()

    assert [row for row in _orders_of_logins() if row[0] in {row[0] for row in untouched}] == untouched
    assert not OrderStep.objects.filter(by__username__in=LOGINS).exists()
    closed = WorkOrder.objects.filter(state="closed")
    assert closed.count() > 10
    assert not closed.filter(closed_by=F("reported_by")).exists()
    assert not closed.filter(alert__closed_at=None).exists()
    # It settles: no more at the end than after half of the hour.
    assert max(open_orders[-30:]) <= max(open_orders[len(open_orders) // 2 - 50 : len(open_orders) // 2 + 50]) + 10

    assert Person.objects.filter(users__username__startswith=ACCOUNT_PREFIX, declarations__isnull=False).exists()
    assert CodeState.objects.filter(reasons__gt=0).exists()
    assert set(Evidence.objects.values_list("kind", flat=True)) >= {"declaration", "test_result", "trip", "check_in"}
    assert not Delivery.objects.exclude(state=Delivery.State.DONE).exists()
    assert Alert.objects.filter(closed_at=None).count() == WorkOrder.objects.still_open().count()


def test_a_case_brings_those_around_it_to_stay_in_and_gets_well_after_days() -> None:
    call_command("load_demo", residents=300, days=0)
    staff = Staff()
    district = town.read(staff.streets)
    # So busy that half a minute has everything.
    life = Health(random.Random(3), 200.0)
    began = clock.now()
    # The rules in force begin with the loading.
    for days in (1, 12, 13):
        with clock.at(dt.datetime.combine(began + dt.timedelta(days=days), dt.time(9, 30), clock.SHANGHAI)):
            life.know(district)
            life.turn(clock.now(), 30.0)
    counts = Counter(Evidence.objects.values_list("kind", flat=True))
    assert counts["case"] >= 2
    assert counts["released"] >= 1
    assert counts["isolation_order"] > counts["case"]
    assert counts["exposure"] > counts["case"]
    assert counts["check_in"] > 10
    cases = Evidence.objects.filter(kind="case")
    assert set(cases.values_list("person__code_state__state", flat=True)) <= {"red", "green", "expired", "not_known"}
    released = Evidence.objects.filter(kind="released").values("person")
    assert not Reason.objects.filter(rule="case", closed_at=None, person__in=released).exists()


def test_it_is_refused_outside_a_demo_in_one_line(settings: Any) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="set CITYBRAIN_DEMO=1 if this is a demo"):
        call_command("live_demo")
    assert not User.objects.exists()


def test_a_district_in_which_nobody_lives_is_waited_for() -> None:
    assert not Life(random.Random(1)).turn()
