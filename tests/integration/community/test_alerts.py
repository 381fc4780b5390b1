"""Alerts: one open per subject and kind, whoever raises it; each new one is told once; lists show one's own areas."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accesslog.models import Result
from citybrain.core import clock, outbox
from citybrain.core.models import Area, AuditRow, Event, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, DistrictCommander, GridWorker, Resident, StreetStaff
from community.actions import alerts, orders
from community.actions.alerts import Raised, raise_alerts
from community.actions.duty import set_duty
from community.models import Alert, WorkOrder
from healthcode.actions.evidence import record_evidence
from healthcode.models import Declaration
from tests.codes import WELL, adopt
from tests.orders import at, bring_to, order_for, tell
from tests.people import District, browse

pytestmark = pytest.mark.django_db


def _opened() -> list[int]:
    return [event.payload["alert"] for event in Event.objects.filter(kind="alert.opened").order_by("id")]


def test_what_happens_again_is_counted_in_the_open_alert_and_told_once(district: District) -> None:
    first = tell(district.zhang, district.grid, at=at(10), place="北门", cause="yellow")
    again = tell(district.zhang, district.grid, at=at(12), place="市场", cause="red")
    assert again.pk == first.pk
    assert (again.count, again.first_at, again.last_at) == (2, at(10), at(12))
    assert (again.place, again.cause) == ("市场", "red")
    assert _opened() == [first.pk]


def test_a_pass_that_is_read_late_does_not_replace_the_latest_place(district: District) -> None:
    tell(district.zhang, district.grid, at=at(12), place="市场", cause="red")
    alert = tell(district.zhang, district.grid, at=at(5), place="北门", cause="yellow")
    assert (alert.count, alert.first_at, alert.last_at) == (2, at(5), at(12))
    assert (alert.place, alert.cause) == ("市场", "red")


def test_another_kind_or_another_subject_is_an_alert_of_its_own(district: District) -> None:
    tell(district.zhang, district.grid)
    tell(district.zhang, district.grid, kind="open_reason_passed")
    tell(district.li, district.other_grid)
    tell(None, district.grid)
    assert Alert.objects.count() == len(_opened()) == 4
    assert set(Alert.objects.values_list("count", flat=True)) == {1}


def test_after_closing_the_next_time_is_a_new_alert_with_an_order_of_its_own(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), "closed", worker=worker, verifier=verifier)
    again = order_for(district.zhang, district.grid)
    assert again.alert_id != order.alert_id
    assert again.alert.count == 1
    assert _opened() == [order.alert_id, again.alert_id]


def test_several_of_one_subject_in_a_batch_are_folded_and_a_batch_takes_two_statements(district: District) -> None:
    kinds = ("refused_at_gate", "open_reason_passed")
    batch = [
        Raised(
            kinds[number % 2],
            f"point:{number % 50}",
            None,
            district.grid.pk,
            f"{number}号门",
            "forged",
            at(number % 60),
        )
        for number in range(500)
    ]
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        raise_alerts(batch)
    assert len([query for query in captured if "SAVEPOINT" not in query["sql"]]) == 2
    assert Alert.objects.count() == len(_opened()) == 50
    assert set(Alert.objects.values_list("count", flat=True)) == {10}
    latest = Alert.objects.get(subject="point:0")
    wanted = max((one for one in batch if one.subject == "point:0"), key=lambda one: one.at)
    assert (latest.place, latest.last_at) == (wanted.place, wanted.at)
    raise_alerts([])
    assert Alert.objects.count() == 50


def test_a_very_long_place_is_cut_and_not_refused(district: District) -> None:
    assert tell(district.zhang, district.grid, place="门" * 300).place == "门" * 120


@pytest.mark.django_db(transaction=True)
def test_twenty_at_the_same_moment_make_one_alert_with_a_count_of_twenty_told_once(district: District) -> None:
    start = threading.Barrier(20)
    points = [f"point:{number}" for number in range(150)]
    faults: list[Exception] = []

    def raise_both(number: int) -> None:
        # Half of them in the opposite order: nobody may end up waiting in a circle.
        subjects = points[:: 1 if number % 2 else -1]
        one = {
            "kind": "refused_at_gate",
            "person": None,
            "area": district.grid.pk,
            "place": "",
            "cause": "",
            "at": at(1),
        }
        try:
            start.wait(20)
            with transaction.atomic():
                raise_alerts([Raised(subject=subject, **one) for subject in subjects])  # type: ignore[arg-type]
        except Exception as fault:  # noqa: BLE001 (shown by the assertion below)
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=raise_both, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert dict(Alert.objects.values_list("subject", "count")) == dict.fromkeys(points, 20)
    assert len(_opened()) == 150


@pytest.mark.django_db(transaction=True)
def test_what_happens_while_the_alert_is_being_closed_opens_a_new_one(district: District) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    order = bring_to(order_for(district.zhang, district.grid), "reported", worker=worker, verifier=verifier)
    raised = threading.Event()

    def again() -> None:
        tell(district.zhang, district.grid)
        connection.close()
        raised.set()

    thread = threading.Thread(target=again)
    with transaction.atomic():
        orders.verify_and_close(order=order, by=verifier)
        thread.start()
        assert not raised.wait(0.5), "it waits for what becomes of the alert"
    thread.join()
    closed, opened = Alert.objects.order_by("id")
    assert closed.closed_at is not None
    assert (closed.count, opened.count, opened.closed_at) == (1, 1, None)


def test_every_result_of_a_pass_can_be_said_as_a_cause() -> None:
    assert set(Result.values) == set(Alert.Cause.values)
    assert [Result(code).label for code in Result.values] == [Alert.Cause(code).label for code in Result.values]


def _declaration(person: Person, area: Area, address: str) -> Declaration:
    adopt()
    evidence = record_evidence(person=person, kind="declaration", facts=WELL, source="self", by=None)
    return Declaration.objects.create(
        person=person, evidence=evidence, area=area, address=address, declared_at=clock.now()
    )


def test_an_address_that_the_register_does_not_have_is_told_to_the_duty_grid_of_the_community(
    district: District,
) -> None:
    set_duty(area=district.other_grid, user=district.user(GridWorker, district.other_grid), by=None)
    declaration = _declaration(district.zhang, district.community, "东新园99幢101室")
    alerts.tell_address_not_found({"declaration": declaration.pk})
    alerts.tell_address_not_found({"declaration": declaration.pk})
    alert = Alert.objects.get()
    assert (alert.kind, alert.subject) == ("address_not_found", f"person:{district.zhang.pk}")
    assert (alert.area, alert.person, alert.place) == (district.other_grid, district.zhang, "东新园99幢101室")


def test_without_anybody_on_duty_the_first_grid_by_code_is_told(district: District) -> None:
    declaration = _declaration(district.li, district.community, "某处")
    alerts.tell_address_not_found({"declaration": declaration.pk})
    assert Alert.objects.get().area == district.grid


def test_a_document_that_is_taken_is_told_to_the_grid_of_whoever_has_it(district: District) -> None:
    alerts.tell_document_taken({"person": district.li.pk})
    alert = Alert.objects.get()
    assert (alert.kind, alert.area, alert.person) == ("document_taken", district.other_grid, district.li)


# The page. Owner: the grid's worker. Member: staff above. Strangers: the other grid's worker, the commander, nobody.


def _listed(client: Client, **filters: str) -> list[int]:
    return [alert.pk for alert in client.get(reverse("community:alerts"), filters).context["page"].rows]


def test_a_worker_sees_the_alerts_of_their_grid_and_the_look_is_on_record(district: District) -> None:
    own, other = tell(district.zhang, district.grid), tell(district.li, district.other_grid)
    worker = district.user(GridWorker)
    response = browse(worker).get(reverse("community:alerts"))
    assert [alert.pk for alert in response.context["page"].rows] == [own.pk]
    assert "张*" in response.content.decode()
    row = AuditRow.objects.get(deed=Deed.SEE_ALERTS)
    assert (row.actor, row.subjects, row.holding) == (worker.pk, [district.zhang.pk], f"area:{district.grid.pk}")
    assert row.purpose == "visit"
    for above in (CommunityStaff, StreetStaff):
        assert set(_listed(browse(district.user(above)))) == {own.pk, other.pk}


def test_the_filter_in_the_address_narrows_by_state_and_kind_and_open_ones_come_by_themselves(
    district: District,
) -> None:
    worker, verifier = district.user(GridWorker), district.user(CommunityStaff)
    closed = bring_to(order_for(district.zhang, district.grid), "closed", worker=worker, verifier=verifier).alert_id
    passed = tell(district.zhang, district.grid, kind="open_reason_passed").pk
    refused = tell(None, district.grid).pk
    client = browse(worker)
    assert set(_listed(client)) == set(_listed(client, state="open")) == {passed, refused}
    assert _listed(client, state="closed") == [closed]
    assert set(_listed(client, state="all", kind="refused_at_gate")) == {closed, refused}
    assert _listed(client, kind="document_taken") == []


@pytest.mark.parametrize("query", ["state=x", "kind=x", "state=%00", "kind=" + "a" * 400])
def test_a_filter_that_is_none_shows_no_alert(district: District, query: str) -> None:
    tell(district.zhang, district.grid)
    response = browse(district.user(GridWorker)).get(f"{reverse('community:alerts')}?{query}")
    assert response.status_code == 200
    assert response.context["page"].rows == []


@pytest.mark.parametrize("after", ["x", "00000000-0000-0000-0000-000000000000", "%00"])
def test_a_damaged_page_link_begins_anew(district: District, after: str) -> None:
    alert = tell(district.zhang, district.grid)
    assert _listed(browse(district.user(GridWorker)), after=after) == [alert.pk]


def test_pages_of_alerts_follow_one_another_without_holes_or_repeats(district: District) -> None:
    base = {"kind": "refused_at_gate", "person": None, "area": district.grid.pk, "place": "", "cause": ""}
    raise_alerts([Raised(subject=f"point:{n}", at=at(n // 7), **base) for n in range(120)])  # type: ignore[arg-type]
    client, seen, after = browse(district.user(GridWorker)), [], ""
    for _page in range(4):
        page: Any = client.get(reverse("community:alerts"), {"after": after}).context["page"]
        seen += [alert.pk for alert in page.rows]
        if page.next_after is None:
            break
        after = str(page.next_after.ref)
    assert len(seen) == len(set(seen)) == 120


def test_each_alert_leads_to_its_order_and_says_how_often_it_happened(district: District) -> None:
    order = order_for(district.zhang, district.grid)
    tell(district.zhang, district.grid)
    text = browse(district.user(GridWorker)).get(reverse("community:alerts")).content.decode()
    assert reverse("community:order", args=[order.ref]) in text
    assert 'class="number" data-label="次数">2<' in text or ">2</td>" in text


def test_the_commander_a_resident_and_nobody_do_not_reach_the_alerts(district: District) -> None:
    tell(district.zhang, district.grid)
    url = reverse("community:alerts")
    assert browse(district.user(DistrictCommander)).get(url).status_code == 403
    assert browse(district.user(Resident)).get(url).status_code == 403
    assert AuditRow.objects.filter(outcome="refused", target="page:community:alerts").count() == 2
    response: Any = browse(None).get(url)
    assert response.url.startswith(reverse("core:sign_in"))


def test_without_a_purpose_no_alert_names_anybody(district: District) -> None:
    tell(district.zhang, district.grid)
    response: Any = browse(district.user(GridWorker), purpose="").get(reverse("community:alerts"))
    assert response.url.startswith(reverse("core:purpose"))
    assert not AuditRow.objects.filter(subjects__contains=[district.zhang.pk]).exists()


def test_the_dispatcher_opens_one_order_for_an_alert_raised_many_times(district: District) -> None:
    worker = district.user(GridWorker)
    for minute in range(5):
        tell(district.zhang, district.grid, at=at(minute))
    while outbox.work():
        pass
    order = WorkOrder.objects.get()
    assert (order.assignee, order.area, order.person) == (worker, district.grid, district.zhang)
    assert order.alert.count == 5
