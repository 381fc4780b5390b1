"""Residents see which gates checked them. Owner: the person; strangers: another resident, staff, nobody."""

import datetime as dt

import pytest
from django.test import Client

from accesslog.models import Result
from citybrain.core import clock, roles
from tests.passages import make_device, write_pass
from tests.people import District, browse, make_district

pytestmark = pytest.mark.django_db


@pytest.fixture
def district() -> District:
    return make_district()


def _page(client: Client, query: str = "") -> str:
    return client.get(f"/me/passes/{query}", headers={"Accept-Language": "en"}).content.decode()


def test_a_resident_sees_every_gate_that_checked_them_and_nobody_elses(district: District) -> None:
    write_pass(make_device(district.grid, "东站", "2号口"), district.zhang, Result.YELLOW)
    write_pass(make_device(district.grid, "西站"), district.li)
    page = _page(browse(district.user(roles.Resident)))
    assert "东站 · 2号口" in page
    assert "yellow code" in page
    assert "西站" not in page


def test_a_long_list_goes_on_from_page_to_page_without_a_gap(district: District) -> None:
    device = make_device(district.grid)
    for number in range(60):
        write_pass(device, district.zhang, scanned_at=clock.now() - number * dt.timedelta(minutes=1))
    client = browse(district.user(roles.Resident))
    first = client.get("/me/passes/").context["page"]
    second = client.get(f"/me/passes/?after={first.next_after.pk}").context["page"]
    assert [len(first.rows), len(second.rows)] == [50, 10]
    assert not {row.pk for row in first.rows} & {row.pk for row in second.rows}


def test_a_strangers_pass_is_no_place_to_go_on_from(district: District) -> None:
    other = write_pass(make_device(district.grid), district.li)
    write_pass(make_device(district.grid), district.zhang)
    page = browse(district.user(roles.Resident)).get(f"/me/passes/?after={other.pk}").context["page"]
    assert len(page.rows) == 1


def test_without_a_pass_or_a_person_the_page_says_so(district: District) -> None:
    assert "No gate has checked you lately." in _page(browse(district.user(roles.Resident)))
    assert browse(district.resident(None, "19900009999")).get("/me/passes/").status_code == 200


def test_staff_have_no_passes_page_and_nobody_has_one_without_signing_in(district: District) -> None:
    assert browse(district.user(roles.GridWorker)).get("/me/passes/").status_code == 403
    assert browse(None).get("/me/passes/").status_code == 302
