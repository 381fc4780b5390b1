"""Signing in, by phone and by password, and everything that must not work."""

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from citybrain.core import clock, crypto, gateway
from citybrain.core.models import AuditRow, SignInCode, SignInFailure, User
from citybrain.core.models.audit import Deed

pytestmark = pytest.mark.django_db

PHONE = "13900000001"
PASSWORD = "a-good-long-password"


def _ask(client: Client, capsys: pytest.CaptureFixture[str], phone: str = PHONE) -> str:
    capsys.readouterr()
    response = client.post(reverse("core:sign_in"), {"phone": phone})
    assert response.status_code == 302, response.content.decode()
    line = capsys.readouterr().out
    assert line.startswith("SMS to 139****0001: ")
    found = re.search(r"\d{6}", line.partition(":")[2])
    assert found
    return found.group()


def _enter(client: Client, code: str) -> Any:
    return client.post(reverse("core:code"), {"code": code})


def _wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def _is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_a_resident_signs_in_with_the_code_that_the_console_shows(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    response = _enter(client, _ask(client, capsys))
    assert response.url == reverse("dashboard:home")
    assert client.get(response.url).status_code == 200
    user = User.objects.get()
    assert user.is_resident
    assert AuditRow.objects.get(deed=Deed.SIGN_IN, outcome="done").actor == user.pk


def test_the_second_sign_in_finds_the_same_account(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    _enter(client, _ask(client, capsys))
    with clock.at(clock.now() + dt.timedelta(minutes=2)):
        other = Client()
        _enter(other, _ask(other, capsys, "+86 139 0000 0001"))
        assert _is_signed_in(other)
    assert User.objects.count() == 1


def test_the_phone_number_stands_nowhere_in_the_clear(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    _enter(client, _ask(client, capsys))
    user = User.objects.get()
    assert PHONE.encode() not in bytes(user.phone_cipher or b"")
    assert PHONE not in user.username
    assert PHONE not in str(dict(client.session))


def test_a_wrong_code_is_refused_and_the_form_stays(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    response = _enter(client, _wrong(_ask(client, capsys)))
    assert response.status_code == 200
    assert response.context["form"].errors
    assert not _is_signed_in(client)


def test_the_sixth_guess_is_refused_even_when_right(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    code = _ask(client, capsys)
    for _guess in range(5):
        _enter(client, _wrong(code))
    _enter(client, code)
    assert not _is_signed_in(client)


def test_a_code_dies_after_five_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    code = _ask(client, capsys)
    with clock.at(clock.now() + dt.timedelta(minutes=5, seconds=1)):
        _enter(client, code)
    assert not _is_signed_in(client)


def test_a_code_works_once(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    code = _ask(client, capsys)
    _enter(client, code)
    assert SignInCode.objects.get().used_at is not None
    second = Client()
    session = second.session
    session["signing_in"] = crypto.seal("session-phone", PHONE).hex()
    session.save()
    _enter(second, code)
    assert not _is_signed_in(second)


def test_codes_cannot_be_asked_for_in_a_hurry(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    _ask(client, capsys)
    response = client.post(reverse("core:sign_in"), {"phone": PHONE})
    assert response.status_code == 200
    assert capsys.readouterr().out == ""
    for minute in range(1, 6):
        with clock.at(clock.now() + dt.timedelta(minutes=2 * minute)):
            response = client.post(reverse("core:sign_in"), {"phone": PHONE})
    assert response.status_code == 200
    assert SignInCode.objects.count() == 5


def test_a_gateway_that_fails_says_so_and_keeps_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_phone: str, _text: str) -> None:
        raise gateway.GatewayError

    monkeypatch.setattr(gateway, "send", fail)
    response = Client().post(reverse("core:sign_in"), {"phone": PHONE})
    assert response.status_code == 200
    assert PHONE in response.content.decode()
    assert not SignInCode.objects.exists()


@pytest.mark.parametrize("phone", ["", "12345", "abc", "1" * 200, "0571-88880000", "\x00"])
def test_what_is_no_mobile_number_is_answered_with_a_hint(phone: str) -> None:
    response = Client().post(reverse("core:sign_in"), {"phone": phone})
    assert response.status_code == 200
    assert response.context["form"].errors


def test_the_code_page_without_a_number_goes_back_to_the_first_page() -> None:
    assert Client().get(reverse("core:code")).url == reverse("core:sign_in")  # type: ignore[attr-defined]


@pytest.fixture
def worker() -> User:
    return User.objects.create_staff("g001", PASSWORD)


def _staff(client: Client, password: str, username: str = "g001", **extra: str) -> Any:
    return client.post(reverse("core:staff"), {"username": username, "password": password, **extra})


def test_staff_sign_in_by_number_and_password(worker: User) -> None:
    client = Client()
    assert _staff(client, PASSWORD, " G001 ").status_code == 302
    assert client.session["_auth_user_id"] == str(worker.pk)


@pytest.mark.parametrize("username", ["g001", "nobody"])
def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_on_record(worker: User, username: str) -> None:
    client = Client()
    response = _staff(client, "wrong", username)
    assert "Name or password is wrong" in response.content.decode() or "密码" in response.content.decode()
    assert not _is_signed_in(client)
    assert AuditRow.objects.filter(deed=Deed.SIGN_IN, outcome="refused").count() == 1
    assert SignInFailure.objects.count() == 2


def test_after_five_wrong_passwords_the_right_one_waits_fifteen_minutes(worker: User) -> None:
    client = Client()
    for _guess in range(5):
        _staff(client, "wrong")
    _staff(client, PASSWORD)
    assert not _is_signed_in(client)
    with clock.at(clock.now() + dt.timedelta(minutes=16)):
        _staff(client, PASSWORD)
    assert _is_signed_in(client)


def test_an_attacker_elsewhere_does_not_lock_a_worker_out(worker: User) -> None:
    for _guess in range(6):
        Client(REMOTE_ADDR="10.0.0.9").post(reverse("core:staff"), {"username": "g001", "password": "wrong"})
    client = Client()
    _staff(client, PASSWORD)
    assert _is_signed_in(client)


def test_a_closed_account_cannot_sign_in_and_loses_its_open_session(worker: User) -> None:
    client = Client()
    _staff(client, PASSWORD)
    worker.is_active = False
    worker.save()
    assert client.get(reverse("dashboard:home")).status_code == 302
    other = Client()
    _staff(other, PASSWORD)
    assert not _is_signed_in(other)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_site(worker: User, target: str) -> None:
    assert _staff(Client(), PASSWORD, next=target).url == reverse("dashboard:home")


def test_signing_in_leads_back_to_the_page_that_was_asked_for(worker: User) -> None:
    assert _staff(Client(), PASSWORD, next="/areas/").url == "/areas/"


def test_signing_out_ends_the_session_and_takes_a_post(worker: User) -> None:
    client = Client()
    _staff(client, PASSWORD)
    assert client.get(reverse("core:out")).status_code == 405
    client.post(reverse("core:out"))
    assert not _is_signed_in(client)
    assert AuditRow.objects.filter(deed=Deed.SIGN_OUT, actor=worker.pk).exists()


def test_a_form_without_its_token_is_refused_with_a_page_that_helps() -> None:
    response = Client(enforce_csrf_checks=True).post(reverse("core:sign_in"), {"phone": PHONE})
    assert response.status_code == 403
    assert "<form" in response.content.decode() or "href" in response.content.decode()
