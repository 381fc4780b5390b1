"""Signing in, by phone and by password, and everything that must not work."""

import datetime as dt
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse

from citybrain.core import clock, crypto, gateway, keyring
from citybrain.core.actions import sign_in
from citybrain.core.models import AuditRow, SignInCode, SignInFailure, User
from citybrain.core.models.audit import Deed
from citybrain.core.tasks import purge_sessions

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
    before = _session(client)
    _enter(client, code)
    assert SignInCode.objects.get().used_at is not None
    second = _with_session_of(before)
    _enter(second, code)
    assert not _is_signed_in(second)


def _session(client: Client) -> dict[str, Any]:
    return dict(client.session)


def _with_session_of(content: dict[str, Any]) -> Client:
    client = Client()
    session = client.session
    session.update(content)
    session.save()
    return client


def test_an_older_code_dies_when_a_newer_one_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    older, newer = Client(), Client()
    old_code = _ask(older, capsys)
    with clock.at(clock.now() + dt.timedelta(minutes=2)):
        _enter(newer, _ask(newer, capsys))
        assert _is_signed_in(newer)
        _enter(older, old_code)
    assert not _is_signed_in(older)
    assert not SignInCode.objects.filter(used_at=None).exists()


def test_an_abandoned_sign_in_cannot_use_up_the_tries_of_a_later_code(capsys: pytest.CaptureFixture[str]) -> None:
    stranger, owner = Client(), Client()
    _ask(stranger, capsys)
    with clock.at(clock.now() + dt.timedelta(minutes=2)):
        code = _ask(owner, capsys)
        for _guess in range(6):
            _enter(stranger, _wrong(code))
        _enter(stranger, code)
        assert not _is_signed_in(stranger)
        assert SignInCode.objects.latest("pk").attempts == 0
        _enter(owner, code)
    assert _is_signed_in(owner)


def test_a_second_code_within_a_minute_is_refused_and_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    _ask(client, capsys)
    assert _refusal(client.post(reverse("core:sign_in"), {"phone": PHONE}))
    assert capsys.readouterr().out == ""
    assert SignInCode.objects.count() == 1


def test_the_sixth_code_for_a_number_within_an_hour_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    start = clock.now()
    for minute in range(0, 10, 2):
        with clock.at(start + dt.timedelta(minutes=minute)):
            _ask(Client(), capsys)
    with clock.at(start + dt.timedelta(minutes=10)):
        assert _refusal(Client().post(reverse("core:sign_in"), {"phone": PHONE}))
    assert SignInCode.objects.count() == 5
    with clock.at(start + dt.timedelta(minutes=61)):
        _ask(Client(), capsys)


def _refusal(response: Any) -> str:
    assert response.status_code == 200
    return str(response.context["form"].errors)


def test_a_sign_in_under_way_begins_anew_when_the_key_it_was_sealed_with_is_gone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_kind: str, _sealed: bytes) -> str:
        raise keyring.KeyringError

    client = Client()
    code = _ask(client, capsys)
    monkeypatch.setattr(crypto, "unseal", fail)
    assert _enter(client, code).url == reverse("core:sign_in")
    assert not _is_signed_in(client)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Phones to which messages were sent."""
    phones: list[str] = []
    monkeypatch.setattr(gateway, "send", lambda phone, _text: phones.append(phone))
    return phones


def _ask_for_many(count: int) -> list[Any]:
    phones = [f"139000001{number:02}" for number in range(count)]
    return [Client().post(reverse("core:sign_in"), {"phone": phone}) for phone in phones]


def test_one_address_gets_no_more_codes_an_hour_than_its_budget(sent: list[str], settings: Any) -> None:
    settings.SIGN_IN_CODES_AN_ADDRESS = 3
    answers = _ask_for_many(5)
    assert len(sent) == 3
    assert [answer.status_code for answer in answers] == [302, 302, 302, 200, 200]
    elsewhere = Client(REMOTE_ADDR="10.0.0.9").post(reverse("core:sign_in"), {"phone": PHONE})
    assert elsewhere.status_code == 302
    with clock.at(clock.now() + dt.timedelta(minutes=61)):
        _ask_for_many(1)
    assert len(sent) == 5


def test_the_installation_sends_no_more_codes_a_minute_than_its_budget(sent: list[str], settings: Any) -> None:
    settings.SIGN_IN_CODES_A_MINUTE = 3
    for number in range(5):
        Client(REMOTE_ADDR=f"10.0.0.{number}").post(reverse("core:sign_in"), {"phone": f"1390000010{number}"})
    assert len(sent) == 3
    with clock.at(clock.now() + dt.timedelta(seconds=61)):
        Client().post(reverse("core:sign_in"), {"phone": PHONE})
    assert len(sent) == 4


def _in_parallel(count: int, act: Callable[[int], object]) -> None:
    """Run `act` in threads that begin together; what one of them raises fails the test."""
    begin, problems = threading.Barrier(count), list[Exception]()

    def run(number: int) -> None:
        try:
            begin.wait()
            act(number)
        except Exception as problem:  # noqa: BLE001 (told below, in the test's own thread)
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


@pytest.fixture
def _slow_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time pass between checking the limits and inserting the code, so that parallel requests meet there."""
    digest = sign_in._code_digest

    def digest_slowly(index: bytes, code: str) -> str:
        time.sleep(0.3)
        return digest(index, code)

    monkeypatch.setattr(sign_in, "_code_digest", digest_slowly)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_slow_to_keep")
def test_twelve_parallel_requests_for_one_number_send_one_message(sent: list[str]) -> None:
    def ask(number: int) -> None:
        Client(REMOTE_ADDR=f"10.0.0.{number}").post(reverse("core:sign_in"), {"phone": PHONE})

    _in_parallel(12, ask)
    assert sent == [PHONE]
    assert SignInCode.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_slow_to_keep")
def test_parallel_requests_for_many_numbers_do_not_outrun_the_budget_of_their_address(
    sent: list[str], settings: Any
) -> None:
    settings.SIGN_IN_CODES_AN_ADDRESS = 3
    _in_parallel(12, lambda number: Client().post(reverse("core:sign_in"), {"phone": f"139000001{number:02}"}))
    assert len(sent) == 3


@pytest.mark.django_db(transaction=True)
def test_while_a_message_is_sent_no_database_connection_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[object] = []
    monkeypatch.setattr(gateway, "send", lambda _phone, _text: held.append(connection.connection))
    Client().post(reverse("core:sign_in"), {"phone": PHONE})
    assert held == [None]


def test_a_gateway_that_fails_says_so_keeps_the_number_and_lets_the_person_try_again_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_phone: str, _text: str) -> None:
        raise gateway.GatewayError

    client = Client()
    with monkeypatch.context() as broken:
        broken.setattr(gateway, "send", fail)
        response = client.post(reverse("core:sign_in"), {"phone": PHONE})
    assert _refusal(response)
    assert f'value="{PHONE}"' in response.content.decode()
    assert not SignInCode.objects.exists()
    _enter(client, _ask(client, capsys))
    assert _is_signed_in(client)


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


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_on_record(worker: User) -> None:
    client = Client()
    wrong, unknown = (_refusal(_staff(client, "wrong", username)) for username in ("g001", "nobody"))
    assert wrong == unknown
    assert not _is_signed_in(client)
    refused = AuditRow.objects.filter(deed=Deed.SIGN_IN, outcome="refused").order_by("pk")
    assert [row.target for row in refused] == [f"user:{worker.pk}", "user:0"]
    assert SignInFailure.objects.count() == 4


def test_a_right_password_leaves_no_failure_behind(worker: User) -> None:
    for _time in range(7):
        client = Client()
        _staff(client, PASSWORD)
        assert _is_signed_in(client)
    assert not SignInFailure.objects.exists()


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


def test_a_guess_above_the_limit_is_neither_compared_nor_counted(worker: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _guess in range(5):
        _staff(Client(), "wrong")
    monkeypatch.setattr(sign_in, "authenticate", lambda *_given, **_named: pytest.fail("it was compared"))
    for _guess in range(60):
        _staff(Client(), PASSWORD)
    # Two rows a guess: were refused ones counted, one attacker could close the account to every address.
    assert SignInFailure.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_of_24_parallel_wrong_passwords_no_more_than_five_are_compared(
    worker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def compare_slowly(*_given: object, username: str, **_named: object) -> None:
        compared.append(username)
        time.sleep(0.5)

    monkeypatch.setattr(sign_in, "authenticate", compare_slowly)
    _in_parallel(24, lambda _number: _staff(Client(), "wrong"))
    assert len(compared) <= 5
    assert SignInFailure.objects.count() == 2 * len(compared)


@pytest.fixture
def proxied(settings: Any) -> Callable[[str], Client]:
    """Return a function that makes a client whose requests come through our proxy, with this X-Forwarded-For."""
    settings.BEHIND_PROXY = True
    return lambda forwarded: Client(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)


def test_behind_the_proxy_five_wrong_passwords_lock_the_guessers_address_alone(
    worker: User, proxied: Callable[[str], Client]
) -> None:
    for _guess in range(5):
        _staff(proxied("203.0.113.5"), "wrong")
    same, other = proxied("203.0.113.5"), proxied("203.0.113.6")
    _staff(same, PASSWORD)
    _staff(other, PASSWORD)
    assert not _is_signed_in(same)
    assert _is_signed_in(other)


def test_an_invented_forwarding_header_makes_no_new_address(worker: User, proxied: Callable[[str], Client]) -> None:
    for guess in range(5):
        _staff(proxied(f"198.51.100.{guess}, 203.0.113.5"), "wrong")
    client = proxied("198.51.100.99, 203.0.113.5")
    _staff(client, PASSWORD)
    assert not _is_signed_in(client)


def test_behind_the_proxy_each_address_has_its_own_budget_of_codes(
    sent: list[str], settings: Any, proxied: Callable[[str], Client]
) -> None:
    settings.SIGN_IN_CODES_AN_ADDRESS = 1
    for forwarded, phone in [("203.0.113.5", PHONE), ("203.0.113.5", "13900000002"), ("203.0.113.6", "13900000003")]:
        proxied(forwarded).post(reverse("core:sign_in"), {"phone": phone})
    assert sent == [PHONE, "13900000003"]


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


def test_a_form_without_its_token_is_refused_with_a_page_that_says_how_to_go_on() -> None:
    response = Client(enforce_csrf_checks=True).post(
        reverse("core:sign_in"), {"phone": PHONE}, headers={"accept-language": "en"}
    )
    assert response.status_code == 403
    assert "This form is too old" in response.content.decode()
    assert "load the page again" in response.content.decode()


def test_the_periodic_task_clears_expired_sessions_and_no_others() -> None:
    expired, open_one = SessionStore(), SessionStore()
    expired["left"] = open_one["left"] = "here"
    expired.set_expiry(-1)
    expired.save()
    open_one.save()
    purge_sessions()
    assert list(Session.objects.values_list("session_key", flat=True)) == [open_one.session_key]
