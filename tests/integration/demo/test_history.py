"""The demo's history: what it tells is what the product itself would have kept, and goes on from there."""

import datetime as dt
import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from django.urls import reverse

from accesslog import consumer
from accesslog.models import ADMITTING, Device, Pass, PassCount, Place, Result
from citybrain.core import chain, clock, outbox
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, Delivery, Event, User
from citybrain.core.roles import DistrictCommander
from citybrain.demo import history
from citybrain.demo.city.world import World
from community.actions import orders
from community.models import Alert, Duty, OrderStep, Visit, WorkOrder
from dashboard import figures
from healthcode import kinds, replay
from healthcode.models import CodeChange, CodeState, Declaration, Evidence, Reason, State
from tests import orders as working
from tests.cockpit import follow_all
from tests.conftest import empty_tables
from tests.passages import write_pass
from tests.people import browse
from tests.small_world import adopt_now, make_town, make_world, without_outbreak

pytestmark = [pytest.mark.django_db(transaction=True, databases=["default", "owner"]), pytest.mark.steady]
PEOPLE = 400


def tell(seed: int = 1) -> World:
    """Write the history of a small world."""
    town = make_town()
    adopt_now()
    world = make_world(town, PEOPLE, seed=seed)
    history.write(world)
    return world


def _told(at: dt.datetime) -> dict[int, str]:
    """Return what history says that codes said at an instant."""
    changes = CodeChange.objects.filter(at__lte=at).order_by("person", "-at", "-id").distinct("person")
    return dict(changes.values_list("person", "after"))


def test_history_says_of_everybody_at_any_moment_what_the_rules_say_by_the_evidence_of_then() -> None:
    world = tell()
    everybody = range(1, PEOPLE + 1)
    rng = np.random.default_rng(7)
    moments = [world.began_at + rng.random() * (world.now - world.began_at) for _number in range(12)]
    # Just when something became known, and just before.
    known = list(Evidence.objects.order_by("?").values_list("known_at", flat=True)[:8])
    days = {at.astimezone(clock.SHANGHAI).date() for at in moments}
    midnights = [dt.datetime.combine(day, dt.time(), clock.SHANGHAI) for day in days]
    tick = dt.timedelta(microseconds=1)
    seen: Counter[str] = Counter()
    edges = [*known, *midnights[:4]]
    for at in [*moments, *edges, *(edge - tick for edge in edges)]:
        judged, said = replay.judge(everybody, at=at), _told(at)
        told = {person: said.get(person, State.NOT_KNOWN) for person in everybody}
        assert told == {person: verdict.state for person, verdict in judged.items()}, at
        seen.update(told.values())
    assert set(seen) == set(State)
    verdicts = replay.judge(everybody, at=world.now)
    # Of somebody who was red and never declared, a row that says so stays.
    kept = CodeState.objects.exclude(state=State.NOT_KNOWN)
    assert dict(kept.values_list("person", "valid_until")) == {
        person: verdict.valid_until for person, verdict in verdicts.items() if verdict.state != State.NOT_KNOWN
    }
    held = {(one.person_id, one.rule, one.since, one.until) for one in Reason.objects.filter(closed_at=None)}
    assert held == {
        (person, one["rule"], _moment(one["since"]), one["until"] and _moment(one["until"]))
        for person, verdict in verdicts.items()
        for one in verdict.reasons
    }


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_evidence_is_such_as_the_product_takes_and_codes_changed_when_it_became_known() -> None:
    world = tell()
    known = set()
    for evidence in Evidence.objects.all():
        kinds.check(evidence.kind, evidence.facts)
        assert evidence.true_at <= evidence.known_at <= world.now
        assert evidence.source in Evidence.Source.values
        known.add((evidence.person_id, evidence.known_at))
    assert {kind for kind, _label in kinds.Kind.choices} - set(Evidence.objects.values_list("kind", flat=True)) <= {
        "withdrawal", "released", "isolation_release", "fever_clinic_visit", "county_confirmation", "vaccination",
        "recovery", "correction", "appeal_decision",
    }  # fmt: skip
    for change in CodeChange.objects.all():
        midnight = change.at.astimezone(clock.SHANGHAI).time() == dt.time()
        assert midnight or (change.person_id, change.at) in known
    assert Declaration.objects.count() == Evidence.objects.filter(kind="declaration").count() > PEOPLE
    assert 0.95 < CodeState.objects.count() / PEOPLE < 1
    assert not Event.objects.exists(), "nobody waits for what is long past"


def test_a_pass_says_what_the_code_said_then_and_the_consumer_goes_on_behind_all_of_them() -> None:
    world = tell()
    admits = dict(Place.objects.values_list("pk", "admits"))
    assert Pass.objects.count() >= len(world.scans.at)
    replayed = Pass.objects.filter(result=Result.REPLAYED)
    for one in [*Pass.objects.exclude(pk__in=replayed).order_by("?")[:60], *replayed[:2]]:
        says = "" if one.person_id is None else _told(one.scanned_at).get(one.person_id, "not_known")
        assert one.state == says
        # A code that was shown elsewhere a moment before says whose it is, and admits nobody.
        would_admit = one.state in admits[one.place_id] and one.result != Result.REPLAYED
        assert one.is_admitted == (one.result in ADMITTING) == would_admit
        assert one.scanned_at <= one.received_at <= world.now
        assert User.objects.get(pk=one.operator).username == f"gate-{one.place_id:04}"
    counted = Counter(
        (one.received_at.replace(second=0, microsecond=0), one.area_id, one.result) for one in Pass.objects.all()
    )
    assert {(one.minute, one.area_id, one.result): one.count for one in PassCount.objects.all()} == counted
    assert {one.state for one in Pass.objects.all()} >= {"green", "yellow", "not_known", "expired", ""}
    alerts = Alert.objects.count()
    assert consumer.follow() == 0
    device = Device.objects.earliest("pk")
    write_pass(device, result=Result.FORGED)
    assert consumer.follow() == 1
    assert consumer.follow() == 0
    assert PassCount.objects.filter(minute__gte=clock.now() - dt.timedelta(minutes=2), result="forged").count() == 1
    assert Alert.objects.count() in {alerts, alerts + 1}
    while chain.seal():
        pass
    assert list(chain.verify()) == []


def test_every_order_went_the_way_that_orders_go_and_can_go_on() -> None:
    world = tell()
    moves = (orders.ACCEPT, orders.ARRIVE, orders.REPORT, orders.RETURN, orders.CLOSE)
    for order in WorkOrder.objects.select_related("alert").prefetch_related("steps", "visits"):
        steps = list(order.steps.all())
        assert [steps[0].before, steps[0].after, steps[0].by_id] == ["", "open", None]
        for last, step in itertools.pairwise(steps):
            assert last.after == step.before
            assert any(step.before in move.before and step.after == move.after for move in moves)
            assert last.at <= step.at <= world.now
        assert order.state == steps[-1].after
        assert len(order.visits.all()) == sum(step.after == "reported" for step in steps)
        assert (order.state == "closed") == (order.alert.closed_at is not None)
        assert order.assignee_id == Duty.objects.get(area=order.area_id).user_id
        if order.state == "closed":
            assert order.closed_at
            assert order.closed_by_id
            assert order.reported_at
            assert not order.is_carried_out_by(User.objects.get(pk=order.closed_by_id))
            later = Alert.objects.filter(subject=order.alert.subject, kind=order.alert.kind, opened_at=order.closed_at)
            assert later.exists() == (order.alert.last_at > order.reported_at)
    refused = Pass.objects.exclude(result__in=ADMITTING).count() + Pass.objects.filter(result="yellow_admitted").count()
    assert sum(Alert.objects.values_list("count", flat=True)) >= refused > 20
    assert Alert.objects.count() == WorkOrder.objects.count()
    assert set(WorkOrder.objects.values_list("state", flat=True)) == set(WorkOrder.State)
    assert 1 <= WorkOrder.objects.still_open().filter(due_at__lt=clock.now()).count() <= 4
    assert Visit.objects.filter(outcome="met", feedback__regex="[\u4e00-\u9fff]", celsius__gt=36).exists()
    worker = User.objects.get(username="grid01")
    own = WorkOrder.objects.of_worker(worker).filter(state="open").first()
    assert own is not None
    verifier = User.objects.get(username="community01")
    assert working.bring_to(own, "closed", worker=worker, verifier=verifier).state == "closed"
    partial = Area.objects.filter(level="grid", register_is_partial=True)
    assert Duty.objects.filter(area__in=partial).values("user").distinct().count() == 1
    outbox.work()
    assert not Delivery.objects.exclude(state="done").exists()


def test_the_cockpit_comes_alive_and_each_figure_opens_as_many_rows() -> None:
    tell()
    commander = User.objects.create(username="commander")
    grant_role(user=commander, role=DistrictCommander, on=Area.objects.get(level="district"), by=None)
    client = browse(commander)
    page: Any = client.get(reverse("dashboard:cockpit")).context
    counted = page["picture"]["figures"]
    assert all(counted[state] for state in State)
    assert counted["passes_yesterday"] is not None
    assert counted["orders"] == counted["alerts"] >= 10
    follow_all()
    for shown in page["all"]:
        if shown.href:
            answer: Any = client.get(shown.href)
            assert figures.in_figures(int(answer.context["count"])) == shown.text, shown.figure.name


def test_the_same_seed_tells_the_same_history_and_another_seed_another() -> None:
    def told(seed: int) -> list[Any]:
        empty_tables()
        world = make_world_at_noon(seed)
        del world
        return [
            list(Evidence.objects.order_by("id").values_list("person", "kind", "true_at", "known_at", "facts")),
            list(CodeChange.objects.order_by("person", "at").values_list("person", "at", "before", "after")),
            list(Pass.objects.order_by("id").values_list("nonce", "person", "result", "scanned_at", "received_at")),
            list(OrderStep.objects.order_by("id").values_list("order__ref", "after", "at", "by__username")),
        ]

    first = told(1)
    assert told(1) == first
    assert all(one != other for one, other in zip(told(2), first, strict=True))


def make_world_at_noon(seed: int) -> World:
    """Write the history of a world that ends at the noon of today, so that two runs see the same time."""
    town = make_town()
    adopt_now()
    now = dt.datetime.combine(clock.today(), dt.time(), clock.SHANGHAI)
    world = make_world(town, 90, seed=seed, now=now)
    history.write(world)
    return world


def test_a_city_without_an_outbreak_and_without_travellers_has_a_history_too() -> None:
    town = make_town()
    adopt_now()
    history.write(without_outbreak(make_world(town, 90)))
    assert CodeState.objects.filter(state="green").count() > 80
    assert not Evidence.objects.filter(kind__in=("case", "exposure", "trip")).exclude(source="clinic").exists()
    assert Pass.objects.filter(is_admitted=True).exists()
