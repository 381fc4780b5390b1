"""One enforcement point: a grant, and nothing else, opens an area."""

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.urls import reverse
from guardian.shortcuts import get_objects_for_user  # noqa: TID251 (to show what it would do)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citybrain.core import scope
from citybrain.core.actions.grants import grant_role, revoke_role
from citybrain.core.models import Area, AuditRow, Organisation, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import (
    ROLES,
    STAFF_ROLES,
    Act,
    Auditor,
    CommunityStaff,
    Employer,
    GridWorker,
    HealthOfficer,
    Role,
    SystemAdministrator,
)
from tests.people import District, browse

pytestmark = pytest.mark.django_db


def _fresh(user: User) -> User:
    """Return the user as the next request loads it."""
    return User.objects.get(pk=user.pk)


def test_a_role_on_an_area_holds_for_everything_below_and_for_nothing_beside(district: District) -> None:
    worker, staff = district.user(GridWorker), district.user(CommunityStaff)
    assert set(Person.objects.visible_to(worker, Act.SEE_PEOPLE)) == {district.zhang}
    assert set(Person.objects.visible_to(staff, Act.SEE_PEOPLE)) == {district.zhang, district.li}


def test_a_revoked_role_is_gone_with_the_next_request(district: District) -> None:
    worker = district.user(GridWorker)
    revoke_role(user=worker, role=GridWorker, on=district.grid, by=None)
    assert not Person.objects.visible_to(_fresh(worker), Act.SEE_PEOPLE).exists()
    assert AuditRow.objects.filter(deed=Deed.REVOKE_ROLE).exists()


def test_a_global_permission_opens_nothing(district: District) -> None:
    user = User.objects.create_staff("global", "a-good-long-password")
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label="core"))
    assert get_objects_for_user(user, "core.grid_worker").exists(), "guardian would have opened everything"
    assert not scope.of(_fresh(user)).may(Act.SEE_PEOPLE)
    assert not Person.objects.visible_to(_fresh(user), Act.SEE_PEOPLE).exists()


def test_the_database_refuses_a_superuser() -> None:
    with pytest.raises(IntegrityError, match="no_superuser"), transaction.atomic():
        User.objects.create(username="root", is_superuser=True)


def test_an_inactive_user_reaches_nothing(district: District) -> None:
    worker = district.user(GridWorker)
    worker.is_active = False
    assert not Person.objects.visible_to(worker, Act.SEE_PEOPLE).exists()


@pytest.mark.parametrize("role", STAFF_ROLES, ids=lambda role: role.codename)
def test_a_role_can_only_be_held_where_it_belongs(district: District, role: type[Role]) -> None:
    user = User.objects.create_staff("someone", "a-good-long-password")
    area = district.district if role.is_for_the_whole else district.grid
    places: dict[str, Area | Organisation] = {"area": area, "organisation": district.company}
    for kind, place in places.items():
        if kind in role.held_on:
            grant_role(user=user, role=role, on=place, by=None)
        else:
            with pytest.raises(ValueError, match="cannot be held"):
                grant_role(user=user, role=role, on=place, by=None)


@pytest.mark.parametrize("role", [Auditor, SystemAdministrator])
def test_a_role_for_the_whole_is_not_held_on_a_part(district: District, role: type[Role]) -> None:
    user = User.objects.create_staff("someone", "a-good-long-password")
    with pytest.raises(ValueError, match="below the top"):
        grant_role(user=user, role=role, on=district.street, by=None)


def test_the_record_names_the_holding_that_a_person_lives_in(district: District) -> None:
    user = User.objects.create_staff("both", "a-good-long-password")
    grant_role(user=user, role=GridWorker, on=district.grid, by=None)
    grant_role(user=user, role=HealthOfficer, on=district.other_grid, by=None)
    browse(user).get(reverse("community:resident", args=[district.li.ref]))
    row = AuditRow.objects.get(deed=Deed.SEE_PERSON)
    assert (row.role, row.holding) == ("health_officer", f"area:{district.other_grid.pk}")
    browse(user).get(reverse("community:residents"))
    row = AuditRow.objects.get(deed=Deed.SEE_LIST)
    assert {row.holding, *row.detail["also_under"]} == {
        f"area:{district.grid.pk}",
        f"area:{district.other_grid.pk}",
    }


def test_granting_is_on_record_with_who_what_and_where(district: District) -> None:
    user = User.objects.create_staff("someone", "a-good-long-password")
    grant_role(user=user, role=Employer, on=district.employer, by=None)
    row = AuditRow.objects.filter(deed=Deed.GRANT_ROLE).latest("id")
    assert row.target == f"user:{user.pk}"
    assert row.detail == {"role": "employer", "on": f"organisation:{district.employer.pk}"}


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_person_is_visible_exactly_when_some_role_held_above_them_permits_it(
    district: District, data: st.DataObject
) -> None:
    """Whatever roles are held wherever: scope agrees with walking up the tree by hand."""
    areas = [district.district, district.street, district.community, district.grid, district.other_grid]
    choices = [role for role in STAFF_ROLES if "area" in role.held_on and not role.is_for_the_whole]
    held = data.draw(st.lists(st.tuples(st.sampled_from(choices), st.sampled_from(areas)), max_size=4))
    act = data.draw(st.sampled_from([Act.SEE_PEOPLE, Act.UNMASK_PERSON, Act.EXPORT_PEOPLE]))
    with transaction.atomic():
        user = User.objects.create(username="property")
        for role, area in held:
            grant_role(user=user, role=role, on=area, by=None)
        seen = set(Person.objects.visible_to(user, act))
        expected = {
            person
            for person in (district.zhang, district.li)
            for role, area in held
            if act in role.may and _is_below(person.area, area)
        }
        assert seen == expected
        transaction.set_rollback(True)


def _is_below(area: Area | None, ancestor: Area) -> bool:
    while area is not None:
        if area.pk == ancestor.pk:
            return True
        area = area.parent
    return False


def test_grants_are_read_once_a_request(district: District, django_assert_num_queries: object) -> None:
    worker = _fresh(district.user(GridWorker))
    with django_assert_num_queries(1):  # type: ignore[operator]
        for act in Act:
            scope.of(worker).ids("area", act)
            scope.of(worker).may(act)


def test_every_staff_role_is_a_permission_in_the_database() -> None:
    codenames = set(Permission.objects.filter(content_type__app_label="core").values_list("codename", flat=True))
    assert codenames == {role.codename for role in STAFF_ROLES}
    assert set(ROLES) == codenames | {"resident"}


def test_the_auditor_sees_no_resident(district: District) -> None:
    assert not Person.objects.visible_to(district.user(Auditor), Act.SEE_PEOPLE).exists()
