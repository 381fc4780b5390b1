"""Care for people in isolation: the worker's list, what the grid is told, and what residents ask for."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from citybrain.core import clock, roles
from citybrain.core.models import AuditRow, Event, Person
from citybrain.core.purposes import Purpose
from community import care_queries
from community.actions import care, orders
from community.models import Alert, CareRequest, WorkOrder
from healthcode.actions import isolation
from healthcode.actions.sweep import sweep
from healthcode.models import Evidence
from tests.codes import WELL, adopt, check_in, noon, tell
from tests.orders import bring_to, report
from tests.people import District, browse, make_person

LIST, ASK = "/care/", "/care/ask/"
CONTACT = {"grade": "secondary"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(district: District) -> list[Person]:
    """张三 and two more of his grid who owe check-ins from the 13th on, and 李四 of the other grid."""
    adopt()
    cared = [district.zhang, make_person("赵六", district.grid), make_person("孙七", district.grid), district.li]
    for person in cared:
        tell(person, "declaration", WELL, noon(2, 12, 9))
        tell(person, "exposure", CONTACT, noon(2, 12, 10))
    return cared


def _worker(district: District) -> Client:
    return browse(district.user(roles.GridWorker), Purpose.ISOLATION_CARE)


def _resident(district: District) -> Client:
    return browse(district.user(roles.Resident), purpose="")


def _ask(client: Client, **typed: Any) -> Any:
    return client.post(ASK, {"seen": client.get(ASK).context["form"]["seen"].value(), **typed}, follow=True)


def _orders_opened() -> WorkOrder:
    for event in Event.objects.filter(kind="alert.opened"):
        orders.open_for_alert(event.payload)
    return WorkOrder.objects.latest("pk")


def test_a_worker_sees_who_is_theirs_with_todays_check_in_and_every_count_is_its_rows(
    district: District, people: list[Person]
) -> None:
    check_in(people[0], 2, [13, 14])
    check_in(people[1], 2, [14])
    tell(people[1], "check_in", {"symptoms": ["fever"]}, noon(2, 14, 10))
    with clock.at(noon(2, 14)):
        care.tell_worse({"evidence": Evidence.objects.latest("pk").pk})
        client = _worker(district)
        page = client.get(LIST)
        shown = {row.person.pk: (row.today, row.missed_yesterday, row.counts[0].done) for row in page.context["rows"]}
        assert shown == {
            people[0].pk: ("normal", False, 2),
            people[1].pk: ("worse", True, 0),
            people[2].pk: ("due", True, 0),
        }
        sizes = {name: size for name, _title, size in page.context["tabs"]}
        assert sizes == {"all": 3, "due": 1, "missed": 2, "worse": 1, "needs": 0, "ending": 0}
        for name, size in sizes.items():
            assert len(client.get(LIST, {"show": name}).context["rows"]) == size, name
    assert AuditRow.objects.filter(deed="see_isolation", subjects__contains=[people[0].pk]).exists()
    assert not AuditRow.objects.filter(deed="see_isolation", subjects__contains=[district.li.pk]).exists()


def test_whoever_can_be_green_tomorrow_is_among_those_who_end(district: District, people: list[Person]) -> None:
    check_in(people[0], 2, range(13, 19))
    with clock.at(noon(2, 18)):
        sweep()
        rows = _worker(district).get(LIST, {"show": "ending"}).context["rows"]
    assert [row.person.pk for row in rows] == [people[0].pk]


def test_the_list_goes_on_along_the_addresses_page_by_page(district: District, people: list[Person]) -> None:
    for number in range(60):
        person = make_person(f"居民{number}", district.grid)
        Person.objects.filter(pk=person.pk).update(address=f"{number:03}室")
        tell(person, "exposure", CONTACT, noon(2, 12, 10))
    with clock.at(noon(2, 13)):
        client = _worker(district)
        first = client.get(LIST).context["page"]
        second = client.get(LIST, {"after": str(first.next_after.ref)}).context["page"]
        assert client.get(LIST, {"after": "damaged", "show": "x"}).status_code == 200
    assert len({row.pk for row in [*first.rows, *second.rows]}) == 63
    assert second.next_after is None


def test_strangers_get_no_list_and_no_purpose_means_no_names(district: District, people: list[Person]) -> None:
    with clock.at(noon(2, 13)):
        assert browse(None).get(LIST).status_code == 302
        assert _resident(district).get(LIST).status_code == 403
        assert browse(district.user(roles.GridWorker), purpose="").get(LIST).status_code == 302
        other = browse(district.user(roles.GridWorker, district.other_grid))
        assert [row.person.pk for row in other.get(LIST).context["rows"]] == [district.li.pk]


def test_a_missed_check_in_is_an_alert_for_the_grid_unless_it_came_meanwhile(
    district: District, people: list[Person]
) -> None:
    check_in(people[1], 2, [13])
    with clock.at(noon(2, 13, 20)):
        for person in people[:2]:
            for _time in range(2):
                care.tell_missed({"person": person.pk, "day": "2020-02-13"})
    (alert,) = Alert.objects.all()
    assert (alert.kind, alert.person_id, alert.area, alert.count) == (
        "check_in_missed",
        people[0].pk,
        district.grid,
        2,
    )


def test_a_worse_check_in_is_one_open_alert_and_an_order_with_what_to_do(
    district: District, people: list[Person]
) -> None:
    evidence = tell(people[0], "check_in", {"symptoms": ["fever"]}, noon(2, 13))
    with clock.at(noon(2, 13)):
        care.tell_worse({"evidence": evidence.pk})
        order = _orders_opened()
        page = _worker(district).get(reverse("community:order", args=[order.ref]))
    assert order.alert.kind == "health_worse"
    assert page.context["asked"] == []
    assert "120" in page.content.decode()


def test_a_request_reaches_the_worker_and_the_resident_sees_how_far_it_is(
    district: District, people: list[Person]
) -> None:
    client, worker = _resident(district), district.user(roles.GridWorker)
    with clock.at(noon(2, 13)):
        page = _ask(client, wants=["food", "talk"], words="两天的米和鸡蛋")
        assert [one.reached for one in page.context["requests"]] == [1]
        order = _orders_opened()
        shown = browse(worker).get(reverse("community:order", args=[order.ref])).content.decode()
        assert "两天的米和鸡蛋" in shown
        assert CareRequest.objects.get().wants == ["food", "talk"]
        assert _worker(district).get(LIST, {"show": "needs"}).context["rows"][0].requests
        for step, reached in ((orders.accept, 2), (orders.arrive, 3), (report, 4)):
            step(order=order, by=worker)
            assert care_queries.requests_of(people[0])[0].reached == reached
    assert AuditRow.objects.filter(deed="ask_for_care", subjects=[people[0].pk]).exists()


def test_what_is_asked_after_the_report_is_not_done_by_it(district: District, people: list[Person]) -> None:
    client, worker = _resident(district), district.user(roles.GridWorker)
    with clock.at(noon(2, 13, 9)):
        _ask(client, wants="food")
        order = bring_to(_orders_opened(), "reported", worker=worker, verifier=district.user(roles.CommunityStaff))
    with clock.at(noon(2, 13, 10)):
        _ask(client, wants="medicine")
        later, first = care_queries.requests_of(people[0])
        assert (first.reached, later.reached) == (4, 1)
        assert orders.verify_and_close(order=order, by=district.user(roles.CommunityStaff))
        anew = _orders_opened()
        assert anew != order
        assert [one.wants for one in care_queries.requests_behind(anew)] == [[str(CareRequest.Want.MEDICINE.label)]]
        assert Alert.objects.still_open().count() == 1


def test_a_request_sent_twice_is_kept_once_and_another_is_counted(district: District, people: list[Person]) -> None:
    client = _resident(district)
    with clock.at(noon(2, 13)):
        seen = client.get(ASK).context["form"]["seen"].value()
        for _time in range(2):
            client.post(ASK, {"seen": seen, "wants": "food"})
        client.post(ASK, {"seen": seen, "wants": "medicine"})
    assert CareRequest.objects.count() == 2
    assert Alert.objects.get().count == 2


@pytest.mark.parametrize(
    "typed", [{}, {"wants": "gold"}, {"wants": "food", "words": "x" * 201}, {"wants": "food", "words": "a\x00b"}]
)
def test_a_wrong_request_is_kept_on_the_page_and_told(
    district: District, people: list[Person], typed: dict[str, Any]
) -> None:
    with clock.at(noon(2, 13)):
        assert _ask(_resident(district), **typed).context["form"].errors
    assert not CareRequest.objects.exists()


def test_who_is_not_looked_after_asks_for_nothing(district: District) -> None:
    adopt()
    client = _resident(district)
    assert not client.get(ASK).context["is_cared_for"]
    client.post(ASK, {"seen": 0, "wants": "food"})
    assert not CareRequest.objects.exists()
    assert browse(None).get(ASK).status_code == 302
    assert client.get(f"{ASK}{district.li.ref}/").status_code == 404


def test_from_yellow_by_order_and_check_ins_to_green_and_out(district: District, people: list[Person]) -> None:
    client, officer = _resident(district), district.user(roles.HealthOfficer)
    with clock.at(noon(2, 12, 12)):
        order = isolation.Order("home", "", dt.date(2020, 2, 12), dt.date(2020, 2, 19))
        isolation.order_isolation(person=people[0], order=order, seen=0, by=officer)
        (row,) = [one for one in _worker(district).get(LIST).context["rows"] if one.person == people[0]]
        assert row.isolation is not None
    for day in range(13, 20):
        with clock.at(noon(2, day, 9)):
            seen = client.get("/check-in/").context["form"]["seen"].value()
            done = client.post("/check-in/", {"seen": seen, "same": "yes"}, follow=True)
    assert done.context["code"].state == "green"
    assert done.context["isolation"] is None
    with clock.at(noon(2, 19, 10)):
        assert people[0] not in [one.person for one in _worker(district).get(LIST).context["rows"]]
        assert client.get("/check-in/").context["ended"] is not None
