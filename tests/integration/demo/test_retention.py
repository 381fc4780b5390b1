"""Data dies on time: test walks leave nothing behind, old passes go, and nothing else does."""

import datetime as dt
import io
import json
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connections

from accesslog.models import Certificate, Pass, PassCount, Place, Result
from citybrain.core import clock, photos, retention, scope
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, AuditRow, Document, Person, Phone, Photo, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act, Auditor, DistrictCommander, GridWorker
from citybrain.demo import smoke_accounts
from community.actions.alerts import raise_alert
from community.models import Alert, OrderStep, Visit, VisitPhoto, WorkOrder
from healthcode.models import CodeChange, CodeNumber, CodeState, Declaration, Evidence, Reason
from tests import codes
from tests.passages import make_device, write_pass, write_quarantined
from tests.people import District, make_district, make_person

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "retention"])

HEALTH = (Evidence, Declaration, Reason, CodeState, CodeChange, CodeNumber)
WORK = (Alert, WorkOrder, OrderStep, Visit, VisitPhoto)


@pytest.fixture
def district() -> District:
    codes.adopt()
    return make_district()


def _walk(grid: Area, name: str) -> Person:
    """Leave behind what a walk leaves behind, in a grid."""
    person = make_person(name, grid, phone="10000000000")
    Document.of(person, "passport", f"E{grid.pk:08}").save()
    user = User.objects.create(username=f"walker-{grid.pk}", person=person)
    evidence = codes.tell(person, "exposure", {"grade": "close"}, clock.now())
    Declaration.objects.create(
        person=person, evidence=evidence, area=grid, address="测试园1幢", declared_at=clock.now()
    )
    CodeNumber.objects.create(person=person, issued_at=clock.now())
    device = make_device(grid)
    write_pass(device, person, Result.RED)
    paper = photos.keep(jpeg=b"paper", area=grid, by=user)
    certificate = Certificate.objects.create(
        number="1", issuer="宁波", photo=paper, area=grid, made_by=user.pk, made_at=clock.now()
    )
    write_pass(device, None, Result.CERTIFICATE, certificate=certificate)
    PassCount.objects.create(minute=clock.now(), area=grid, result=Result.RED, count=1)
    raise_alert(
        kind="refused_at_gate", subject=f"person:{person.pk}", person=person.pk, area=grid.pk, place="", cause="red",
        at=clock.now(),
    )  # fmt: skip
    order = WorkOrder.objects.create(
        alert=Alert.objects.get(area=grid), area=grid, person=person, opened_at=clock.now(), due_at=clock.now()
    )
    OrderStep.objects.create(order=order, after="open", at=clock.now())
    visit = Visit.objects.create(order=order, outcome="met", feedback="well", by=user, at=clock.now())
    VisitPhoto.objects.create(visit=visit, photo=photos.keep(jpeg=b"door", area=grid, by=user))
    return person


def _counts() -> dict[str, int]:
    models: tuple[Any, ...] = (*HEALTH, *WORK, Pass, Certificate, Photo, PassCount, Person, Document, Phone)
    return {model.__name__: model.objects.count() for model in models}


@pytest.fixture
def smoke_grid(district: District) -> Area:
    smoke_accounts.make()
    return Area.objects.get(is_smoke=True, level=Area.Level.GRID)


def test_a_test_walk_is_erased_whole_and_the_district_keeps_everything(district: District, smoke_grid: Area) -> None:
    _walk(district.grid, "赵六")
    before = _counts()
    _walk(smoke_grid, "测试")
    assert all(count > before[name] for name, count in _counts().items())
    written = io.StringIO()
    call_command("retention", smoke_minutes=0, stdout=written)
    assert _counts() == before
    assert "core_person: 1" in written.getvalue()
    recorded: Counter[str] = Counter()
    for row in AuditRow.objects.filter(deed=Deed.ERASE):
        recorded.update(row.detail)
    assert (recorded["healthcode_evidence"], recorded["core_photo"], recorded["core_person"]) == (1, 2, 1)


def test_a_walk_under_way_is_left_alone(smoke_grid: Area) -> None:
    _walk(smoke_grid, "测试")
    before = _counts()
    assert retention.run() == {}
    assert _counts() == before
    assert not AuditRow.objects.filter(deed=Deed.ERASE).exists()


def test_passes_older_than_they_are_kept_go_and_their_empty_days_with_them(district: District) -> None:
    device = make_device(district.grid)
    with clock.at(clock.now() - dt.timedelta(days=29)):
        write_pass(device, district.zhang)
    with clock.at(clock.now() - dt.timedelta(days=27)):
        kept = write_pass(device, district.zhang)
    assert len(_partitions()) >= 2
    before = _partitions()
    assert retention.run() == {"accesslog_pass": 1}
    assert list(Pass.objects.values_list("pk", flat=True)) == [kept.pk]
    assert len(before - _partitions()) >= 1
    assert f"accesslog_pass_{kept.scanned_at.astimezone(clock.SHANGHAI):%Y%m%d}" in _partitions()


def test_what_is_gone_is_on_record_even_when_a_part_fails_and_the_others_have_their_turn(
    smoke_grid: Area, monkeypatch: pytest.MonkeyPatch
) -> None:
    _walk(smoke_grid, "测试")

    def broken(erasure: retention.Erasure) -> None:
        erasure.delete("community_duty", "true", {})
        raise OperationalError("gone away")

    monkeypatch.setattr("community.actions.retention.erase", broken)
    with pytest.raises(OperationalError, match="gone away"):
        retention.run(smoke_keep=dt.timedelta())
    recorded: Counter[str] = Counter()
    for row in AuditRow.objects.filter(deed=Deed.ERASE):
        recorded.update(row.detail)
    assert recorded["community_duty"] == 1
    assert recorded["accesslog_pass"] == 2


@pytest.mark.slow
def test_somebody_who_reads_passes_meanwhile_does_not_stop_the_erasing(district: District) -> None:
    with clock.at(clock.now() - dt.timedelta(days=29)):
        write_pass(make_device(district.grid), district.zhang)
    with psycopg.connect(os.environ["DATABASE_URL"]) as reader:
        reader.execute("SELECT count(*) FROM accesslog_pass")
        assert retention.run() == {"accesslog_pass": 1}


def test_passes_of_devices_with_absurd_clocks_die_by_the_time_they_were_received(district: District) -> None:
    device = make_device(district.grid)
    for years in (-1, 10):
        write_quarantined(device, district.zhang, scanned_at=clock.now() + dt.timedelta(days=365 * years))
    assert retention.run() == {}
    with clock.at(clock.now() + dt.timedelta(days=29)):
        assert retention.run() == {"accesslog_quarantinedpass": 2}


def _partitions() -> set[str]:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'accesslog_pass'::regclass")
        return {name for (name,) in cursor.fetchall()}


def test_smoke_accounts_reach_nothing_of_the_district_and_nobody_of_it_reaches_theirs(
    district: District, smoke_grid: Area
) -> None:
    smoke = set(Area.objects.filter(is_smoke=True).values_list("pk", flat=True))
    for user in User.objects.filter(is_smoke=True):
        for act in Act:
            assert set(scope.of(user).ids("area", act)) <= smoke
    commander = district.user(DistrictCommander)
    assert not set(scope.of(commander).ids("area", Act.SEE_COCKPIT)) & smoke


def test_no_smoke_account_may_hold_a_role_that_reaches_beyond_areas(smoke_grid: Area) -> None:
    user, root = User.objects.get(username="smoke-grid"), Area.objects.get(is_smoke=True, parent=None)
    with pytest.raises(ValueError, match="no smoke account may hold it"):
        grant_role(user=user, role=Auditor, on=root, by=None)


def test_nobody_of_the_district_holds_a_role_in_the_smoke_tree_and_no_smoke_account_one_outside(
    district: District, smoke_grid: Area
) -> None:
    walker, staff = User.objects.get(username="smoke-grid"), district.user(GridWorker)
    for user, on in ((walker, district.grid), (staff, smoke_grid)):
        with pytest.raises(ValueError, match="smoke tree"):
            grant_role(user=user, role=GridWorker, on=on, by=None)


def test_smoke_accounts_are_made_once_with_new_passwords_each_time_in_a_file_of_their_owner(
    smoke_grid: Area, tmp_path: Path
) -> None:
    before = (Area.objects.count(), User.objects.count(), Place.objects.count())
    file = tmp_path / "smoke.json"
    call_command("smoke_accounts", file=file, stdout=io.StringIO())
    assert (Area.objects.count(), User.objects.count(), Place.objects.count()) == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = json.loads(file.read_text())
    assert set(passwords) == set(User.objects.filter(is_smoke=True).values_list("username", flat=True))
    assert all(User.objects.get(username=name).check_password(password) for name, password in passwords.items())
