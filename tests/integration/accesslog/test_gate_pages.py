"""The gate's pages: whose device, what they show, and that nothing sent to them ends in a fault of ours."""

import json
from typing import Any

import pytest
from django.conf import settings as live_settings
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

from accesslog import words
from accesslog.models import ADMITTING, Device, Pass, Result
from citybrain.core import clock, roles
from citybrain.core.models import AuditRow, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act, GateStaff, Resident, Role
from tests.gates import Gate, document_scan, make_gate, payload_of, token_of
from tests.passages import write_pass
from tests.people import LI_ID, ZHANG_ID, District, browse
from tests.repo import tree

pytestmark = pytest.mark.django_db

GATE, SCAN, DOCUMENT, CERTIFICATE = "/gate/", "/gate/scan", "/gate/document/", "/gate/certificate/"
AT_THE_GATE = (GATE, DOCUMENT, CERTIFICATE)


def _send(client: Client, content: Any, **headers: str) -> Any:
    return client.post(SCAN, json.dumps(content), content_type="application/json", headers=headers)


# Whose pages. Owner: the guard of the gate. Member: a guard of the whole district. Strangers: other guards and roles.


def test_the_guard_and_guards_of_the_area_above_check_with_the_device(district: District, gate: Gate) -> None:
    for user in (gate.guard, district.user(GateStaff)):
        for url in AT_THE_GATE:
            assert gate.client(user).get(url).status_code == 200, url
        assert _send(gate.client(user), payload_of("x")).status_code == 200


def test_the_guards_of_the_organisation_that_runs_the_gate_check_there(district: District) -> None:
    gate = make_gate(district, organisation=district.company)
    assert gate.guard == district.user(GateStaff, district.company)
    assert gate.client().get(GATE).status_code == 200


def test_a_device_in_the_hands_of_another_gates_guard_shows_nothing_and_that_is_on_record(
    district: District, gate: Gate, green: Person
) -> None:
    gate.scan(token_of(green))
    for stranger in (district.user(GateStaff, district.employer), district.user(GateStaff, district.other_grid)):
        client = gate.client(stranger)
        answers = [client.get(url) for url in AT_THE_GATE] + [_send(client, payload_of(token_of(green)))]
        for answer in answers:
            assert answer.status_code == 403
            assert "张" not in answer.content.decode()
            assert gate.place.name not in answer.content.decode()
        assert answers[-1].json()["error"] == "other_gate"
        refused = AuditRow.objects.filter(actor=stranger.pk, outcome="refused")
        assert [row.target for row in refused] == [f"device:{gate.device.pk}"] * len(answers)
    assert Pass.objects.count() == 1


EVERY_ROLE: tuple[type[Role], ...] = (Resident, *roles.STAFF_ROLES)
OTHERS = [role for role in EVERY_ROLE if Act.CHECK_AT_GATE not in role.may]


@pytest.mark.parametrize("role", OTHERS, ids=lambda role: role.codename)
def test_other_roles_are_refused_at_the_gate_on_record(district: District, gate: Gate, role: type[Role]) -> None:
    client = gate.client(district.user(role))
    answers = [client.get(url) for url in (*AT_THE_GATE, "/gate/enrol/")] + [_send(client, payload_of("x"))]
    assert {answer.status_code for answer in answers} == {403}
    assert AuditRow.objects.filter(outcome="refused").count() == len(answers)
    assert not Pass.objects.exists()


def test_nobody_reaches_the_gate_without_signing_in(gate: Gate) -> None:
    client = Client()
    client.cookies["citybrain_device"] = f"{gate.device.ref}.{gate.secret}"
    for url in (*AT_THE_GATE, "/gate/enrol/"):
        response: Any = client.get(url)
        assert response.url.startswith(reverse("core:sign_in"))
    assert _send(client, payload_of("x")).url.startswith(reverse("core:sign_in"))
    assert not Pass.objects.exists()


def test_a_browser_that_is_no_device_is_sent_to_enrol(gate: Gate) -> None:
    client = browse(gate.guard, purpose="")
    for url in AT_THE_GATE:
        response: Any = client.get(url)
        assert response.url == reverse("accesslog:enrol")
    answer = _send(client, payload_of("x"))
    assert (answer.status_code, answer.json()["error"]) == (403, "no_device")


# Scanning


def test_a_scan_is_answered_with_all_that_the_page_shows(gate: Gate, green: Person) -> None:
    sent = payload_of(token_of(green))
    answer = _send(gate.client(), sent, accept_language="en").json()
    assert answer == {
        "result": "green",
        "admitted": True,
        "state": "green",
        "masked_name": "张*",
        "verdict": "Let through",
        "headline": "Green code",
        "advice": "",
        "look": "good",
        "repeat": False,
        "scanned_at": answer["scanned_at"],
    }
    assert answer["scanned_at"][:23] == sent["scanned_at"][:23], "to the millisecond"
    assert "张三" not in str(answer)


def test_a_scan_sent_again_by_the_page_is_kept_once(gate: Gate, green: Person) -> None:
    sent, client = payload_of(token_of(green)), gate.client()
    first = _send(client, sent).json()
    assert _send(client, {**sent, "sent_at": clock.now().isoformat()}).json() == first
    assert Pass.objects.count() == 1


def test_a_code_with_spaces_reaches_the_decision_as_it_is(gate: Gate, green: Person) -> None:
    token = token_of(green)
    client = gate.client()
    assert _send(client, payload_of(f"{token} ")).json()["result"] == "unreadable"
    assert _send(client, payload_of(token)).json()["result"] == "green"


def test_a_scan_asks_nine_statements_and_writes_no_audit_row(gate: Gate, green: Person) -> None:
    client = gate.client()
    _send(client, payload_of("warm"))
    token, rows = token_of(green), AuditRow.objects.count()
    with CaptureQueriesContext(connection) as captured:
        assert _send(client, payload_of(token)).json()["admitted"]
    # Session, user, grants and device; then the decision's own transaction.
    asked = [query["sql"].split()[0] for query in captured]
    assert asked == ["SELECT"] * 3 + ["SELECT", "SAVEPOINT", "SELECT", "INSERT", "INSERT", "RELEASE"]
    assert AuditRow.objects.count() == rows


def test_the_device_is_noted_as_seen(gate: Gate) -> None:
    Device.objects.update(last_seen_at=None)
    _send(gate.client(), payload_of("x"))
    gate.device.refresh_from_db()
    assert gate.device.last_seen_at is not None


@pytest.mark.parametrize(
    ("body", "kind", "status", "error"),
    [
        ("{", "application/json", 400, "not_json"),
        ("[]", "application/json", 400, "not_json"),
        ("{}", "application/json", 400, "missing"),
        ('{"lane": 1}', "application/json", 400, "wrong"),
        ("{" * 5000, "application/json", 413, "too_large"),
        ("x" * 3_000_000, "application/json", 413, "too_large"),
        ("{}", "text/plain", 415, "not_json"),
        ("a=b", "application/x-www-form-urlencoded", 415, "not_json"),
        ("--x--", "multipart/form-data; boundary=x", 415, "not_json"),
    ],
)
def test_what_is_no_scan_is_answered_in_json_and_nothing_is_kept(
    gate: Gate, body: str, kind: str, status: int, error: str
) -> None:
    answer = gate.client().post(SCAN, body, content_type=kind)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["message"]
    assert not Pass.objects.exists()


def test_a_scan_needs_post_and_the_forms_token(gate: Gate) -> None:
    assert gate.client().get(SCAN).status_code == 405
    assert _send(gate.client(csrf=True), payload_of("x")).status_code == 403
    assert not Pass.objects.exists()


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | st.lists(st.text())


@pytest.mark.steady
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(st.sampled_from(["lane", "token", "nonce", "scanned_at", "sent_at", "more"]), ANYTHING),
    token=st.text(max_size=60) | st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", min_size=48, max_size=48),
    moments=st.tuples(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones())),
)
def test_nothing_that_is_sent_to_the_gate_ends_in_a_fault_of_ours(
    gate: Gate, changes: dict[str, Any], token: str, moments: tuple[Any, Any]
) -> None:
    client = gate.client()
    times = {"scanned_at": moments[0].isoformat(), "sent_at": moments[1].isoformat()}
    for sent in (payload_of(token), payload_of(token, **times), payload_of(token, **changes)):
        answer = _send(client, sent)
        assert answer.status_code in {200, 400}
        if answer.status_code == 200:
            assert not answer.json()["admitted"]


# The page


def test_the_gate_shows_a_guard_the_last_ten_whom_they_checked_by_this_device_masked(
    district: District, gate: Gate, green: Person
) -> None:
    other = make_gate(district, "东新菜场")
    other.decide(document_scan(LI_ID))
    for number in range(12):
        gate.decide(document_scan(ZHANG_ID) if number == 11 else document_scan("330199199001010018"))
    response = gate.client().get(GATE)
    text = response.content.decode()
    assert len(response.context["recent"]) == 10
    assert "张*" in text
    assert not {"张三", "李*", ZHANG_ID} & {word for word in ("张三", "李*", ZHANG_ID) if word in text}
    # Each pass is its own record of the look; whom another guard checked is another look, and is not shown.
    assert not AuditRow.objects.filter(deed=Deed.SEE_PASSES).exists()
    write_pass(gate.device, district.li, operator=gate.guard.pk + 1)
    assert "李*" not in gate.client().get(GATE).content.decode()


def test_the_gate_asks_as_many_statements_for_one_pass_as_for_ten(gate: Gate, green: Person) -> None:
    client, counts = gate.client(), []
    for _turn in range(2):
        gate.decide(document_scan(ZHANG_ID))
        client.get(GATE)
        with CaptureQueriesContext(connection) as captured:
            client.get(GATE)
        counts.append(len(captured))
        for _each in range(8):
            gate.decide(document_scan(ZHANG_ID))
    assert counts[0] == counts[1]
    assert green.pk


def test_every_result_says_what_to_do_why_and_has_a_shape_that_fits() -> None:
    with translation.override("en"):
        for result in Result:
            said = words.of(result)
            assert said.headline
            admits = result in ADMITTING
            assert said.verdict == ("Let through" if admits else "Do not let through")
            assert (said.look == "good") == admits
            assert said.look in words.LOOKS


def test_the_worker_alone_may_compile_and_its_library_comes_from_here(gate: Gate) -> None:
    class Settings:
        STATIC_ROOT = tree.ROOT / "static"
        STATIC_URL = "/static/"
        FORCE_SCRIPT_NAME = None
        DEBUG = False
        WHITENOISE_ADD_HEADERS_FUNCTION = staticmethod(live_settings.WHITENOISE_ADD_HEADERS_FUNCTION)

    # WhiteNoise is tried on the tree itself: tests serve static files by another way.
    serve = WhiteNoiseMiddleware(lambda _request: None, settings=Settings)
    get = RequestFactory().get
    names = ("js/scan-worker.js", "js/gate.js", "vendor/zxing-wasm/zxing_reader.wasm")
    worker, page, library = (serve(get(f"/static/{name}")) for name in names)
    assert "'wasm-unsafe-eval'" in worker["Content-Security-Policy"]
    assert "unsafe" not in str(page.headers) + gate.client().get(GATE)["Content-Security-Policy"]
    assert "worker-src 'self'" in gate.client().get(GATE)["Content-Security-Policy"]
    assert library["Content-Type"] == "application/wasm"
    for answer in (worker, page, library):
        answer.close()
