"""Setting gates up: who may, for which areas, and what stands on record."""

from typing import Any

import pytest
from django.urls import reverse

from accesslog.actions import places
from accesslog.models import Device, Place, Point
from citybrain.core import roles
from citybrain.core.models import Area, AuditRow, Organisation
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act, CommunityStaff, GateStaff, GridWorker, Resident, Role, StreetStaff
from tests.gates import Gate, make_gate
from tests.people import SINCE, District, browse

pytestmark = pytest.mark.django_db

# URL name → arguments.
PAGES: dict[str, tuple[str, ...]] = {
    "accesslog:places": (),
    "accesslog:new_place": (),
    "accesslog:place": ("place",),
    "accesslog:change_place": ("place",),
    "accesslog:add_point": ("place",),
    "accesslog:add_device": ("place", "point"),
    "accesslog:offer_code": ("place", "device"),
    "accesslog:revoke_device": ("place", "device"),
}
READ = {"accesslog:places", "accesslog:new_place", "accesslog:place", "accesslog:change_place"}


def _url(name: str, gate: Gate) -> str:
    ids = {"place": gate.place.pk, "point": gate.device.point_id, "device": gate.device.pk}
    return reverse(name, args=[ids[argument] for argument in PAGES[name]])


def _open(user: Any, name: str, gate: Gate) -> Any:
    client = browse(user)
    return client.get(_url(name, gate)) if name in READ else client.post(_url(name, gate), {"name": "x"})


def _form(district: District, **changes: str) -> dict[str, str]:
    return {"kind": "market", "name": "东新菜场", "area": str(district.grid.pk), "organisation": "", **changes}


# Owner: staff of the community. Member: of the street above. Strangers: another community's, other roles, nobody.


@pytest.mark.parametrize("role", [CommunityStaff, StreetStaff], ids=lambda role: role.codename)
def test_staff_of_the_area_and_above_set_up_its_gates(district: District, gate: Gate, role: type[Role]) -> None:
    for name in PAGES:
        assert _open(district.user(role), name, gate).status_code in {200, 302}, name
    assert not AuditRow.objects.filter(outcome="refused").exists()


EVERY_ROLE: tuple[type[Role], ...] = (Resident, *roles.STAFF_ROLES)
OTHERS = [role for role in EVERY_ROLE if Act.SET_UP_GATES not in role.may]


@pytest.mark.parametrize("role", OTHERS, ids=lambda role: role.codename)
def test_other_roles_are_refused_on_record(district: District, gate: Gate, role: type[Role]) -> None:
    user = district.user(role)
    for name in PAGES:
        assert _open(user, name, gate).status_code == 403
        row = AuditRow.objects.filter(outcome="refused").latest("id")
        assert (row.actor, row.target) == (user.pk, f"page:{name}")


def test_nobody_sets_up_a_gate_without_signing_in(gate: Gate) -> None:
    for name in PAGES:
        assert _open(None, name, gate).url.startswith(reverse("core:sign_in")), name


def test_a_place_of_another_community_is_not_found_and_the_attempt_is_on_record(district: District, gate: Gate) -> None:
    stranger = district.user(CommunityStaff, _other_community(district))
    before = list(Device.objects.values())
    for name in (name for name, arguments in PAGES.items() if arguments):
        assert _open(stranger, name, gate).status_code == 404, name
        row = AuditRow.objects.filter(outcome="refused").latest("id")
        assert (row.actor, row.deed, row.target) == (stranger.pk, Deed.SET_UP_GATE, f"place:{gate.place.pk}")
    assert list(Device.objects.values()) == before
    assert Point.objects.count() == 1
    assert gate.place.name not in browse(stranger).get(reverse("accesslog:places")).content.decode()


def test_a_point_or_device_of_another_place_is_not_found_below_ones_own(district: District, gate: Gate) -> None:
    gate.place = make_gate(district, "东新菜场").place
    for name in ("accesslog:add_device", "accesslog:offer_code", "accesslog:revoke_device"):
        assert _open(district.user(CommunityStaff), name, gate).status_code == 404
        assert AuditRow.objects.filter(outcome="refused").latest("id").deed == Deed.SET_UP_GATE
    gate.device.refresh_from_db()
    assert gate.device.revoked_at is None


def test_a_number_that_is_no_place_is_not_found(district: District) -> None:
    client = browse(district.user(CommunityStaff))
    for pk in (0, 4711, 10**30):
        assert client.get(f"/gates/{pk}/").status_code == 404


def test_a_place_is_for_a_user_exactly_when_it_is_visible_to_them(district: District) -> None:
    run = make_gate(district, "安居小区", organisation=district.company).place
    free = make_gate(district, "东新菜场", area=district.other_grid).place
    users = [
        district.user(GateStaff),
        district.user(GateStaff, district.company),
        district.user(GateStaff, district.employer),
        district.user(GateStaff, district.other_grid),
        district.user(GridWorker),
    ]
    for user in users:
        visible = set(Place.objects.visible_to(user, Act.CHECK_AT_GATE))
        assert {place for place in (run, free) if place.is_for(user, Act.CHECK_AT_GATE)} == visible
    assert [len(Place.objects.visible_to(user, Act.CHECK_AT_GATE)) for user in users] == [2, 1, 0, 1, 0]


# What is made


def test_a_place_is_made_with_its_particulars_and_on_record(district: District) -> None:
    user = district.user(CommunityStaff)
    form = _form(district, organisation=str(district.company.pk), admits_yellow="on")
    response: Any = browse(user).post(reverse("accesslog:new_place"), form)
    place = Place.objects.get()
    assert response.url == reverse("accesslog:place", args=[place.pk])
    assert (place.kind, place.name, place.area, place.organisation) == (
        "market",
        "东新菜场",
        district.grid,
        district.company,
    )
    assert place.admits == ["green", "yellow"]
    row = AuditRow.objects.get(deed=Deed.SET_UP_GATE)
    assert (row.actor, row.holding, row.target) == (
        user.pk,
        f"area:{district.community.pk}",
        f"place:{place.pk}",
    )


def test_a_place_admits_green_only_unless_it_is_told_otherwise_and_never_anything_else(district: District) -> None:
    browse(district.user(CommunityStaff)).post(reverse("accesslog:new_place"), _form(district, admits="red"))
    assert Place.objects.get().admits == ["green"]


def test_a_place_is_changed_and_keeps_an_organisation_from_elsewhere(district: District) -> None:
    elsewhere = Organisation.objects.create(kind="venue_operator", name="连锁超市", area=district.district)
    gate = make_gate(district, organisation=elsewhere)
    client = browse(district.user(CommunityStaff))
    url = reverse("accesslog:change_place", args=[gate.place.pk])
    assert "连锁超市" in client.get(url).content.decode()
    form = _form(district, name="东新超市", organisation=str(elsewhere.pk), area=str(district.other_grid.pk))
    assert client.post(url, form).status_code == 302
    gate.place.refresh_from_db()
    assert (gate.place.name, gate.place.area, gate.place.organisation) == ("东新超市", district.other_grid, elsewhere)
    assert "changed" in AuditRow.objects.filter(deed=Deed.SET_UP_GATE).latest("id").detail


WRONG: tuple[dict[str, str], ...] = (
    {"kind": "x"},
    {"kind": ""},
    {"name": ""},
    {"name": "x" * 81},
    {"name": "\x00"},
    {"area": ""},
    {"area": "x"},
    {"area": "99999999999999999999"},
    {"organisation": "x"},
)


def test_a_wrong_place_is_not_made_and_what_was_typed_stays(district: District) -> None:
    client = browse(district.user(CommunityStaff))
    for wrong in WRONG:
        form = _form(district, **wrong)
        response = client.post(reverse("accesslog:new_place"), form)
        assert response.status_code == 200
        assert set(response.context["form"].errors) == set(wrong)
        assert form["name"].strip("\x00") in response.content.decode()
    assert not Place.objects.exists()


def test_a_place_cannot_be_put_into_a_grid_of_others_nor_into_a_whole_community(district: District) -> None:
    client = browse(district.user(CommunityStaff, _other_community(district)))
    for area in (district.grid, district.community):
        response = client.post(reverse("accesslog:new_place"), _form(district, area=str(area.pk)))
        assert response.context["form"].errors.keys() == {"area"}
    assert not Place.objects.exists()


def test_a_name_that_is_taken_is_said_so_wherever_it_is_given(district: District, gate: Gate) -> None:
    client = browse(district.user(CommunityStaff))
    answers = [
        client.post(reverse("accesslog:new_place"), _form(district, name=gate.place.name)),
        client.post(_url("accesslog:add_point", gate), {"name": gate.device.point.name, "direction": "in"}),
        client.post(_url("accesslog:add_device", gate), {"name": gate.device.name}),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "field-error" in answer.content.decode()
    assert (Place.objects.count(), Point.objects.count(), Device.objects.count()) == (1, 1, 1)


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 41}, {"name": "\x00"}, {"name": "x", "direction": "up"}]
)
def test_a_wrong_point_or_device_is_not_made(district: District, gate: Gate, wrong: dict[str, str]) -> None:
    client = browse(district.user(CommunityStaff))
    assert client.post(_url("accesslog:add_point", gate), wrong).context["point_form"].errors
    if "direction" not in wrong:
        (point, form), *_others = client.post(_url("accesslog:add_device", gate), wrong).context["points"]
        assert point.pk == gate.device.point_id
        assert form.errors
    assert (Point.objects.count(), Device.objects.count()) == (1, 1)


def test_a_point_is_added(district: District, gate: Gate) -> None:
    client = browse(district.user(CommunityStaff))
    client.post(_url("accesslog:add_point", gate), {"name": "车库出口", "direction": "out"})
    assert Point.objects.get(name="车库出口").direction == "out"
    assert "车库出口" in client.get(_url("accesslog:place", gate)).content.decode()


def test_places_follow_one_another_over_pages(district: District) -> None:
    for number in range(60):
        places.make_place(
            kind="market", name=f"店{number:02}", area=district.grid, organisation=None, admits=["green"], by=None
        )
    client = browse(district.user(CommunityStaff))
    first = client.get(reverse("accesslog:places")).context["page"]
    second = client.get(reverse("accesslog:places"), {"after": str(first.next_after.pk)}).context["page"]
    assert len({place.pk for place in first.rows + second.rows}) == 60
    assert client.get(reverse("accesslog:places"), {"after": "x"}).context["page"].rows == first.rows


def _other_community(district: District) -> Area:
    return Area.objects.create(
        level="community", code="330103008009", name="别处社区", parent=district.street, path=f"/x{SINCE}/"
    )
