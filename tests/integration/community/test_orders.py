"""Orders: opened by the system, carried out by one, verified by another; every other order of steps is refused."""

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from citybrain.core import clock, outbox
from citybrain.core.actions.grants import grant_role, revoke_role
from citybrain.core.models import AuditRow, Photo, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, DistrictCommander, GridWorker, StreetStaff
from community import queries
from community.actions import orders
from community.actions.duty import set_duty
from community.actions.orders import OrderError
from community.models import Alert, OrderStep, Visit, VisitPhoto, WorkOrder
from tests.orders import FOUND, bring_to, order_for, picture, report, tell
from tests.people import District

pytestmark = pytest.mark.django_db

STATES = ("open", "accepted", "arrived", "reported", "returned", "closed")


# Opening


def test_the_order_goes_to_whoever_is_on_duty_and_is_due_in_two_hours(district: District) -> None:
    district.user(GridWorker)
    second = User.objects.create(username="second", password="!")
    grant_role(user=second, role=GridWorker, on=district.grid, by=None)
    set_duty(area=district.grid, user=second, by=None)
    now = clock.now()
    with clock.at(now):
        order = order_for(district.zhang, district.grid)
    assert (order.state, order.assignee, order.opened_at) == ("open", second, now)
    assert order.due_at == now + settings.ORDER_DUE == now + dt.timedelta(hours=2)
    step = OrderStep.objects.get()
    assert (step.before, step.after, step.by) == ("", "open", None)


def test_without_a_roster_the_only_grid_worker_of_the_grid_has_the_order(district: District) -> None:
    worker = district.user(GridWorker)
    district.user(CommunityStaff)
    assert order_for(district.zhang, district.grid).assignee == worker


def test_of_two_grid_workers_without_a_roster_nobody_is_chosen(district: District) -> None:
    district.user(GridWorker)
    grant_role(user=User.objects.create(username="second", password="!"), role=GridWorker, on=district.grid, by=None)
    assert order_for(district.zhang, district.grid).assignee is None


def test_nobody_is_given_an_order_where_nobody_works(district: District) -> None:
    district.user(CommunityStaff)
    assert order_for(district.zhang, district.grid).assignee is None


def test_whoever_is_on_duty_and_lost_the_role_gets_no_order(district: District) -> None:
    worker = district.user(GridWorker)
    set_duty(area=district.grid, user=worker, by=None)
    revoke_role(user=worker, role=GridWorker, on=district.grid, by=None)
    assert order_for(district.zhang, district.grid).assignee is None


def test_whoever_is_on_duty_and_left_gets_no_order(district: District) -> None:
    worker = district.user(GridWorker)
    set_duty(area=district.grid, user=worker, by=None)
    User.objects.filter(pk=worker.pk).update(is_active=False)
    assert order_for(district.zhang, district.grid).assignee is None


def test_an_alert_of_a_whole_community_becomes_an_order_of_its_duty_grid(district: District) -> None:
    worker = district.user(GridWorker, district.other_grid)
    set_duty(area=district.other_grid, user=worker, by=None)
    order = order_for(district.zhang, district.community)
    assert (order.area, order.assignee) == (district.other_grid, worker)
    assert order in WorkOrder.objects.of_worker(worker), "its worker must be able to see it"


def test_an_alert_has_one_order_however_often_it_is_told(district: District) -> None:
    order = order_for(district.zhang, district.grid)
    orders.open_for_alert({"alert": order.alert_id})
    assert WorkOrder.objects.count() == OrderStep.objects.count() == 1


def test_an_alert_that_is_closed_by_then_gets_no_order(district: District) -> None:
    alert = tell(district.zhang, district.grid)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE community_alert SET closed_at = now(), closed_in = pg_current_xact_id() WHERE id = %s", [alert.pk]
        )
    orders.open_for_alert({"alert": alert.pk})
    assert not WorkOrder.objects.exists()


def test_the_dispatcher_brings_an_alert_to_its_worker(district: District) -> None:
    worker = district.user(GridWorker)
    alert = tell(district.zhang, district.grid)
    while outbox.work():
        pass
    assert WorkOrder.objects.get(alert=alert).assignee == worker


# The usual way


def test_an_order_is_accepted_visited_reported_and_closed_by_another_with_its_alert(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    order = order_for(district.zhang, district.grid)
    orders.accept(order=order, by=worker)
    orders.arrive(order=order, by=worker)
    visit = orders.report(order=order, found=FOUND, pictures=[picture(), picture("blue")], visits_seen=0, by=worker)
    orders.verify_and_close(order=order, by=verifier)

    order.refresh_from_db()
    assert (order.state, order.reported_by, order.closed_by) == ("closed", worker, verifier)
    moments = (order.accepted_at, order.arrived_at, order.reported_at, order.closed_at)
    assert list(moments) == sorted(moments)  # type: ignore[type-var]
    alert = Alert.objects.get()
    assert (alert.closed_at, alert.closed_in) == (order.closed_at, order.closed_in)
    assert (visit.outcome, visit.feedback, visit.by) == ("met", FOUND.feedback, worker)
    photos = Photo.objects.filter(pk__in=VisitPhoto.objects.filter(visit=visit).values("photo"))
    assert photos.count() == 2
    assert all(photo.reveal().startswith(b"\xff\xd8") and photo.area == district.grid for photo in photos)
    assert list(order.steps.values_list("before", "after", "by")) == [
        ("", "open", None),
        ("open", "accepted", worker.pk),
        ("accepted", "arrived", worker.pk),
        ("arrived", "reported", worker.pk),
        ("reported", "closed", verifier.pk),
    ]


def test_what_happened_again_after_the_report_is_an_alert_of_its_own_with_a_new_order(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), "reported", worker=worker, verifier=verifier)
    again = clock.now() + dt.timedelta(minutes=1)
    assert tell(district.zhang, district.grid, place="西门", cause="yellow", at=again) == order.alert
    assert orders.verify_and_close(order=order, by=verifier)
    old, new = Alert.objects.order_by("pk")
    assert (old, old.closed_at is None, new.closed_at) == (order.alert, False, None)
    assert (new.kind, new.subject, new.person, new.area) == (old.kind, old.subject, district.zhang, district.grid)
    assert (new.place, new.cause, new.count, new.first_at, new.last_at) == ("西门", "yellow", 1, again, again)
    while outbox.work():
        pass
    assert (new.order_if_any, WorkOrder.objects.get(alert=new).assignee) != (None, None)


def test_what_happened_again_before_the_report_was_looked_into_and_is_closed_with_it(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), "arrived", worker=worker, verifier=verifier)
    tell(district.zhang, district.grid)
    report(order, by=worker)
    assert not orders.verify_and_close(order=order, by=verifier)
    assert not Alert.objects.still_open().exists()


def test_each_step_is_on_record_with_the_person_and_the_holding_it_was_done_under(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    bring_to(order_for(district.zhang, district.grid), "closed", worker=worker, verifier=verifier)
    rows = AuditRow.objects.filter(deed__in=[Deed.HANDLE_ORDER, Deed.VERIFY_ORDER]).order_by("id")
    assert [(row.actor, row.deed, row.detail["step"]) for row in rows] == [
        (worker.pk, "handle_order", "accept"),
        (worker.pk, "handle_order", "arrive"),
        (worker.pk, "handle_order", "report"),
        (verifier.pk, "verify_order", "close"),
    ]
    assert {tuple(row.subjects) for row in rows} == {(district.zhang.pk,)}
    assert [row.holding for row in rows] == [f"area:{district.grid.pk}"] * 3 + [f"area:{district.community.pk}"]
    assert [row.purpose for row in rows] == ["visit"] * 3 + ["supervision"]


def test_a_returned_order_is_reported_again_and_keeps_both_visits(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), "returned", worker=worker, verifier=verifier)
    assert order.steps.last().note == "照片看不清"  # type: ignore[union-attr]
    report(order, by=worker)
    orders.verify_and_close(order=order, by=verifier)
    assert Visit.objects.filter(order=order).count() == 2


def test_a_report_sent_again_after_it_was_returned_is_not_taken_for_a_new_one(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), "returned", worker=worker, verifier=verifier)
    with pytest.raises(OrderError):
        orders.report(order=order, found=FOUND, pictures=[], visits_seen=0, by=worker)
    assert Visit.objects.count() == 1


def test_an_order_given_to_somebody_else_begins_anew_and_the_first_worker_may_not_verify_it(
    district: District,
) -> None:
    first, second = district.user(CommunityStaff), district.user(GridWorker)
    order = order_for(district.zhang, district.grid)
    orders.assign(order=order, to=first, by=district.user(StreetStaff))
    orders.accept(order=order, by=first)
    orders.assign(order=order, to=second, by=first)
    order.refresh_from_db()
    assert (order.state, order.assignee, order.accepted_at) == ("open", second, None)
    orders.accept(order=order, by=second)
    orders.arrive(order=order, by=second)
    report(order, by=second)
    with pytest.raises(OrderError):
        orders.verify_and_close(order=order, by=first)
    orders.verify_and_close(order=order, by=district.user(StreetStaff))


def test_an_order_is_given_to_nobody_who_may_not_handle_orders_there(district: District) -> None:
    order = order_for(district.zhang, district.grid)
    by = district.user(CommunityStaff)
    for stranger in (district.user(GridWorker, district.other_grid), district.user(DistrictCommander)):
        with pytest.raises(OrderError):
            orders.assign(order=order, to=stranger, by=by)
    order.refresh_from_db()
    assert order.assignee is None


def test_five_photos_are_a_mistake_of_the_caller(district: District) -> None:
    worker = district.user(GridWorker)
    order = bring_to(order_for(district.zhang, district.grid), "arrived", worker=worker, verifier=worker)
    with pytest.raises(ValueError, match="too many"):
        orders.report(order=order, found=FOUND, pictures=[picture()] * 5, visits_seen=0, by=worker)


# Every other way

Step = Callable[[WorkOrder, User], Any]
STEPS: dict[str, Step] = {
    "accept": lambda order, by: orders.accept(order=order, by=by),
    "arrive": lambda order, by: orders.arrive(order=order, by=by),
    "report": lambda order, by: report(order, by=by),
    "return": lambda order, by: orders.return_to_worker(order=order, note="再去一次", by=by),
    "close": lambda order, by: orders.verify_and_close(order=order, by=by),
    "assign": lambda order, by: orders.assign(order=order, to=by, by=by),
    "take_back": lambda order, by: orders.take_back(order=order, by=by),
}
# Written down a second time, by hand: what the issue allows.
ALLOWED = {
    ("open", "accept"): "accepted",
    ("accepted", "arrive"): "arrived",
    ("arrived", "report"): "reported",
    ("returned", "report"): "reported",
    ("reported", "return"): "returned",
    ("reported", "close"): "closed",
    ("open", "assign"): "open",
    ("accepted", "assign"): "open",
    ("arrived", "assign"): "open",
    ("returned", "assign"): "open",
    ("accepted", "take_back"): "open",
    ("arrived", "take_back"): "accepted",
    ("reported", "take_back"): "returned",
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", STATES)
def test_from_each_state_only_the_allowed_steps_lead_on_and_the_others_leave_everything_as_it_is(
    district: District, state: str, step: str
) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), state, worker=worker, verifier=verifier)
    by = verifier if step in {"return", "close", "assign"} else worker
    before = WorkOrder.objects.values().get()
    if (state, step) in ALLOWED:
        STEPS[step](order, by)
        assert WorkOrder.objects.get().state == ALLOWED[state, step]
    else:
        with pytest.raises(OrderError) as refused:
            STEPS[step](order, by)
        assert str(refused.value)
        assert WorkOrder.objects.values().get() == before


@pytest.mark.parametrize(("state", "step"), [("open", "accept"), ("accepted", "arrive"), ("arrived", "report")])
def test_nobody_but_the_one_it_is_given_to_works_on_an_order(district: District, state: str, step: str) -> None:
    worker, other = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), state, worker=worker, verifier=other)
    with pytest.raises(OrderError):
        STEPS[step](order, other)
    order.refresh_from_db()
    assert order.state == state


@pytest.mark.steady
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    walk=st.lists(
        st.tuples(st.sampled_from((*STEPS, "accept", "arrive", "report", "close")), st.sampled_from((0, 1))),
        max_size=14,
    )
)
def test_no_sequence_of_steps_of_two_users_ends_closed_by_one_who_carried_it_out(
    district: District, walk: list[tuple[str, int]]
) -> None:
    users = (district.user(CommunityStaff), district.user(StreetStaff))
    subject = f"point:{Alert.objects.count() + 1}"
    order = order_for(None, district.grid, subject=subject)
    state, assignee, hands, went_on = "open", None, set[int](), False
    for step, number in walk:
        is_work, is_check = step in {"accept", "arrive", "report", "take_back"}, step in {"return", "close"}
        may = (not is_work or number == assignee) and (not is_check or number not in hands)
        may = may and (step != "take_back" or went_on)
        if may and (state, step) in ALLOWED:
            STEPS[step](order, users[number])
            state = ALLOWED[state, step]
            went_on = step in {"accept", "arrive", "report"}
            assignee = number if step == "assign" else assignee
            hands |= {number} if is_work else set()
        else:
            with pytest.raises(OrderError):
                STEPS[step](order, users[number])
        order.refresh_from_db()
        assert order.state == state
    if order.state == "closed":
        workers = set(order.steps.filter(after__in=["accepted", "arrived", "reported"]).values_list("by", flat=True))
        assert order.closed_by_id not in workers | {order.reported_by_id}


def test_a_step_is_taken_back_within_ten_minutes_by_whoever_took_it_and_once(district: District) -> None:
    worker, staff = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), "arrived", worker=worker, verifier=staff)
    with clock.at(clock.now() + dt.timedelta(minutes=11)), pytest.raises(OrderError):
        orders.take_back(order=order, by=worker)
    orders.take_back(order=order, by=worker)
    order.refresh_from_db()
    assert (order.state, order.arrived_at, order.accepted_at is None) == ("accepted", None, False)
    assert list(order.steps.values_list("before", "after", "by"))[-1] == ("arrived", "accepted", worker.pk)
    assert AuditRow.objects.filter(deed=Deed.HANDLE_ORDER, detail__step="take_back", actor=worker.pk).count() == 1
    with pytest.raises(OrderError):
        orders.take_back(order=order, by=worker)


def test_a_report_taken_back_is_written_anew_and_what_was_verified_stays(district: District) -> None:
    worker, staff = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), "reported", worker=worker, verifier=staff)
    orders.take_back(order=order, by=worker)
    order.refresh_from_db()
    report(order, by=worker)
    assert order.visits.count() == 2
    order.refresh_from_db()
    orders.verify_and_close(order=order, by=staff)
    with pytest.raises(OrderError):
        orders.take_back(order=order, by=worker)


def test_the_database_itself_refuses_a_reporter_who_closes(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), "closed", worker=worker, verifier=verifier)
    with pytest.raises(IntegrityError, match="order_is_verified_by_another"), transaction.atomic():
        WorkOrder.objects.filter(pk=order.pk).update(closed_by=worker)


@pytest.mark.django_db(transaction=True)
def test_of_eight_reports_sent_at_once_one_is_kept(district: District) -> None:
    worker = district.user(GridWorker)
    order = bring_to(order_for(district.zhang, district.grid), "arrived", worker=worker, verifier=worker)
    start, refused = threading.Barrier(8), []

    def send() -> None:
        start.wait(20)
        try:
            orders.report(order=order, found=FOUND, pictures=[picture()], visits_seen=0, by=worker)
        except OrderError as problem:
            refused.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert Visit.objects.count() == VisitPhoto.objects.count() == Photo.objects.count() == 1


# What a worker's page is told


def test_the_picture_counts_what_waits_and_what_is_overdue_and_names_the_newest(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    with clock.at(clock.now() - dt.timedelta(hours=3)):
        order_for(district.zhang, district.grid)
    bring_to(order_for(None, district.grid, subject="point:1"), "reported", worker=worker, verifier=verifier)
    newest = order_for(None, district.grid, subject="point:2")
    picture_now = queries.orders_picture(worker.pk)
    assert {name: picture_now[name] for name in ("open", "overdue", "newest")} == {
        "open": 2,
        "overdue": 1,
        "newest": str(newest.ref),
    }
    assert dt.datetime.fromisoformat(str(picture_now["at"])) <= clock.now()


def test_whoever_has_no_orders_or_no_account_has_an_empty_picture(district: District) -> None:
    order_for(district.zhang, district.grid)
    for user in (district.user(DistrictCommander).pk, district.user(GridWorker, district.other_grid).pk, 0):
        told = queries.orders_picture(user)
        assert (told["open"], told["overdue"], told["newest"]) == (0, 0, None)


def test_orders_of_a_grid_that_one_left_are_gone_from_the_picture(district: District) -> None:
    worker = district.user(GridWorker)
    order_for(district.zhang, district.grid)
    revoke_role(user=worker, role=GridWorker, on=district.grid, by=None)
    assert queries.orders_picture(worker.pk)["open"] == 0
