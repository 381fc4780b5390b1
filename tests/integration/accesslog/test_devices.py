"""Devices: a one-time code enrols one, guesses are few, and what is rolled or revoked is worthless at once."""

import datetime as dt
import re
import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accesslog.actions import devices
from accesslog.actions.devices import DeviceElsewhereError, EnrolmentError
from accesslog.devices import COOKIE
from accesslog.models import Device
from citybrain.core import clock
from citybrain.core.models import AuditRow, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, GateStaff
from tests.gates import Gate, make_gate
from tests.people import District, browse

pytestmark = pytest.mark.django_db

ENROL = "/gate/enrol/"
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def code(gate: Gate) -> str:
    """A code that is open."""
    return devices.offer_code(device=gate.device, by=None)


def _is_known(client: Client) -> bool:
    return client.get(reverse("accesslog:gate")).status_code == 200


def _code_on(response: Any) -> str:
    found = re.search(r"enrolment-code\">(\d{4}) (\d{4})<", response.content.decode())
    assert found
    return "".join(found.groups())


def test_the_whole_way_from_the_set_up_to_a_gate_that_checks(district: District, gate: Gate) -> None:
    staff = browse(district.user(CommunityStaff))
    url = reverse("accesslog:add_device", args=[gate.place.pk, gate.device.point_id])
    code = _code_on(staff.post(url, {"name": "备用平板"}))
    tablet = browse(gate.guard, purpose="")
    assert tablet.get(reverse("accesslog:gate")).url == ENROL  # type: ignore[attr-defined]
    response: Any = tablet.post(ENROL, {"code": f" {code[:4]} {code[4:]} "})
    assert response.url == reverse("accesslog:gate")
    assert _is_known(tablet)
    device = Device.objects.get(name="备用平板")
    assert (device.enrolment_digest, device.enrolment_until) == ("", None)
    assert device.enrolled_at is not None


def test_the_cookie_is_kept_from_scripts_from_other_sites_and_from_other_pages(gate: Gate, code: str) -> None:
    cookie = browse(gate.guard, purpose="").post(ENROL, {"code": code}).cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/gate/")
    assert cookie["max-age"] == 180 * 24 * 3600
    ref, secret = cookie.value.split(".")
    assert ref == str(gate.device.ref)
    assert len(secret) >= 43


def test_the_cookie_needs_https_where_cookies_do(gate: Gate, code: str, settings: Any) -> None:
    assert not browse(gate.guard, purpose="").post(ENROL, {"code": code}).cookies[COOKIE]["secure"]
    settings.SECURE_COOKIES = True
    code = devices.offer_code(device=gate.device, by=None)
    assert browse(gate.guard, purpose="").post(ENROL, {"code": code}).cookies[COOKIE]["secure"]


def test_neither_code_nor_secret_is_kept_in_the_clear(gate: Gate, code: str) -> None:
    _device, secret = devices.enrol_device(code=code, by=gate.guard)
    code = devices.offer_code(device=gate.device, by=None)
    kept = str(Device.objects.filter(pk=gate.device.pk).values().get())
    trail = str(list(AuditRow.objects.values()))
    assert code not in kept + trail
    assert secret not in kept + trail


def test_a_code_works_once(gate: Gate, code: str) -> None:
    devices.enrol_device(code=code, by=gate.guard)
    with pytest.raises(EnrolmentError):
        devices.enrol_device(code=code, by=gate.guard)


def test_a_code_lives_ten_minutes(gate: Gate, code: str) -> None:
    with clock.at(clock.now() + 10 * MINUTE), pytest.raises(EnrolmentError):
        devices.enrol_device(code=code, by=gate.guard)
    with clock.at(clock.now() + 9 * MINUTE):
        assert devices.enrol_device(code=code, by=gate.guard)[0] == gate.device


def test_a_new_code_replaces_the_open_one(gate: Gate, code: str) -> None:
    newer = devices.offer_code(device=gate.device, by=None)
    with pytest.raises(EnrolmentError):
        devices.enrol_device(code=code, by=gate.guard)
    assert devices.enrol_device(code=newer, by=gate.guard)


def test_the_tablet_in_use_works_on_until_the_new_one_is_enrolled_and_not_after(gate: Gate, code: str) -> None:
    old = gate.client()
    assert _is_known(old)
    new = browse(gate.guard, purpose="")
    new.post(ENROL, {"code": code})
    assert _is_known(new)
    assert not _is_known(old)


def test_a_revoked_device_checks_no_more_and_a_new_code_brings_it_back(district: District, gate: Gate) -> None:
    staff, tablet = browse(district.user(CommunityStaff)), gate.client()
    arguments = [gate.place.pk, gate.device.pk]
    devices.offer_code(device=gate.device, by=None)
    staff.post(reverse("accesslog:revoke_device", args=arguments))
    assert not _is_known(tablet)
    gate.device.refresh_from_db()
    assert (gate.device.secret_digest, gate.device.enrolment_digest) == ("", "")
    code = _code_on(staff.post(reverse("accesslog:offer_code", args=arguments)))
    assert not _is_known(tablet)
    tablet.post(ENROL, {"code": code})
    assert _is_known(tablet)
    gate.device.refresh_from_db()
    assert gate.device.revoked_at is None


@pytest.mark.parametrize(
    "cookie", ["", ".", "x", "x.y", "{ref}", "{ref}.", "{ref}.x", "{ref}.{secret}x", "{other}.{secret}", "é.\x7f"]
)
def test_a_cookie_that_is_not_the_devices_is_no_device(district: District, gate: Gate, cookie: str) -> None:
    other = make_gate(district, "东新菜场").device
    client = gate.client()
    client.cookies[COOKIE] = cookie.format(ref=gate.device.ref, secret=gate.secret, other=other.ref)
    assert not _is_known(client)


@pytest.mark.parametrize("code", ["", "1234567", "123456789", "1234567x", "１２３４５６７８", "\x00", "0" * 500])
def test_what_is_no_code_is_answered_in_the_form_and_does_not_count_as_a_guess(gate: Gate, code: str) -> None:
    response = browse(gate.guard, purpose="").post(ENROL, {"code": code})
    assert response.status_code == 200
    assert response.context["form"].errors
    assert not AuditRow.objects.filter(outcome="refused").exists()


def _guess(gate: Gate, open_code: str, user: User | None = None) -> None:
    wrong = f"{(int(open_code) + 1) % 10**8:08}"
    with pytest.raises(EnrolmentError):
        devices.enrol_device(code=wrong, by=user or gate.guard)


def test_five_wrong_codes_close_enrolment_for_fifteen_minutes_also_for_the_right_one(
    district: District, gate: Gate, code: str
) -> None:
    for _each in range(devices.GUESSES):
        _guess(gate, code)
    with pytest.raises(EnrolmentError, match="15"):
        devices.enrol_device(code=code, by=gate.guard)
    refused = AuditRow.objects.filter(deed=Deed.ENROL_DEVICE, outcome="refused")
    assert [row.actor for row in refused] == [gate.guard.pk] * devices.GUESSES
    other = district.user(GateStaff)
    assert devices.enrol_device(code=code, by=other)[0] == gate.device
    with clock.at(clock.now() + 16 * MINUTE):
        code = devices.offer_code(device=gate.device, by=None)
        assert devices.enrol_device(code=code, by=gate.guard)


@pytest.mark.django_db(transaction=True)
def test_guesses_at_once_do_not_outrun_the_limit(gate: Gate, code: str) -> None:
    ready = threading.Barrier(12)

    def guess() -> None:
        try:
            ready.wait()
            _guess(gate, code)
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _each in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AuditRow.objects.filter(deed=Deed.ENROL_DEVICE, outcome="refused").count() == devices.GUESSES


def test_a_guard_of_another_gate_cannot_enrol_the_device_and_the_attempt_is_on_record(
    district: District, gate: Gate, code: str
) -> None:
    stranger = district.user(GateStaff, district.employer)
    with pytest.raises(DeviceElsewhereError):
        devices.enrol_device(code=code, by=stranger)
    response = browse(stranger, purpose="").post(ENROL, {"code": code})
    assert response.status_code == 403
    assert COOKIE not in response.cookies
    row = AuditRow.objects.get(outcome="refused")
    assert (row.actor, row.deed, row.target) == (stranger.pk, Deed.ENROL_DEVICE, f"device:{gate.device.pk}")
    assert gate.place.name not in response.content.decode()
    assert devices.enrol_device(code=code, by=gate.guard), "the code is not spent by it"


def test_every_step_is_on_record_under_the_role_that_allowed_it(district: District, gate: Gate) -> None:
    staff = district.user(CommunityStaff)
    device, code = devices.add_device(point=gate.device.point, name="备用", by=staff)
    devices.enrol_device(code=code, by=gate.guard)
    devices.revoke_device(device=device, by=staff)
    rows = AuditRow.objects.filter(actor__in=[staff.pk, gate.guard.pk]).order_by("id")
    mine = [row for row in rows if row.target == f"device:{device.pk}" or "made" in row.detail]
    assert [(row.deed, row.role) for row in mine] == [
        (Deed.SET_UP_GATE, "community_staff"),
        (Deed.ENROL_DEVICE, "community_staff"),
        (Deed.ENROL_DEVICE, "gate_staff"),
        (Deed.REVOKE_DEVICE, "community_staff"),
    ]
    assert {row.holding for row in mine} == {f"area:{district.community.pk}"}


def test_a_device_is_noted_as_seen_at_most_once_a_minute(gate: Gate) -> None:
    def seen() -> Any:
        gate.device.refresh_from_db()
        devices.note_seen(device=gate.device)
        gate.device.refresh_from_db()
        return gate.device.last_seen_at

    first = seen()
    with clock.at(first + 0.9 * MINUTE):
        assert seen() == first
    with clock.at(first + 1.1 * MINUTE):
        assert seen() > first
