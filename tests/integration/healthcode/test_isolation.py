"""Isolation: ordered on evidence, ended by the rules, confirmed by the county, released by hand."""

import copy
import datetime as dt
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from citybrain.core import clock, roles
from citybrain.core.models import AuditRow, Event, Person, User
from citybrain.core.purposes import Purpose
from healthcode import check_in_queries, isolation_queries
from healthcode.actions import isolation as actions
from healthcode.actions.sweep import sweep
from healthcode.models import CodeState, Evidence, HeldItem, Hold, Isolation
from tests.codes import BODY, WELL, adopt, check_in, noon, tell
from tests.orders import picture
from tests.people import LI_ID, ZHANG_ID, District, browse, make_person

AT_HOME = actions.Order("home", "", dt.date(2020, 2, 12), dt.date(2020, 2, 19))
LIST = "/isolation/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def yellow(district: District) -> Person:
    adopt()
    tell(district.zhang, "declaration", WELL, noon(2, 12, 9))
    tell(district.zhang, "exposure", {"grade": "secondary"}, noon(2, 12, 10))
    return district.zhang


@pytest.fixture
def officer(district: District) -> User:
    return district.user(roles.HealthOfficer)


def _order(person: Person, officer: User, seen: int = 0, order: actions.Order = AT_HOME) -> Isolation:
    begun = actions.order_isolation(person=person, order=order, seen=seen, by=officer)
    assert begun is not None
    return begun


def _typed(**more: Any) -> dict[str, Any]:
    return {"seen": 0, "place": "home", "address": "", "first_day": "2020-02-12", "last_day": "2020-02-19", **more}


def test_an_order_is_evidence_on_every_open_reason_with_the_day_the_reasons_speak_for(
    district: District, yellow: Person, officer: User
) -> None:
    client = browse(officer, Purpose.INVESTIGATION)
    url = reverse("healthcode:isolation_order", args=[yellow.ref])
    with clock.at(noon(2, 12, 12)):
        assert client.get(url).context["form"].initial["last_day"] == dt.date(2020, 2, 19)
        assert client.post(url, _typed()).headers["Location"] == LIST
        listed = client.get(LIST).context["rows"]
    isolation = Isolation.objects.get()
    assert [row.pk for row, _day, _grounds in listed] == [isolation.pk]
    assert (isolation.grounds, isolation.address, isolation.area) == (
        ["contact_of_contact"],
        yellow.address,
        district.grid,
    )
    assert (isolation.order.kind, isolation.order.source, isolation.order.author) == (
        "isolation_order",
        "disease_control",
        officer.pk,
    )
    assert AuditRow.objects.filter(deed="order_isolation", subjects=[yellow.pk], outcome="done").exists()


def test_nobody_is_isolated_without_an_open_reason(district: District, officer: User) -> None:
    adopt()
    url = reverse("healthcode:isolation_order", args=[district.zhang.ref])
    client = browse(officer)
    with clock.at(noon(2, 12)):
        assert 'name="place"' not in client.get(url).content.decode()
        client.post(url, _typed())
    assert not Isolation.objects.exists()
    assert not Evidence.objects.exists()


def test_sent_twice_it_is_ordered_once_and_a_new_order_takes_the_place_of_the_old(
    yellow: Person, officer: User
) -> None:
    with clock.at(noon(2, 12, 12)):
        first = _order(yellow, officer)
        with pytest.raises(actions.IsolationError):
            _order(yellow, officer)
        hotel = actions.Order("hotel", "汉庭酒店301室", dt.date(2020, 2, 12), dt.date(2020, 2, 20))
        second = _order(yellow, officer, first.pk, hotel)
    first.refresh_from_db()
    assert first.ended_at is not None
    assert (second.place, second.address, second.ended_at) == ("hotel", "汉庭酒店301室", None)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"place": "hotel"}, "address"),
        ({"place": "prison"}, "place"),
        ({"last_day": "2020-02-01"}, "last_day"),
        ({"last_day": "2021-02-01"}, "last_day"),
        ({"first_day": "1020-02-01"}, "first_day"),
        ({"first_day": ""}, "first_day"),
    ],
)
def test_a_wrong_order_is_kept_on_the_page_and_told(
    yellow: Person, officer: User, wrong: dict[str, Any], where: str
) -> None:
    with clock.at(noon(2, 12, 12)):
        url = reverse("healthcode:isolation_order", args=[yellow.ref])
        page = browse(officer).post(url, _typed(**wrong))
    assert where in page.context["form"].errors
    assert not Isolation.objects.exists()


def test_the_isolation_ends_by_the_last_check_in_and_its_person_is_told(yellow: Person, officer: User) -> None:
    with clock.at(noon(2, 12, 12)):
        isolation = _order(yellow, officer)
    check_in(yellow, 2, range(13, 19))
    with clock.at(noon(2, 18, 20)):
        assert actions.end_isolations() == 0
    check_in(yellow, 2, [19])
    assert CodeState.objects.get(person=yellow).state == "green"
    with clock.at(noon(2, 19, 10)):
        assert actions.end_isolations() == 1
        assert actions.end_isolations() == 0
    isolation.refresh_from_db()
    assert isolation.release is not None
    assert (isolation.release.source, isolation.release.author, isolation.release.facts) == (
        "rules",
        None,
        {"order": isolation.order_id},
    )
    assert Event.objects.get(kind="isolation.ended").payload == {"isolation": isolation.pk}
    assert AuditRow.objects.filter(deed="end_isolation", actor=None, subjects=[yellow.pk]).exists()
    assert CodeState.objects.get(person=yellow).state == "green"


def test_an_isolation_outlives_one_of_its_grounds_and_ends_with_the_last(yellow: Person, officer: User) -> None:
    tell(yellow, "exposure", {"grade": "close"}, noon(2, 12, 11))
    with clock.at(noon(2, 12, 12)):
        isolation = _order(yellow, officer)
    check_in(yellow, 2, range(13, 20))
    with clock.at(noon(2, 19, 20)):
        assert actions.end_isolations(persons=[yellow.pk]) == 0
    check_in(yellow, 2, range(20, 27))
    with clock.at(noon(2, 26, 20)):
        assert actions.end_isolations(persons=[yellow.pk]) == 1
    isolation.refresh_from_db()
    assert isolation.ended_at is not None


def test_what_time_alone_ends_the_sweep_ends(district: District, officer: User) -> None:
    body = copy.deepcopy(BODY) | {"name": "timed"}
    body["rules"][3]["closes_when"] = [{"days": 3}]
    adopt(body)
    tell(district.zhang, "exposure", {"grade": "secondary"}, noon(2, 12, 10))
    with clock.at(noon(2, 12, 12)):
        _order(district.zhang, officer)
    with clock.at(noon(2, 16, 0) + dt.timedelta(minutes=1)):
        assert sweep() == 1
        assert actions.end_isolations() == 1


@pytest.fixture
def ankang(district: District) -> Person:
    """张三 is a close contact where the county has to confirm the end."""
    body = copy.deepcopy(BODY) | {"name": "ankang"}
    body["rules"][1]["closes_when"] = [{"check_ins": 2}, {"evidence": "county_confirmation"}]
    adopt(body)
    tell(district.zhang, "declaration", WELL, noon(2, 12, 9))
    tell(district.zhang, "exposure", {"grade": "close"}, noon(2, 12, 10))
    return district.zhang


def test_the_county_confirms_when_nothing_else_is_open_and_never_by_whoever_gave_the_order(
    district: District, ankang: Person, officer: User
) -> None:
    with clock.at(noon(2, 12, 12)):
        isolation = _order(ankang, officer)
    other = User.objects.create(username="health-2")
    roles_on = district.user(roles.HealthOfficer, district.street)
    assert other != roles_on
    url = reverse("healthcode:isolation_confirm", args=[ankang.ref])
    check_in(ankang, 2, [13])
    with clock.at(noon(2, 13)):
        ((_reason, is_ready, _name),) = browse(officer).get(LIST).context["county"]
        assert not is_ready
        browse(roles_on).post(url, {"rule": "close_contact"})
        assert not Evidence.objects.filter(kind="county_confirmation").exists()
    check_in(ankang, 2, [14])
    with clock.at(noon(2, 16)):
        ((_reason, is_ready, _name),) = browse(officer).get(LIST).context["county"]
        assert is_ready, "a gap after the last check-in that was needed takes nothing away"
        browse(officer).post(url, {"rule": "close_contact"})
        assert not Evidence.objects.filter(kind="county_confirmation").exists()
        browse(roles_on).post(url, {"rule": "close_contact"})
    confirmed = Evidence.objects.get(kind="county_confirmation")
    assert (confirmed.author, confirmed.facts) == (roles_on.pk, {"order": isolation.order_id})
    assert CodeState.objects.get(person=ankang).state == "green"
    isolation.refresh_from_db()
    assert isolation.ended_at is not None


def test_a_release_by_hand_needs_a_reason_and_a_document_and_changes_no_colour(yellow: Person, officer: User) -> None:
    with clock.at(noon(2, 12, 12)):
        isolation = _order(yellow, officer)
        url = reverse("healthcode:isolation_release", args=[isolation.ref])
        client = browse(officer)
        assert "changes no colour" in client.get(url, headers={"Accept-Language": "en"}).content.decode()
        assert set(client.post(url, {}).context["form"].errors) == {"why", "document"}
        paper = SimpleUploadedFile("paper.jpg", picture())
        assert client.post(url, {"why": "in_hospital", "document": paper}).status_code == 302
    isolation.refresh_from_db()
    assert isolation.release is not None
    assert isolation.release.facts == {"order": isolation.order_id, "why": "in_hospital"}
    assert isolation.release.document is not None
    assert CodeState.objects.get(person=yellow).state == "yellow"
    assert isolation_queries.open_reasons(yellow)


def test_an_order_that_waited_for_a_second_person_begins_when_it_is_let_in(
    district: District, yellow: Person, officer: User
) -> None:
    facts = {"place": "hotel", "from": "2020-02-12", "to": "2020-02-19", "address": "汉庭酒店"}
    with clock.at(noon(2, 12, 12)):
        hold = Hold.objects.create(
            because=["burst"], made_by=officer.pk, made_under="x", made_at=clock.now(), worse=1, better=0
        )
        item = HeldItem.objects.create(
            hold=hold, person=yellow, kind="isolation_order", facts=facts, true_at=clock.now(), source="disease_control"
        )
        actions.follow_hold({"hold": hold.pk})
        assert not Isolation.objects.exists()
        item.evidence = tell(yellow, "isolation_order", facts, clock.now())
        item.save()
        for _time in range(2):
            actions.follow_hold({"hold": hold.pk})
    assert [(one.place, one.address) for one in Isolation.objects.all()] == [("hotel", "汉庭酒店")]


def test_whoever_is_found_by_document_is_in_the_area_and_a_look_elsewhere_is_refused_on_record(
    district: District, yellow: Person
) -> None:
    here = district.user(roles.HealthOfficer, district.grid)
    client = browse(here)
    find = reverse("healthcode:isolation_find")
    assert str(yellow.ref) in client.post(find, {"number": ZHANG_ID}).headers["Location"]
    assert client.post(find, {"number": LI_ID}).context["find_form"].errors
    assert AuditRow.objects.filter(outcome="refused", subjects=[district.li.pk]).exists()
    assert client.post(find, {"number": ""}).context["find_form"].errors


def test_strangers_see_and_touch_no_isolation(district: District, yellow: Person, officer: User) -> None:
    with clock.at(noon(2, 12, 12)):
        isolation = _order(yellow, officer)
    elsewhere = browse(district.user(roles.HealthOfficer, district.other_grid))
    order = reverse("healthcode:isolation_order", args=[yellow.ref])
    release = reverse("healthcode:isolation_release", args=[isolation.ref])
    confirm = reverse("healthcode:isolation_confirm", args=[yellow.ref])
    assert elsewhere.get(LIST).context["rows"] == []
    for url in (order, release):
        assert elsewhere.get(url).status_code == 404
        assert browse(district.user(roles.GridWorker)).get(url).status_code == 403
    assert elsewhere.post(confirm, {"rule": "contact_of_contact"}).status_code == 404
    assert browse(None).get(LIST).status_code == 302


def test_in_isolation_one_owes_check_ins_until_it_ends(district: District, officer: User) -> None:
    body = copy.deepcopy(BODY) | {"name": "timed"}
    body["rules"][3]["closes_when"] = [{"days": 30}]
    adopt(body)
    person = make_person("王五", district.grid)
    tell(person, "exposure", {"grade": "secondary"}, noon(2, 12, 10))
    with clock.at(noon(2, 12, 12)):
        assert not check_in_queries.is_looked_after(person)
        isolation = _order(person, officer)
        assert check_in_queries.owes_now(person)
        actions.end_by(
            tell(person, "isolation_release", {"order": isolation.order_id, "why": "in_error"}, noon(2, 12, 13))
        )
        assert not check_in_queries.owes_now(person)
