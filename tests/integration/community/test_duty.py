"""The roster: who answers for a grid, set by those who run it."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from citybrain.core.actions.grants import grant_role, revoke_role
from citybrain.core.models import Area, AuditRow, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, DistrictCommander, GridWorker, Resident, StreetStaff
from community import queries
from community.actions.duty import DutyError, set_duty
from community.models import Duty
from tests.people import District, browse

pytestmark = pytest.mark.django_db

URL = "/duty/"


def _save(client: Client, **choices: object) -> Any:
    """Send the form as the page drew it, with some grids changed."""
    page = client.get(URL)
    form = {}
    for post, bound in page.context["form"].rows():
        drawn = str(bound.value() or "")
        form[f"initial-{bound.html_name}"] = drawn
        form[bound.html_name] = str(choices.get(f"grid_{post.grid.pk}", drawn))
    return client.post(URL, form)


def test_staff_put_a_worker_on_duty_and_take_them_off_again_on_record(district: District) -> None:
    worker, staff = district.user(GridWorker), district.user(CommunityStaff)
    client, grid = browse(staff), f"grid_{district.grid.pk}"
    assert _save(client, **{grid: worker.pk}).url == reverse("community:duty")
    assert Duty.objects.get().user == worker
    row = AuditRow.objects.get(deed=Deed.SET_DUTY)
    assert (row.actor, row.target, row.holding) == (
        staff.pk,
        f"area:{district.grid.pk}",
        f"area:{district.community.pk}",
    )
    assert row.detail == {"before": 0, "user": worker.pk}
    _save(client)
    assert AuditRow.objects.filter(deed=Deed.SET_DUTY).count() == 1, "nothing was changed"
    _save(client, **{grid: ""})
    assert not Duty.objects.exists()
    assert AuditRow.objects.filter(deed=Deed.SET_DUTY).count() == 2


def test_saving_an_old_page_leaves_alone_what_somebody_else_changed_meanwhile(district: District) -> None:
    first, second = district.user(GridWorker), district.user(GridWorker, district.other_grid)
    client = browse(district.user(CommunityStaff))
    own, other = f"grid_{district.grid.pk}", f"grid_{district.other_grid.pk}"
    drawn = {f"initial-{own}": "", f"initial-{other}": "", own: str(first.pk), other: ""}
    set_duty(area=district.other_grid, user=second, by=None)
    client.post(URL, drawn)
    assert set(Duty.objects.values_list("area", "user")) == {
        (district.grid.pk, first.pk),
        (district.other_grid.pk, second.pk),
    }


def test_each_grid_offers_exactly_those_who_handle_orders_there(district: District) -> None:
    worker, other = district.user(GridWorker), district.user(GridWorker, district.other_grid)
    staff, street = district.user(CommunityStaff), district.user(StreetStaff)
    commander = district.user(DistrictCommander)
    rows = browse(staff).get(URL).context["form"].rows()
    offered = {post.grid: set(post.workers) for post, _bound in rows}
    assert offered == {district.grid: {worker, staff, street}, district.other_grid: {other, staff, street}}
    assert all(commander not in workers for workers in offered.values())


@pytest.mark.parametrize("wrong", ["x", "0", "9" * 40, "\x00", "-1"])
def test_somebody_who_is_no_worker_there_is_refused_and_the_choices_are_kept(district: District, wrong: str) -> None:
    worker = district.user(GridWorker)
    client = browse(district.user(CommunityStaff))
    response = _save(client, **{f"grid_{district.other_grid.pk}": wrong, f"grid_{district.grid.pk}": worker.pk})
    assert response.status_code == 200
    assert response.context["form"].errors
    assert re.search(rf'<option value="{worker.pk}" selected>', response.content.decode())
    assert not Duty.objects.exists()


def test_a_worker_of_another_grid_is_not_taken(district: District) -> None:
    other = district.user(GridWorker, district.other_grid)
    response = _save(browse(district.user(CommunityStaff)), **{f"grid_{district.grid.pk}": other.pk})
    assert response.status_code == 200
    assert not Duty.objects.exists()
    with pytest.raises(DutyError):
        set_duty(area=district.grid, user=other, by=None)


def test_a_grid_of_another_community_cannot_be_set(district: District) -> None:
    worker = district.user(GridWorker)
    stranger = district.user(CommunityStaff, district.other_grid)
    client = browse(stranger)
    assert [post.grid for post, _bound in client.get(URL).context["form"].rows()] == [district.other_grid]
    client.post(URL, {f"initial-grid_{district.grid.pk}": "", f"grid_{district.grid.pk}": str(worker.pk)})
    assert not Duty.objects.exists()


def test_whoever_lost_the_role_is_shown_as_gone_and_is_not_chosen(district: District) -> None:
    worker = district.user(GridWorker)
    set_duty(area=district.grid, user=worker, by=None)
    revoke_role(user=worker, role=GridWorker, on=district.grid, by=None)
    rows = browse(district.user(CommunityStaff)).get(URL).context["form"].rows()
    post, bound = next((post, bound) for post, bound in rows if post.grid == district.grid)
    assert post.is_stale
    assert not bound.value()


@pytest.mark.parametrize("role", [GridWorker, DistrictCommander, Resident])
@pytest.mark.parametrize("method", ["get", "post"])
def test_roles_that_set_no_duty_are_refused_on_record(district: District, role: type[Any], method: str) -> None:
    response = getattr(browse(district.user(role)), method)(URL)
    assert response.status_code == 403
    assert AuditRow.objects.get(outcome="refused").target == "page:community:duty"


def test_nobody_sets_duty_without_signing_in(district: District) -> None:
    response: Any = browse(None).get(URL)
    assert response.url.startswith(reverse("core:sign_in"))


def test_the_duty_grid_of_a_community_is_the_first_somebody_is_on_duty_for_else_the_first(district: District) -> None:
    empty = Area.objects.create(
        level="community", code="330103008099", name="空社区", parent=district.street, path="/x/"
    )
    assert queries.duty_grid(district.other_grid) == district.other_grid
    assert queries.duty_grid(district.community) == district.grid
    assert queries.duty_grid(empty) == empty
    set_duty(area=district.other_grid, user=district.user(GridWorker, district.other_grid), by=None)
    assert queries.duty_grid(district.community) == queries.duty_grid(district.street) == district.other_grid
    set_duty(area=district.grid, user=district.user(GridWorker), by=None)
    assert queries.duty_grid(district.community) == district.grid


def test_one_user_may_be_on_duty_for_several_grids(district: District) -> None:
    worker = User.objects.create(username="both", password="!")
    for grid in (district.grid, district.other_grid):
        grant_role(user=worker, role=GridWorker, on=grid, by=None)
        assert set_duty(area=grid, user=worker, by=None)
    assert Duty.objects.filter(user=worker).count() == 2
