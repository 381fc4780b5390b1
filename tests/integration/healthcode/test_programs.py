"""Programs are let in by signed requests; each refusal has its own code and tells nothing of people."""

import datetime as dt
import json
import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from citybrain.core import clock, outbox, roles
from citybrain.core.models import AuditRow
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import queries, tokens
from healthcode.actions import app_keys, code
from healthcode.api import signing
from healthcode.models import Consent, Correction, Evidence, Hold, KeyCount, KeyNonce, KeyRefusal
from tests.codes import WELL, tell
from tests.declarations import account
from tests.gates import set_state
from tests.people import LI_ID, ZHANG_ID, District, make_district
from tests.programs import BASE, NONE, Program, laboratory, program_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rules")]
MEMBER = {"document_type": "resident_id", "document_number": ZHANG_ID}
SERVICES = {
    "health-declaration/": "health_declaration",
    "trip-declaration/": "trip_declaration",
    "health-query/": "health_query",
    "code-call/": "code_call",
    "make-code/": "make_code",
    "verify-code/": "verify_code",
    "correction/": "correction",
}


@pytest.fixture
def program(district: District) -> Program:
    """The program of 张三's employer; 张三 signs in by phone."""
    district.zhang.users.set([account("19900001234", person=district.zhang)])
    set_state(district.zhang, "green")
    return program_of(district, district.employer)


def code_of(answer: Any) -> tuple[int, str]:
    assert set(answer.json()) - {"fields"} == {"code", "message"}, answer.content
    return answer.status_code, answer.json()["code"]


def said_for(path: str, program: Program, district: District) -> dict[str, Any]:
    """Return a right body for a service."""
    if path == "verify-code/":
        number = code.number_of(person=district.zhang, by=None).number
        return {"token": tokens.make(number, clock.now()), "terminal": "door-1"}
    if path == "health-query/":
        return MEMBER
    more: dict[str, dict[str, Any]] = {
        "health-declaration/": {"symptoms": ["cough"], "temperature": 36.6, "pledged": True},
        "trip-declaration/": {"origin": "武汉", "arrival_day": clock.today().isoformat(), "transport": "train"},
        "correction/": {"field": "name", "name": "张叁"},
    }
    return {**program.consent(SERVICES[path]), **more.get(path, {})}


# --- The signature ---


def test_without_a_signature_nothing_is_told(district: District) -> None:
    for path in (*SERVICES, "consents/", "evidence/"):
        for method in ("get", "post", "put"):
            answer = getattr(Client(), method)(f"{BASE}{path}")
            assert code_of(answer) == (401, "signature_missing"), path
            assert answer.headers["WWW-Authenticate"] == signing.SCHEME
    assert not KeyRefusal.objects.exists()


def test_a_request_that_was_changed_after_it_was_signed_is_refused(program: Program) -> None:
    other = json.dumps({**MEMBER, "document_number": LI_ID}).encode()
    now = str(int(clock.now().timestamp()) - 1)
    changed: list[dict[str, Any]] = [{"sent_body": other}, {"secret": "x" * 43}, {"method": "PUT"}]
    for one in changed:
        assert code_of(program.post("health-query/", MEMBER, **one)) == (401, "bad_signature")
    headers = program.headers(f"{BASE}make-code/", b"{}")
    sent = program.client.post(f"{BASE}code-call/", b"{}", content_type="application/json", headers=headers)
    assert code_of(sent) == (401, "bad_signature")
    wrong = ((signing.TIME, now), (signing.NONCE, "n" * 32), (signing.SIGNATURE, "ä"), (signing.SIGNATURE, ""))
    for name, value in wrong:
        headers = {**program.headers(f"{BASE}health-query/", b"{}"), name: value}
        sent = program.client.post(f"{BASE}health-query/", b"{}", content_type="application/json", headers=headers)
        assert code_of(sent) == (401, "bad_signature"), name
    query = program.client.post(
        f"{BASE}health-query/?a=1",
        b"{}",
        content_type="application/json",
        headers=program.headers(f"{BASE}health-query/", b"{}"),
    )
    assert code_of(query) == (401, "bad_signature")
    refused = KeyRefusal.objects.get(key=program.key, code="bad_signature")
    assert refused.count == 9
    assert not KeyNonce.objects.exists()


def test_a_time_too_far_away_a_nonce_again_and_an_unknown_key_have_codes_of_their_own(program: Program) -> None:
    now = int(clock.now().timestamp())
    for time in (now - 310, now + 310):
        assert code_of(program.post("health-query/", MEMBER, time=str(time))) == (401, "stale")
    assert program.post("health-query/", MEMBER, nonce="n" * 32).status_code == 200
    assert code_of(program.post("health-query/", MEMBER, nonce="n" * 32)) == (401, "replayed")
    unknown = program.post("health-query/", MEMBER, key="00000000-0000-0000-0000-000000000001")
    assert code_of(unknown) == (401, "unknown_key")
    assert KeyRefusal.objects.get(key=None).code == "unknown_key"


def test_a_key_works_from_its_approval_to_its_revocation_and_only_its_holder_is_told_why_not(
    district: District, program: Program
) -> None:
    admin, commander = district.user(roles.SystemAdministrator), district.user(roles.DistrictCommander)
    with clock.at(clock.now() + dt.timedelta(days=1)):
        assert code_of(program.post("health-query/", MEMBER)) == (401, "key_expired")
    app_keys.revoke_key(key=program.key, by=commander, under=Act.APPROVE_KEYS)
    assert code_of(program.post("health-query/", MEMBER)) == (401, "revoked")
    assert code_of(program.post("health-query/", MEMBER, secret="guessed")) == (401, "bad_signature")
    with pytest.raises(ValidationError):
        app_keys.make_secret(key=program.key, overlap=NONE, by=admin)
    deeds = AuditRow.objects.filter(target=f"app_key:{program.key.pk}").values_list("deed", flat=True)
    assert {Deed.PROPOSE_KEY, Deed.APPROVE_KEY, Deed.SEE_SECRET, Deed.REVOKE_KEY} <= set(deeds)


def test_the_old_secret_is_good_for_as_long_as_was_chosen(district: District, program: Program) -> None:
    admin = district.user(roles.SystemAdministrator)
    new = app_keys.make_secret(key=program.key, overlap=dt.timedelta(hours=1), by=admin)
    assert program.post("health-query/", MEMBER).status_code == 200
    assert program.post("health-query/", MEMBER, secret=new).status_code == 200
    with clock.at(clock.now() + dt.timedelta(hours=1, seconds=1)):
        assert code_of(program.post("health-query/", MEMBER)) == (401, "bad_signature")
        assert program.post("health-query/", MEMBER, secret=new).status_code == 200


def test_a_key_is_never_let_in_by_whoever_proposed_it_nor_has_more_than_its_body_may(district: District) -> None:
    admin = district.user(roles.SystemAdministrator)
    terms: dict[str, Any] = {"name": "x", "per_minute": 1, "per_day": 1, "valid_until": clock.today(), "by": admin}
    key = app_keys.propose_key(organisation=district.employer, scopes=["health_query"], **terms)
    with pytest.raises(ValidationError):
        app_keys.decide_key(key=key, is_approved=True, by=admin)
    for organisation, scope in ((district.employer, "evidence:test_result"), (laboratory(district), "evidence:case")):
        with pytest.raises(ValidationError):
            app_keys.propose_key(organisation=organisation, scopes=[scope], **terms)


def test_without_its_scope_no_service_answers(district: District) -> None:
    program = program_of(district, laboratory(district), ["evidence:vaccination"])
    for path in (*SERVICES, "consents/"):
        said = {**MEMBER, "service": "make_code"} if path == "consents/" else {}
        assert code_of(program.post(path, said)) == (403, "scope_missing"), path
    assert KeyRefusal.objects.get(code="scope_missing").count == 8


def test_above_its_rates_a_key_is_refused_until_the_minute_or_day_is_over(district: District) -> None:
    program = program_of(district, district.employer, per_minute=2, per_day=4)
    at = clock.now().replace(hour=4, minute=0, second=0)
    seen = []
    for minute in range(3):
        with clock.at(at + dt.timedelta(minutes=minute)):
            seen += [program.post("health-query/", {}).json()["code"] for _number in range(2 if minute else 3)]
    assert seen == ["invalid", "invalid", "rate_minute", "invalid", "rate_day", "rate_day", "rate_day"]
    with clock.at(at):
        assert int(program.post("health-query/", {}).headers["Retry-After"]) == 60


# --- The services ---


@pytest.mark.parametrize("path", [*SERVICES])
def test_each_service_answers_a_right_request_and_its_person_sees_who_asked(
    path: str, district: District, program: Program
) -> None:
    answer = program.post(path, said_for(path, program, district))
    assert answer.status_code in {200, 201}, answer.content
    row = AuditRow.objects.naming(district.zhang.pk).exclude(deed=Deed.RECORD_EVIDENCE).latest("pk")
    assert (row.actor, row.role, row.holding) == (None, "program", f"organisation:{district.employer.pk}")
    assert "张三" not in answer.content.decode()


@pytest.mark.parametrize("path", [*SERVICES])
def test_a_consent_is_of_one_key_holder_and_one_service_and_good_once(
    path: str, district: District, program: Program
) -> None:
    other = program_of(district, district.company)
    if path == "verify-code/":
        # Whoever is shown a code may read it; of two at once only the first.
        said = said_for(path, program, district)
        assert program.post(path, said).json()["result"] == "green"
        assert other.post(path, said).json()["result"] == "replayed"
        return
    if path == "health-query/":
        assert code_of(other.post(path, MEMBER)) == (403, "no_consent")
        said = program.consent("health_query")
        assert program.post(path, said).json()["masked_name"] == "张*"
    else:
        said = said_for(path, program, district)
        assert code_of(other.post(path, said)) == (403, "consent_spent")
        elsewhere = {**said, **program.consent("health_query")}
        assert code_of(program.post(path, elsewhere)) == (403, "consent_spent")
        assert program.post(path, said).status_code == 201
    assert code_of(program.post(path, said)) == (403, "consent_spent")


def test_nobody_is_told_whether_a_person_is_known(district: District, program: Program) -> None:
    nobody, stranger = "330199198001010033", LI_ID
    answers = []
    for number in (nobody, stranger):
        asked = program.post("health-query/", {**MEMBER, "document_number": number})
        answers.append((asked.status_code, asked.json()))
        given = program.consent("make_code", number)
        answers.append((None, set(program.post("consents/", {**MEMBER, "service": "make_code"}).json())))
        wrong = program.post("make-code/", given)
        answers.append((wrong.status_code, wrong.json()))
    assert answers[:3] == answers[3:]
    assert answers[2][1]["code"] == "consent_wrong"
    assert not Consent.objects.filter(person=district.li).exists()


def test_after_five_wrong_codes_the_right_one_is_of_no_use(district: District, program: Program) -> None:
    given = program.consent("make_code")
    wrong = {**given, "code": "000000" if given["code"] != "000000" else "000001"}
    assert [code_of(program.post("make-code/", wrong))[1] for _number in range(5)] == ["consent_wrong"] * 5
    assert code_of(program.post("make-code/", given)) == (403, "consent_spent")


def test_the_code_goes_to_the_persons_own_phone_and_names_who_asks_for_what(
    district: District, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr("citybrain.core.gateway.send", lambda phone, text: sent.append((phone, text)))
    for number in (ZHANG_ID, LI_ID):
        program.post("consents/", {**MEMBER, "document_number": number, "service": "make_code"})
    while outbox.work():
        pass
    ((phone, text),) = sent
    assert phone == "19900001234"
    assert Consent.objects.get(person=district.zhang).code() in text
    assert "东新电子" in text
    assert sent == [(phone, text)]


def test_one_person_is_not_sent_codes_without_end(district: District, program: Program) -> None:
    for _number in range(3):
        program.post("consents/", {**MEMBER, "service": "make_code"})
    assert Consent.objects.filter(person=district.zhang).count() == 1
    assert Consent.objects.filter(person=None).count() == 2


def test_a_declaration_at_a_terminal_is_the_persons_own_word_by_their_code_alone(
    district: District, program: Program
) -> None:
    said = {"symptoms": ["fever"], "temperature": 38.5, "pledged": True}
    assert code_of(program.post("health-declaration/", said)) == (400, "invalid")
    assert not Evidence.objects.exists()
    answer = program.post("health-declaration/", {**said, **program.consent("health_declaration")})
    assert answer.json()["state"] == "yellow"
    evidence = Evidence.objects.get()
    assert (evidence.source, evidence.author, evidence.unit) == ("self", None, f"key:{program.key.pk}")
    assert evidence.facts == {"symptoms": ["fever"], "explained": [], "pledged": True, "celsius": 38.5}


def test_a_code_that_was_made_is_read_as_at_a_gate(district: District, program: Program) -> None:
    made = program.post("make-code/", program.consent("make_code")).json()
    read = program.post("verify-code/", {"token": made["token"], "terminal": "door-1"}).json()
    assert (read["result"], read["state"], read["masked_name"]) == ("green", "green", "张*")
    again = program.post("verify-code/", {"token": made["token"], "terminal": "door-1"}).json()
    assert again["result"] == "green"
    assert program.post("verify-code/", {"token": made["token"], "terminal": "door-2"}).json()["result"] == "replayed"
    with clock.at(clock.now() + dt.timedelta(minutes=3)):
        assert program.post("verify-code/", {"token": made["token"], "terminal": "d"}).json()["result"] == "stale"
    forged = made["token"][:-3] + ("000" if made["token"][-3:] != "000" else "111")
    assert program.post("verify-code/", {"token": forged, "terminal": "d"}).json()["result"] in {"forged", "unreadable"}
    assert program.post("verify-code/", {"token": "x", "terminal": "d"}).json()["result"] == "unreadable"
    code.renew(person=district.zhang, by=None)
    old = program.post("verify-code/", {"token": made["token"], "terminal": "door-1"}).json()
    assert old["result"] == "revoked"


def test_whoever_shows_their_code_agrees_to_be_asked_about_once(district: District, program: Program) -> None:
    other = program_of(district, district.company)
    said = said_for("verify-code/", program, district)
    assert other.post("health-query/", said).json()["state"] == "green"
    assert code_of(program.post("health-query/", said)) == (403, "no_consent")


def test_a_called_code_opens_once_on_a_press_and_shows_the_code(district: District, program: Program) -> None:
    url = program.post("code-call/", program.consent("code_call")).json()["url"]
    phone = Client()
    path = url.partition("//")[2].partition("/")[2]
    assert "张*" in phone.get(f"/{path}").content.decode()
    assert phone.post(f"/{path}").headers["Location"].startswith("/code/")
    assert "张*" in phone.get("/code/?opened=1").content.decode()
    assert Client().post(f"/{path}").status_code == 410
    assert Client().get("/code/called/damaged/").status_code == 410


def test_a_correction_is_opened_and_changes_nothing_by_itself(district: District, program: Program) -> None:
    answer = program.post("correction/", {**program.consent("correction"), "field": "name", "name": "张叁"})
    asked = Correction.objects.get(ref=answer.json()["reference"])
    assert (asked.made_by, asked.key, asked.old(), asked.new()) == (None, program.key, ["张三"], ["张叁"])
    district.zhang.refresh_from_db()
    assert district.zhang.name == "张三"
    again = program.post("correction/", {**program.consent("correction"), "field": "name", "name": "张叁"})
    assert code_of(again) == (409, "conflict")


# --- Evidence ---


def item(number: int, document: str = ZHANG_ID, **more: Any) -> dict[str, Any]:
    facts = {"result": "negative", "method": "nucleic_acid"}
    said = {"sender_ref": f"LAB-{number}", "kind": "test_result", "facts": facts, "true_at": clock.now().isoformat()}
    return {"document_type": "resident_id", "document_number": document, **said, **more}


def test_a_batch_is_recorded_once_and_mistakes_stand_beside_their_piece(district: District) -> None:
    lab = program_of(district, laboratory(district), ["evidence:test_result"])
    later = (clock.now() + dt.timedelta(days=1)).isoformat()
    items = [
        item(1),
        item(2, LI_ID),
        item(3, "330199198001010033"),
        item(4, facts={"result": "blue", "method": "nucleic_acid"}),
        item(5, kind="vaccination", facts={"dose": 1, "vaccine": "x"}),
        item(6, true_at=later),
        item(1),
        item(7, "123"),
    ]
    answer = lab.post("evidence/", {"items": items})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["recorded"], told["held"], told["errors"]) == (2, 0, 6)
    codes = [one["code"] for one in told["results"]]
    assert codes[:4] == ["", "", "not_on_record", "invalid"]
    assert codes[4:] == ["scope_missing", "in_the_future", "twice_in_one_batch", "invalid"]
    again = lab.post("evidence/", {"items": items[:2]}).json()
    assert (again["recorded"], Evidence.objects.count()) == (2, 2)
    other = lab.post("evidence/", {"items": [item(1, LI_ID)]}).json()
    assert other["results"][0]["code"] == "other_words"
    evidence = Evidence.objects.filter(person=district.zhang).get()
    assert (evidence.source, evidence.unit, evidence.author) == ("laboratory", lab.key.unit, None)


def test_a_laboratory_takes_back_its_own_result_by_another_and_nobody_elses(district: District) -> None:
    lab = program_of(district, laboratory(district), ["evidence:test_result"])
    positive = {"result": "positive", "method": "nucleic_acid"}
    lab.post("evidence/", {"items": [item(1, facts=positive)]})
    first = Evidence.objects.get()
    wrong = lab.post("evidence/", {"items": [item(2, LI_ID, replaces="LAB-1")]}).json()
    assert wrong["results"][0]["code"] == "nothing_to_replace"
    lab.post("evidence/", {"items": [item(3, replaces="LAB-1")]})
    assert Evidence.objects.latest("pk").withdraws == first


def test_what_worsens_many_is_held_and_is_no_evidence_until_somebody_lets_it_in(
    district: District, settings: Any
) -> None:
    lab = program_of(district, laboratory(district), ["evidence:temperature"])
    settings.HOLD_LIMITS = {**settings.HOLD_LIMITS, "feed_day": 1}
    for person in (district.zhang, district.li):
        tell(person, "declaration", WELL, clock.now())
    hot: dict[str, Any] = {"kind": "temperature", "facts": {"celsius": 38.5, "confirmed": True}}
    batch = {"items": [item(1, **hot), item(2, LI_ID, **hot)]}
    answer = lab.post("evidence/", batch)
    told = answer.json()
    assert (answer.status_code, told["held"], Evidence.objects.count()) == (202, 2, 2)
    assert {queries.state_of(one).state for one in (district.zhang, district.li)} == {"green"}
    hold = Hold.objects.get()
    assert (hold.made_by, hold.made_under, told["results"][0]["hold"]) == (None, lab.key.unit, str(hold.ref))
    again = lab.post("evidence/", batch)
    assert (again.status_code, [one["hold"] for one in again.json()["results"]]) == (202, [str(hold.ref)] * 2)
    assert Hold.objects.count() == 1


@pytest.mark.steady
@pytest.mark.django_db(transaction=True)
def test_of_the_same_request_sent_many_times_at_once_one_is_let_in() -> None:
    district = make_district()
    program = program_of(district, district.employer, per_day=100)
    target, body = f"{BASE}health-query/", json.dumps(MEMBER).encode()
    headers = program.headers(target, body)
    seen: list[str] = []

    def ask() -> None:
        answer = Client().post(target, body, content_type="application/json", headers=headers)
        seen.append(answer.json().get("code", "let in"))
        connection.close()

    threads = [threading.Thread(target=ask) for _number in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(seen) == ["let in", *["replayed"] * 5]


def test_what_is_no_json_or_too_large_or_the_wrong_kind_is_told_apart(program: Program) -> None:
    assert code_of(program.post("health-query/", body=b"{")) == (400, "not_json")
    assert code_of(program.post("health-query/", body=b"[1]")) == (400, "invalid")
    assert code_of(program.post("health-query/", body=b'{"a": "' + b"x" * 3_000_000 + b'"}')) == (413, "too_large")
    target = f"{BASE}health-query/"
    answer = program.client.post(target, b"a=1", content_type="text/plain", headers=program.headers(target, b"a=1"))
    assert code_of(answer) == (415, "media_type")
    answer = program.client.get(target, headers=program.headers(target, b"", method="GET"))
    assert code_of(answer) == (405, "method_not_allowed")


def test_what_is_over_is_forgotten(program: Program) -> None:
    program.post("health-query/", MEMBER)
    program.consent("make_code")
    with clock.at(clock.now() + dt.timedelta(days=2)):
        assert app_keys.purge_app_keys() >= 4
    assert not KeyNonce.objects.exists()
    assert not Consent.objects.exists()
    assert set(KeyCount.objects.values_list("span", flat=True)) == {"day"}
