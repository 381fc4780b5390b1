"""The demo city: what is promised, loaded once, whole or not at all, and only in a demo."""

import json
import re
import stat
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accesslog.models import Device, Pass, Place
from citybrain.core import documents
from citybrain.core.models import (
    Area,
    AreaCode,
    AreaGrant,
    Document,
    Membership,
    Organisation,
    OrganisationGrant,
    Person,
    Phone,
    User,
)
from citybrain.core.roles import STAFF_ROLES
from citybrain.demo import accounts, history
from citybrain.demo.city import known, truth
from citybrain.demo.city.register import City
from community.models import Building, Duty, Estate, Household, HouseholdMember
from healthcode.models import Evidence, RuleActivation

pytestmark = pytest.mark.django_db(databases=["default", "owner"], transaction=True)


def load(**options: Any) -> None:
    call_command("load_demo", **{"residents": 300, "days": 0} | options)


def test_the_demo_city_is_what_is_promised_and_loads_once(capsys: pytest.CaptureFixture[str]) -> None:
    load()
    load(residents=500, seed=3)
    levels = [level for level in Area.Level if level != Area.Level.GRID]
    assert [Area.objects.filter(level=level).count() for level in levels] == [1, 8, 74]
    grids = Area.objects.filter(level="grid").select_related("parent")
    assert all(grid.parent and grid.code[:12] == grid.parent.code and len(grid.code) == 15 for grid in grids)
    assert all(grid.parent and grid.register_is_partial == grid.parent.register_is_partial for grid in grids)
    assert not Area.objects.filter(register_is_partial=True, level__in=("district", "street")).exists()
    assert set(Area.objects.filter(level="community", register_is_partial=False).values_list("code", flat=True)) == set(
        known.DENSE
    )
    assert Person.objects.count() == HouseholdMember.objects.count() == Document.objects.count() == 300
    assert not Person.objects.exclude(area__level="grid").exists()
    assert not Area.objects.filter(boundary=None).exists()
    assert AreaCode.objects.filter(valid_to=None).count() == Area.objects.count()
    assert Household.objects.count() < Building.objects.count() * 24
    assert not Estate.objects.filter(property_company=None).exists()
    assert capsys.readouterr().out.count("300 residents, 0 days in") == 1


def test_each_role_has_an_account_that_can_sign_in(capsys: pytest.CaptureFixture[str]) -> None:
    load()
    call_command("load_demo", logins=True)
    shown = capsys.readouterr().out
    for role in STAFF_ROLES:
        account = next(account for account in accounts.ACCOUNTS if account.role is role)
        assert f"{role.codename} " in shown
        form = {"username": account.username, "password": known.PASSWORD}
        response: Any = Client().post(reverse("core:staff"), form)
        assert response.status_code == 302, role
    assert AreaGrant.objects.count() + OrganisationGrant.objects.count() == len(accounts.ACCOUNTS)
    assert set(Duty.objects.values_list("user__username", flat=True)) == {"grid01", "grid02"}
    resident = User.objects.get(username="resident-demo")
    assert resident.person is not None
    assert resident.person.area.code == f"{known.LIVED_IN[0]}001"
    assert accounts.RESIDENT_PHONE in shown


def test_every_document_and_phone_opens_and_is_valid() -> None:
    load()
    for document in Document.objects.select_related("person"):
        number = document.reveal()
        assert documents.check(document.type, number) == number
        assert number.startswith(known.COUNTY)
        assert document.person.born_on == documents.birth_date(number)
    for phone in Phone.objects.select_related("person"):
        assert phone.reveal().endswith(phone.last_four)
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    with pytest.raises(ValidationError):
        documents.check("resident_id", wrong)


def test_every_gate_has_a_device_that_nobody_has_the_secret_of_and_the_known_places_are_as_before() -> None:
    load()
    assert not Device.objects.filter(enrolled_at=None).exists()
    assert Device.objects.values("secret_digest").distinct().count() == Device.objects.count()
    assert set(Place.objects.values_list("kind", flat=True)) == set(Place.Kind.values) - {"checkpoint", "airport"}
    market, estate = Place.objects.get(name=known.MARKET), Place.objects.get(name=known.ESTATE)
    assert market.admits == ["green"]
    assert estate.admits == ["green", "yellow"]
    assert market.organisation is not None
    assert market.organisation.name == known.MARKET
    assert {place.area.code for place in (market, estate)} == {f"{known.LIVED_IN[0]}001"}
    points = {place.name: set(place.points.values_list("name", "direction")) for place in (market, estate)}
    assert points == {known.MARKET: {("南门", "in"), ("北门", "in")}, known.ESTATE: {("大门", "in"), ("后门", "out")}}


def test_a_member_of_an_employer_is_an_adult_and_a_pupil_a_child() -> None:
    load()
    school = Organisation.objects.get(name=known.SCHOOL)
    employer = Organisation.objects.get(name=known.EMPLOYERS[0])
    ages = {
        kind: [member.person.age for member in kind.memberships.select_related("person")] for kind in (school, employer)
    }
    assert min(age for age in ages[employer] if age is not None) >= 18
    assert min(age for age in ages[school] if age is not None) >= 6
    assert Membership.objects.values("person").distinct().count() == Membership.objects.count() > 100


def test_public_passwords_are_refused_outside_a_demo(settings: Any) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="public passwords"):
        load()
    assert not User.objects.exists()


@pytest.mark.parametrize("options", [{"residents": 99}, {"days": 29}, {"days": -1}])
def test_a_size_that_cannot_be_is_refused_before_anything_is_written(options: dict[str, int]) -> None:
    with pytest.raises(CommandError, match="at least 100, --days at most 28"):
        load(**options)
    assert not Area.objects.exists()


def _break_register(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = City.write

    def write(city: City, alias: str, _say: Callable[[str], None]) -> None:
        def say(text: str) -> None:
            if text.startswith("core_phone"):
                raise OSError("the disk is full")

        whole(city, alias, say)

    monkeypatch.setattr(City, "write", write)


def _break_history(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_world: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(history, "write", write)


@pytest.mark.parametrize("break_off", [_break_register, _break_history])
def test_after_an_interrupted_load_the_next_one_says_what_to_do_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any, break_off: Callable[[pytest.MonkeyPatch], None]
) -> None:
    settings.VAR = tmp_path
    with monkeypatch.context() as broken:
        break_off(broken)
        with pytest.raises(OSError, match="disk is full"):
            load(days=1)
    left = (Person.objects.count(), Place.objects.count(), User.objects.count())
    with pytest.raises(CommandError, match="drop it"):
        load(days=1)
    assert (Person.objects.count(), Place.objects.count(), User.objects.count()) == left


@pytest.mark.steady
def test_the_last_days_are_on_record_under_rules_that_were_in_force_and_the_truth_is_apart(
    settings: Any, tmp_path: Any
) -> None:
    settings.VAR = tmp_path
    load(residents=1000, days=3)
    assert Pass.objects.count() > 1000
    first = Pass.objects.order_by("scanned_at")[0].scanned_at
    assert Evidence.objects.count() > 500
    assert RuleActivation.objects.get().valid_from < first
    file = truth.file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    header, *lines = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    assert header == header | {"seed": known.SEED, "residents": 1000, "days": 3, "control": False}
    persons = {str(ref) for ref in Person.objects.values_list("ref", flat=True)}
    places = {str(ref): name for ref, name in Place.objects.values_list("ref", "name")}
    assert lines
    for line in lines:
        assert {line["person"], line["infector"]} <= persons | {None}
        assert line["place"] is None or places[line["place"]] == line["place_name"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", line["at"])


@pytest.mark.steady
def test_a_full_city_loads_in_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    load(residents=20_000)
    assert Person.objects.count() == 20_000
    seconds = re.search(r"20000 residents, 0 days in ([\d.]+) s", capsys.readouterr().out)
    assert seconds is not None
    assert float(seconds[1]) < 40
