"""The demo district: what is promised, the same for the same seed, and only in a demo."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from citybrain.core import documents
from citybrain.core.models import Area, AreaCode, AreaGrant, Document, Organisation, OrganisationGrant, Person, User
from citybrain.core.roles import STAFF_ROLES
from citybrain.demo import accounts
from citybrain.demo.loader import District
from citybrain.demo.population import COUNTY, Population
from community.models import Building, Duty, Household, HouseholdMember

pytestmark = pytest.mark.django_db(databases=["default", "owner"], transaction=True)


def test_the_demo_district_is_what_is_promised_and_loads_once(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demo")
    call_command("load_demo")
    levels = [level for level in Area.Level if level != Area.Level.GRID]
    assert [Area.objects.filter(level=level).count() for level in levels] == [1, 8, 74]
    grids = Area.objects.filter(level="grid").select_related("parent")
    assert all(grid.parent and grid.code[:12] == grid.parent.code and len(grid.code) == 15 for grid in grids)
    assert Person.objects.count() == HouseholdMember.objects.count() == 2000
    assert Person.objects.values("area__parent").distinct().count() == 2
    assert not Person.objects.exclude(area__level="grid").exists()
    assert not Area.objects.filter(boundary=None).exists()
    assert AreaCode.objects.filter(valid_to=None).count() == Area.objects.count()
    assert Household.objects.count() < Building.objects.count() * 24
    assert capsys.readouterr().out.count("residents in") == 1


def test_each_role_has_an_account_that_can_sign_in(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demo")
    call_command("load_demo", logins=True)
    shown = capsys.readouterr().out
    for role in STAFF_ROLES:
        account = next(account for account in accounts.ACCOUNTS if account.role is role)
        assert f"{role.codename} " in shown
        form = {"username": account.username, "password": accounts.PASSWORD}
        response: Any = Client().post(reverse("core:staff"), form)
        assert response.status_code == 302, role
    assert AreaGrant.objects.count() + OrganisationGrant.objects.count() == len(accounts.ACCOUNTS)
    assert set(Duty.objects.values_list("user__username", flat=True)) == {"grid01", "grid02"}
    resident = User.objects.get(username="resident-demo")
    assert resident.person is not None
    assert accounts.RESIDENT_PHONE in shown


def test_the_same_seed_draws_the_same_city_and_another_seed_another() -> None:
    def draw(seed: int) -> list[Any]:
        district = District(seed)
        district.build()
        return [district.persons.rows, district.rooms.rows, district.members.rows, district.memberships.rows]

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


def test_every_document_is_valid_and_of_the_county_that_was_never_assigned() -> None:
    call_command("load_demo")
    for document in Document.objects.all()[:300]:
        number = document.reveal()
        assert documents.check(document.type, number) == number
        assert number.startswith(COUNTY)
    population = Population(3)
    numbers = [person.id_number for _household in range(500) for person in population.household()]
    assert len(numbers) == len(set(numbers))


def test_a_member_of_an_employer_is_an_adult_and_a_pupil_a_child() -> None:
    call_command("load_demo")
    school = Organisation.objects.get(kind="school")
    employer = Organisation.objects.filter(kind="employer").first()
    assert employer is not None
    assert max(m.person.born_on.year for m in employer.memberships.select_related("person") if m.person.born_on) <= 2002
    assert min(m.person.born_on.year for m in school.memberships.select_related("person") if m.person.born_on) >= 2007


def test_public_passwords_are_refused_outside_a_demo(settings: Any) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="public passwords"):
        call_command("load_demo")
    assert not User.objects.exists()


def test_a_number_with_a_wrong_last_place_is_not_drawn() -> None:
    number = Population(1).household()[0].id_number
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    with pytest.raises(ValidationError):
        documents.check("resident_id", wrong)
