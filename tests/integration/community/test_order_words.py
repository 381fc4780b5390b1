"""What pages of orders say: addresses of those who moved, the time that is left, what has happened again."""

import datetime as dt

import pytest
from django.urls import reverse

from citybrain.core import clock
from citybrain.core.actions.areas import create_area
from citybrain.core.models import Area, Person, User
from citybrain.core.roles import CommunityStaff, GridWorker, StreetStaff
from community.models import WorkOrder
from tests.orders import bring_to, order_for, tell
from tests.people import SINCE, District, browse

pytestmark = pytest.mark.django_db

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def order(district: District) -> WorkOrder:
    """An order about 张三, given to the worker of the grid."""
    district.user(GridWorker)
    return order_for(district.zhang, district.grid)


def test_the_address_of_somebody_who_moved_out_of_the_readers_areas_is_not_shown(
    district: District, order: WorkOrder
) -> None:
    worker, staff, street = (district.user(role) for role in (GridWorker, CommunityStaff, StreetStaff))
    there = create_area(
        level=Area.Level.COMMUNITY,
        code="330103008099",
        name="外区",
        parent=district.street,
        valid_from=SINCE,
        by=None,
    )

    def shows(user: User, name: str, address: str) -> bool:
        url = reverse(f"community:{name}", args=[order.ref] if name in {"order", "verify"} else [])
        text = browse(user).get(url, headers=ENGLISH).content.decode()
        assert (address in text) != ("has moved" in text)
        return address in text

    assert shows(worker, "orders", "1幢101室")
    assert shows(worker, "order", "1幢101室")
    Person.objects.filter(pk=district.zhang.pk).update(area=there, address="9幢909室")
    assert not shows(worker, "orders", "9幢909室")
    assert not shows(worker, "order", "9幢909室")
    WorkOrder.objects.update(assignee=None)
    for page in ("to_verify", "verify"):
        assert not shows(staff, page, "9幢909室")
        assert shows(street, page, "9幢909室")


def test_an_address_known_only_as_far_as_the_community_is_shown_to_the_grid_that_got_the_order(
    district: District, order: WorkOrder
) -> None:
    Person.objects.filter(pk=district.zhang.pk).update(area=district.community, address="东新路7号")
    page = browse(district.user(GridWorker)).get(reverse("community:order", args=[order.ref]))
    assert "东新路7号" in page.content.decode()


def test_time_that_is_left_is_said_in_hours_and_minutes(district: District, order: WorkOrder) -> None:
    client = browse(district.user(GridWorker))
    with clock.at(order.due_at - dt.timedelta(hours=1, minutes=58, seconds=20)):
        assert "due in 1 h 58 min" in client.get(reverse("community:orders"), headers=ENGLISH).content.decode()
        assert "还剩 1 小时 58 分" in client.get(reverse("community:orders")).content.decode()
    with clock.at(order.due_at + dt.timedelta(minutes=7)):
        client = browse(district.user(GridWorker))
        assert "overdue by 7 min" in client.get(reverse("community:orders"), headers=ENGLISH).content.decode()


def test_whoever_closes_what_has_happened_again_is_told_of_the_new_alert(district: District, order: WorkOrder) -> None:
    bring_to(order, "reported", worker=district.user(GridWorker), verifier=district.user(CommunityStaff))
    tell(district.zhang, district.grid, at=clock.now() + dt.timedelta(minutes=1))
    staff = browse(district.user(CommunityStaff))
    page = staff.post(reverse("community:close", args=[order.ref]), follow=True, headers=ENGLISH).content.decode()
    assert "It has happened again since the report" in page
