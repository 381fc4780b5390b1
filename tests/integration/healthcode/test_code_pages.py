"""A resident shows their own code and learns why it says what it says; nobody else sees either."""

import datetime as dt
import io
import re
import threading
from typing import Any

import pytest
import zxingcpp
from django.db import connection
from django.test import Client
from PIL import Image

from citybrain.core import clock, roles
from citybrain.core.models import AuditRow, Person
from citybrain.core.models.audit import Deed
from healthcode import qr, queries, tokens
from healthcode.actions.code import number_of, renew
from healthcode.actions.evidence import record_evidence
from healthcode.models import CodeNumber, Declaration, RuleActivation
from tests.codes import BODY, WELL, adopt, check_in, noon, tell
from tests.people import LI_PHONE, District, browse, make_district

pytestmark = pytest.mark.django_db

NOW = noon(2, 13)
PAGES = ("/code/", "/code/picture.png", "/code/why/", "/code/renew/")
STATES: dict[str, list[tuple[str, dict[str, Any], dt.datetime]]] = {
    "green": [("declaration", WELL, noon(2, 12))],
    "yellow": [("declaration", WELL, noon(2, 12)), ("exposure", {"grade": "secondary"}, noon(2, 12))],
    "red": [("declaration", WELL, noon(2, 12)), ("case", {"status": "suspected"}, noon(2, 12))],
    "not_known": [],
    "expired": [("declaration", WELL, noon(1, 20))],
}
# What stands in the drawing of each shape and in no other.
SHAPES = {
    "green": "l4 4 7-8.5",
    "yellow": "L23.5 22.5",
    "red": "h9L23 7.5",
    "not_known": "<rect",
    "expired": "V12l4.5 3",
}
WORDS = {
    "zh-hans": {"green": "绿码", "yellow": "黄码", "red": "红码", "not_known": "未申报", "expired": "已过期"},
    "en": {"green": "green", "yellow": "yellow", "red": "red", "not_known": "not declared", "expired": "expired"},
}


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules."""
    adopt()
    return district


def _zhang(district: District, language: str = "en") -> Client:
    client = browse(district.user(roles.Resident), purpose="")
    client.cookies["django_language"] = language
    return client


def _li(district: District) -> Client:
    return browse(district.resident(district.li, LI_PHONE), purpose="")


def _make(person: Person, state: str) -> None:
    for kind, facts, at in STATES[state]:
        tell(person, kind, facts, at)


def _page(client: Client, path: str, at: dt.datetime = NOW) -> str:
    with clock.at(at):
        answer = client.get(path, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def _text(html: str) -> str:
    """Return what the main part of a page says."""
    main = re.search(r"<main.*</main>", html, re.DOTALL)
    assert main
    return " ".join(re.sub(r"<[^>]+>", " ", main.group()).split())


def _card(html: str) -> str:
    card = re.search(r'<section class="code-card.*?</section>', html, re.DOTALL)
    assert card
    return card.group()


def _picture(client: Client, at: dt.datetime = NOW) -> str:
    """Return what the picture of a phone says whose page has just been opened."""
    with clock.at(at):
        client.get("/code/open/")
        return _scan(client.get("/code/picture.png").content)


def _scan(png: bytes) -> str:
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))
    return str(found.text)


@pytest.mark.parametrize("path", PAGES)
def test_a_visitor_is_led_to_sign_in_and_staff_of_every_role_are_refused(people: District, path: str) -> None:
    back = path if path in {"/code/why/", "/code/renew/"} else "/code/open/"
    assert Client().get(path, follow=True).redirect_chain[-1][0] == f"/sign-in/?next={back}"
    for role in roles.STAFF_ROLES:
        assert browse(people.user(role)).get(path, follow=True).status_code == 403, role
    assert not CodeNumber.objects.exists()


def test_each_resident_sees_their_own_code_and_nobody_elses(people: District) -> None:
    _make(people.zhang, "red")
    _make(people.li, "green")
    own, other = _page(_zhang(people), "/code/"), _page(_li(people), "/code/")
    assert "张*" in own
    assert "李*" not in own
    assert "李*" in other
    assert "张*" not in other
    scanned = [_picture(client) for client in (_zhang(people), _li(people))]
    with clock.at(NOW):
        holders = [queries.holder_by_number(tokens.read(text, NOW).number) for text in scanned]
    assert [holder and holder.person_id for holder in holders] == [people.zhang.pk, people.li.pk]
    assert "Confirmed or suspected case" in _page(_zhang(people), "/code/why/")
    assert "case" not in _text(_page(_li(people), "/code/why/"))


@pytest.mark.parametrize("path", ["/code/", "/code/why/", "/code/renew/"])
def test_a_resident_without_a_person_is_led_to_the_declaration(people: District, path: str) -> None:
    client = browse(people.resident(None, "19900009999"), purpose="")
    answer = client.get(path, follow=True, headers={"Accept-Language": "en"})
    assert answer.redirect_chain[-1][0] == "/declare/"
    assert "You have no code yet: declare first." in answer.content.decode()
    assert client.get("/code/state/").status_code == client.get("/code/more/").status_code == 404
    assert client.post("/code/renew/").headers["Location"] == "/declare/"
    assert not CodeNumber.objects.exists()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("state", STATES)
def test_each_state_is_shown_by_its_own_word_shape_and_frame(people: District, state: str, language: str) -> None:
    _make(people.zhang, state)
    card = _card(_page(_zhang(people, language), "/code/"))
    assert f'data-state="{state}"' in card
    assert [name for name, word in WORDS[language].items() if f"<strong>{word}</strong>" in card] == [state]
    assert [name for name, part in SHAPES.items() if part in card] == [state]
    assert "张*" in card
    assert "2020-02-13 <b>12:00:00</b>" in card


@pytest.mark.parametrize("state", STATES)
def test_every_state_still_has_a_code_to_scan_and_the_gate_reads_the_state(people: District, state: str) -> None:
    _make(people.zhang, state)
    scanned = _picture(_zhang(people))
    with clock.at(NOW):
        holder = queries.holder_by_number(tokens.read(scanned, NOW).number)
    assert holder
    assert holder.state == state


@pytest.mark.parametrize("state", ["not_known", "expired"])
def test_who_has_no_verdict_is_told_first_to_declare(people: District, state: str) -> None:
    _make(people.zhang, state)
    html = _page(_zhang(people), "/code/")
    assert html.index('<a class="button" href="/declare/">') < html.index("<img class")


def test_the_page_says_until_when_green_holds_and_that_the_gate_alone_decides(people: District) -> None:
    _make(people.zhang, "green")
    text = _text(_page(_zhang(people), "/code/"))
    assert "Holds through 2020-02-26" in text
    assert "Only the gate decides" in text


def test_the_picture_says_the_token_of_its_moment_and_changes_after_30_seconds(people: District) -> None:
    client = _zhang(people)
    pictures = {}
    with clock.at(NOW):
        client.get("/code/open/")
    for seconds in (0, 29, 30):
        at = NOW + dt.timedelta(seconds=seconds)
        with clock.at(at):
            answer = client.get("/code/picture.png")
        assert answer.headers["Content-Type"] == "image/png"
        assert "no-store" in answer.headers["Cache-Control"]
        pictures[seconds] = _scan(answer.content)
    number = CodeNumber.objects.get().number
    assert pictures == {second: tokens.make(number, NOW + dt.timedelta(seconds=second)) for second in (0, 29, 30)}
    assert pictures[0] == pictures[29] != pictures[30]


def test_any_token_drawn_is_read_again_from_its_picture() -> None:
    for number in range(-5, 5):
        text = tokens.make(number * 1_234_567_890_123, NOW)
        picture = Image.open(io.BytesIO(qr.png(text)))
        assert picture.mode == "1"
        assert _scan(qr.png(text)) == text
        # Nothing dark within four modules of the edge.
        margin = 4 * qr.MODULE
        dark = picture.convert("L").point(lambda value: 255 - value).getbbox()
        assert dark == (margin, margin, picture.width - margin, picture.height - margin)


def test_a_person_has_one_number_however_often_it_is_asked_for(people: District) -> None:
    user = people.user(roles.Resident)
    first = number_of(person=people.zhang, by=user)
    assert number_of(person=people.zhang, by=user) == first
    assert number_of(person=people.li, by=None).number != first.number
    made = AuditRow.objects.filter(deed=Deed.RENEW_CODE, subjects=[people.zhang.pk]).get()
    assert (made.actor, made.role, made.target) == (user.pk, "resident", f"code:{first.pk}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", [number_of, renew])
def test_two_requests_at_once_get_the_same_number(action: Any) -> None:
    people = make_district()
    old = number_of(person=people.zhang, by=None) if action is renew else None
    got: list[int] = []
    start = threading.Barrier(2)

    def ask() -> None:
        try:
            start.wait()
            got.append(action(person=people.zhang, by=None).number)
        finally:
            connection.close()

    both = [threading.Thread(target=ask) for _turn in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert CodeNumber.objects.filter(revoked_at=None).count() == 1
    assert len(got) == 2
    assert CodeNumber.objects.get(revoked_at=None).number in got
    assert not old or old.number not in got


def test_a_new_code_is_made_after_a_question_and_the_old_one_is_known_as_replaced(people: District) -> None:
    client = _zhang(people)
    user = people.user(roles.Resident)
    old = tokens.read(_picture(client), NOW)
    with clock.at(NOW):
        assert "stops working" in client.get("/code/renew/").content.decode()
        assert CodeNumber.objects.count() == 1
        answer = client.post("/code/renew/", follow=True)
        new = tokens.read(_scan(client.get("/code/picture.png").content), NOW)
    assert "You have a new code" in answer.content.decode()
    assert new.number != old.number
    before, after = queries.holder_by_number(old.number), queries.holder_by_number(new.number)
    assert before
    assert after
    assert (before.person_id, before.is_revoked) == (people.zhang.pk, True)
    assert (after.person_id, after.is_revoked) == (people.zhang.pk, False)
    newest = AuditRow.objects.filter(deed=Deed.RENEW_CODE).latest("id")
    assert (newest.actor, newest.subjects) == (user.pk, [people.zhang.pk])


def test_a_new_code_takes_a_form_of_our_own(people: District) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people.user(roles.Resident), backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post("/code/renew/").status_code == 403
    assert not CodeNumber.objects.exists()


# Why


@pytest.mark.parametrize(
    ("kind", "facts", "source", "said"),
    [
        (
            "exposure",
            {"grade": "secondary"},
            "self",
            "Why my code is yellow yellow You reported: Contact of a close contact ."
            " So your code is yellow since 2020-02-12 12:00 , until 2020-02-19 at the earliest."
            " What to do today Stay at home",
        ),
        (
            "case",
            {"status": "suspected"},
            "disease_control",
            "Why my code is red red Reported by disease control: Confirmed or suspected case ."
            " So your code is red since 2020-02-12 12:00 , until this is on record: case released."
            " What to do today Stay at home",
        ),
    ],
)
def test_the_first_sentence_says_what_who_said_so_since_until_and_the_next_what_to_do_today(
    people: District, kind: str, facts: dict[str, Any], source: str, said: str
) -> None:
    _make(people.zhang, "green")
    with clock.at(noon(2, 12)):
        record_evidence(person=people.zhang, kind=kind, facts=facts, source=source, by=None)
    assert _text(_page(_zhang(people), "/code/why/")).startswith(said)


@pytest.mark.parametrize("state", ["green", "yellow", "red"])
def test_why_is_one_press_away_from_the_code_and_so_is_a_new_declaration(people: District, state: str) -> None:
    _make(people.zhang, state)
    html = _page(_zhang(people), "/code/")
    buttons = re.findall(r'<a class="button[^"]*" href="([^"]+)"', html[html.index("code-paper") :])
    assert buttons == ["/code/why/", "/declare/"]


def test_every_open_reason_is_explained_with_its_evidence_in_both_languages(people: District) -> None:
    _make(people.zhang, "yellow")
    stay = {"code": "420106001000", "from": "2020-02-01", "to": "2020-02-03"}
    tell(people.zhang, "risk_area_stay", stay, noon(2, 12, 18))
    text = _text(_page(_zhang(people), "/code/why/"))
    assert text.index("Stay in a high-risk area") < text.index("Contact of a close contact")
    for said in (
        *("red", "yellow", "湖北省 (420106001000)", "2020-02-01 to 2020-02-03", "contact of a close contact"),
        *("Source: the person", "was true: 2020-02-12 18:00", "became known: 2020-02-12 18:00"),
        *("2020-02-19 at the earliest, as things stand", "Ends with 7 consecutive normal daily check-ins"),
    ):
        assert said in text, said
    chinese = _text(_page(_zhang(people, "zh-hans"), "/code/why/"))
    for said in ("14天内到过高风险地区", "密切接触者的接触者", "自接触次日起连续7天每日健康打卡正常", "本人"):
        assert said in chinese, said


@pytest.mark.parametrize(("state", "is_said"), [("yellow", True), ("red", False)])
def test_a_way_out_that_counts_check_ins_leads_to_them(people: District, state: str, is_said: bool) -> None:
    _make(people.zhang, state)
    assert ("To the daily check-in" in _text(_page(_zhang(people), "/code/why/"))) == is_said


@pytest.mark.parametrize("state", STATES)
def test_the_home_page_shows_the_state_on_the_tile_of_the_code_and_greets_by_the_own_name(
    people: District, state: str
) -> None:
    _make(people.zhang, state)
    html = _page(_zhang(people), "/")
    assert SHAPES[state] in html
    assert WORDS["en"][state] in _text(html)
    assert "Hello, 张三" in html
    assert 'href="/me/passes/"' in html
    first = re.search(r'<a class="button" href="([^"]+)"', html)
    assert first
    first_of_all = {"not_known": "/declare/", "expired": "/declare/", "yellow": "/check-in/"}
    assert first.group(1) == first_of_all.get(state, "/code/")


def test_the_home_page_says_that_a_declaration_was_begun_and_not_sent(people: District) -> None:
    _make(people.zhang, "green")
    client = _zhang(people)
    assert "not sent yet" not in _page(client, "/")
    client.post("/declare/same/", {"go": "on", "same": "yes"})
    assert "Begun and not sent yet" in _page(client, "/")


def test_a_reason_that_hangs_on_somebody_elses_act_says_on_what(people: District) -> None:
    _make(people.zhang, "red")
    text = _text(_page(_zhang(people), "/code/why/"))
    assert "Depends on: case released" in text
    assert "Ends when disease control records" in text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("green", "Your declaration of 2020-02-12 12:00 makes it green. It holds through 2020-02-26"),
        ("not_known", "You have not declared your health yet, so nothing is known"),
        ("expired", "Your declaration ran out on 2020-02-04 00:00"),
    ],
)
def test_without_reasons_the_state_itself_is_explained(people: District, state: str, said: str) -> None:
    _make(people.zhang, state)
    assert said in _text(_page(_zhang(people), "/code/why/"))


def test_a_closed_reason_leaves_the_page_and_stays_in_the_history(people: District) -> None:
    _make(people.zhang, "yellow")
    check_in(people.zhang, 2, range(13, 20))
    text = _text(_page(_zhang(people), "/code/why/", noon(2, 20)))
    assert "check-ins" not in text
    assert "yellow → then green" in text
    assert (
        text.index("yellow → then green") < text.index("green → then yellow") < text.index("not declared → then green")
    )


def test_the_history_is_read_page_by_page_and_no_page_shows_anothers(people: District) -> None:
    for day in range(12, 24):
        tell(people.zhang, "case", {"status": "suspected"}, noon(2, day, 9))
        tell(people.zhang, "released", {"basis": "ruled_out"}, noon(2, day, 10))
    _make(people.li, "green")
    first = _page(_zhang(people), "/code/why/", noon(2, 24))
    assert first.count("then</span>") == 20
    after = re.search(r"\?after=(\d+)", first)
    assert after
    second = _page(_zhang(people), f"/code/why/?after={after.group(1)}", noon(2, 24))
    assert second.count("then</span>") == 4
    strangers = queries.changes_of(people.li).get().pk
    for text in (strangers, "x", "9" * 40, "-1", "%00"):
        assert _page(_zhang(people), f"/code/why/?after={text}", noon(2, 24)).count("then</span>") == 20


def test_the_rules_in_force_and_the_last_declaration_are_named(people: District) -> None:
    evidence = tell(people.zhang, "declaration", {**WELL, "celsius": 36.6}, noon(2, 12))
    Declaration.objects.create(
        person=people.zhang,
        evidence=evidence,
        area=people.grid,
        address="1幢101室",
        work="东新电子",
        declared_at=noon(2, 12),
    )
    text = _text(_page(_zhang(people), "/code/why/"))
    for said in (
        *("Hangzhou health code, 11 February 2020", "Version 2020-02-11", "In force since 2020-01-01 08:00"),
        *("Temperature 36.6 °C", "No symptoms", "1幢101室", "东新电子", "This is wrong: appeal", "Correct my data"),
    ):
        assert said in text, said


def test_a_withdrawn_declaration_is_not_the_one_that_counts(people: District) -> None:
    wrong = tell(people.zhang, "declaration", {**WELL, "symptoms": ["cough"]}, noon(2, 12))
    tell(people.zhang, "withdrawal", {"because": "entered_in_error"}, noon(2, 12, 13), withdraws=wrong)
    text = _text(_page(_zhang(people), "/code/why/"))
    assert "cough" not in text
    assert "You have not declared your health yet" in text


@pytest.mark.parametrize("path", ["/code/", "/code/why/", "/code/picture.png", "/code/more/"])
def test_without_rules_in_force_every_page_still_answers(district: District, path: str) -> None:
    assert not RuleActivation.objects.exists()
    client = _zhang(district)
    with clock.at(NOW):
        client.get("/code/open/")
        answer = client.get(path)
    assert answer.status_code == 200
    if path == "/code/why/":
        assert "No rules are in force at this moment" in answer.content.decode()


def test_a_reason_of_a_rule_that_the_set_no_longer_has_is_named_by_its_code(people: District) -> None:
    _make(people.zhang, "red")
    other = {**BODY, "version": "2020-02-12", "rules": [rule for rule in BODY["rules"] if rule["rule"] != "case"]}
    people.zhang.code_state.rule_set = adopt(other).rule_set
    people.zhang.code_state.save(update_fields=["rule_set"])
    assert "case" in _text(_page(_zhang(people), "/code/why/"))


@pytest.mark.parametrize("path", PAGES)
def test_pages_take_no_methods_but_their_own(people: District, path: str) -> None:
    client = _zhang(people)
    assert client.put(path).status_code == 405
    assert client.delete(path).status_code == 405
    if path != "/code/renew/":
        assert client.post(path).status_code == 405
