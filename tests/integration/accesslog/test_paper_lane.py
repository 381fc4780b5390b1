"""A paper at a gate: signature, void and last day are checked, the guard compares its holder, one pass is kept."""

import datetime as dt
import json
import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accesslog.actions import passes, watch
from accesslog.models import Pass, Place, Result
from citybrain.core import clock, foreign_keys, keyring
from citybrain.core.models import Area, AuditRow, Document, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import GateStaff, GridWorker, Resident
from citybrain.demo import smoke_accounts
from community.models import Alert
from healthcode import paper_queries, signed_codes
from healthcode.actions.paper import issue, void
from healthcode.models import PaperCode
from tests.gates import Gate, add_gate, make_gate, paper_scan, paper_text, payload_of, set_state, token_of
from tests.people import District, browse

pytestmark = pytest.mark.django_db

SCAN, PAPER = "/gate/scan", "/gate/paper/"
DAY = dt.timedelta(days=1)


@pytest.fixture
def paper(district: District) -> str:
    """The text of a paper code of 张三."""
    return paper_text(district.zhang, district.user(Resident))


def _number(text: str) -> str:
    serial = signed_codes.read(text, clock.today()).serial
    return paper_queries.number_of(PaperCode.objects.get(serial=serial))


def _send(client: Client, content: Any, status: int = 200) -> Any:
    answer = client.post(SCAN, json.dumps(content), content_type="application/json", headers={"accept-language": "en"})
    assert answer.status_code == status
    return answer.json()


def _opened(client: Client) -> str:
    value: str = client.get(PAPER).context["form"]["opened"].value()
    return value


# What is decided


@pytest.mark.parametrize(
    ("state", "at_work", "at_home"),
    [
        ("green", Result.GREEN, Result.GREEN),
        ("yellow", Result.YELLOW, Result.YELLOW_ADMITTED),
        ("red", Result.RED, Result.RED),
        ("not_known", Result.NOT_KNOWN, Result.NOT_KNOWN),
        ("expired", Result.EXPIRED, Result.EXPIRED),
    ],
)
def test_a_paper_whose_holder_is_found_is_decided_by_what_their_code_says_now(
    district: District, paper: str, state: str, at_work: Result, at_home: Result
) -> None:
    set_state(district.zhang, state)
    for gate, wanted in ((make_gate(district, "东新电子"), at_work), (make_gate(district, yellow=True), at_home)):
        for text in (paper, _number(paper)):
            decision = gate.decide(paper_scan(text))
            assert (decision.result, decision.state, decision.masked_name) == (wanted, state, "张*")
            assert decision.is_admitted == (wanted in {Result.GREEN, Result.YELLOW_ADMITTED})
            kept = Pass.objects.latest("id")
            assert (kept.person_id, kept.lane, kept.result) == (district.zhang.pk, "paper", wanted)


def test_a_paper_in_the_hands_of_somebody_else_is_refused_without_telling_its_holders_colour(
    gate: Gate, green: Person, paper: str
) -> None:
    decision = gate.decide(paper_scan(paper, is_holder=False))
    assert (decision.result, decision.is_admitted, decision.state) == (Result.NOT_THE_HOLDER, False, "")
    kept = Pass.objects.get()
    assert (kept.person_id, kept.state) == (green.pk, "")


def test_a_lost_and_a_replaced_paper_are_refused_from_that_moment_though_the_document_matches(
    district: District, gate: Gate, green: Person, paper: str
) -> None:
    by = district.user(Resident)
    assert gate.decide(paper_scan(paper)).is_admitted
    number = _number(paper)
    new = issue(person=green, by=by)
    for old in (paper, number):
        assert gate.decide(paper_scan(old)).result == Result.PAPER_VOID
    text = paper_queries.text_of(new)
    assert gate.decide(paper_scan(text)).is_admitted
    void(person=green, because=PaperCode.Because.LOST, by=by)
    assert gate.decide(paper_scan(text)).result == Result.PAPER_VOID


def test_a_forged_an_old_and_a_damaged_paper_are_told_apart(
    district: District, gate: Gate, green: Person, paper: str
) -> None:
    forged = paper[:-1] + ("A" if paper[-1] != "A" else "B")
    assert gate.decide(paper_scan(forged)).result == Result.FORGED
    assert gate.decide(paper_scan("Z" * 120)).result == Result.UNREADABLE
    assert Pass.objects.exclude(person=None).count() == 0
    with clock.at(clock.now() - 181 * DAY):
        old = paper_text(green, district.user(Resident))
    assert gate.decide(paper_scan(old)).result == Result.PAPER_EXPIRED
    assert gate.decide(paper_scan(paper_queries.number_of(PaperCode.objects.latest("pk")))).result == "paper_expired"


@pytest.mark.parametrize("is_known", [True, False])
def test_a_code_of_another_region_leads_to_its_certificate(
    gate: Gate, paper: str, tmp_path: Any, settings: Any, is_known: bool
) -> None:
    ours, theirs = settings.KEYRING_FILE, tmp_path / "theirs.json"
    keyring.make(theirs)
    settings.KEYRING_FILE, settings.CODE_ISSUER = theirs, "330104"
    text = signed_codes.make(signed_codes.Kind.PAPER, 7, clock.today(), clock.today())
    file = tmp_path / "foreign.json"
    file.write_text(json.dumps([signed_codes.published()]))
    settings.KEYRING_FILE, settings.CODE_ISSUER = ours, "330103"
    settings.FOREIGN_KEYS = foreign_keys.load(file) if is_known else {}
    client = gate.client()
    answer = _send(client, payload_of(text))
    assert (answer["result"], answer["admitted"]) == ("wrong_issuer", False)
    page = client.get(answer["next"], headers={"accept-language": "en"}).content.decode()
    assert "of region 330104" in page
    assert ("genuine" in page) == is_known
    assert ("cannot be checked" in page) != is_known
    assert "of region" not in client.get("/gate/certificate/?region=<b>").content.decode()
    assert paper


def test_a_paper_of_a_test_walk_is_nobodys_at_the_districts_gates_and_the_districts_at_a_walks(
    district: District, gate: Gate, green: Person, paper: str
) -> None:
    smoke_accounts.make()
    grid = Area.objects.get(is_smoke=True, level=Area.Level.GRID)
    walk = add_gate(Place.objects.get(area=grid), User.objects.get(username="smoke-gate"), "2号通道")
    decision = walk.decide(paper_scan(paper))
    assert (decision.result, decision.masked_name) == (Result.PAPER_VOID, "")
    assert green.pk


# Once


def test_a_paper_sent_again_gets_the_first_answer_and_is_kept_once(gate: Gate, green: Person, paper: str) -> None:
    scan = paper_scan(paper)
    first = gate.decide(scan)
    set_state(green, "red")
    PaperCode.objects.update(voided_at=clock.now(), voided_because="lost")
    assert gate.decide(scan) == first
    assert gate.decide(paper_scan(paper, False, nonce=scan.nonce, scanned_at=scan.scanned_at)) == first
    assert Pass.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_gates_at_the_same_moment_each_keep_what_their_guard_found_and_one_scan_sent_at_once_is_one(
    gate: Gate, green: Person, paper: str
) -> None:
    other = add_gate(gate.place, gate.guard, "2号门")
    passes.make_partition(day=clock.today())
    works = [(gate, paper_scan(paper)), (other, paper_scan(paper, is_holder=False))]
    ready, found = threading.Barrier(6), []

    def run(where: Gate, scan: passes.PaperScan) -> None:
        try:
            ready.wait()
            found.append((where, where.decide(scan)))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=work) for work in works for _again in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(where.device.pk, decision.result) for where, decision in found} == {
        (gate.device.pk, Result.GREEN),
        (other.device.pk, Result.NOT_THE_HOLDER),
    }
    assert Pass.objects.count() == 2
    assert green.pk


# The gate's page: by camera or scanner


def test_a_paper_before_the_camera_is_compared_first_and_decided_by_what_the_guard_found(
    gate: Gate, green: Person, paper: str
) -> None:
    client = gate.client()
    for text, is_holder, wanted in ((paper, True, "green"), (_number(paper), False, "not_the_holder")):
        sent = payload_of(text)
        answer = _send(client, sent)
        assert answer == {"compare": {"masked_name": "张*", "kind": "Resident identity card", "last_four": "0017"}}
        looks = AuditRow.objects.filter(deed=Deed.SEE_PAPER_CODE)
        assert (looks.last().actor, looks.last().subjects) == (gate.guard.pk, [green.pk])  # type: ignore[union-attr]
        decided = _send(client, {**sent, "lane": "paper", "is_holder": is_holder})
        assert (decided["result"], decided["admitted"]) == (wanted, wanted == "green")
        assert _send(client, {**sent, "lane": "paper", "is_holder": is_holder}) == decided
    assert list(Pass.objects.order_by("id").values_list("result", "lane")) == [
        ("green", "paper"),
        ("not_the_holder", "paper"),
    ]


def test_a_paper_that_counts_for_nothing_is_refused_without_a_comparison(gate: Gate, green: Person, paper: str) -> None:
    PaperCode.objects.update(voided_at=clock.now(), voided_because="lost")
    sent = payload_of(paper)
    answer = _send(gate.client(), sent)
    assert (answer["result"], answer["admitted"], answer["state"]) == ("paper_void", False, "")
    assert _send(gate.client(), sent) == answer
    assert Pass.objects.get().lane == "paper"
    assert not AuditRow.objects.filter(deed=Deed.SEE_PAPER_CODE).exists()
    assert green.pk


@pytest.mark.parametrize("changes", [{}, {"is_holder": "yes"}, {"is_holder": 1}, {"is_holder": None}])
def test_a_paper_without_a_plain_word_of_the_guard_is_decided_neither_way(
    gate: Gate, paper: str, changes: dict[str, Any]
) -> None:
    sent = payload_of(paper, lane="paper", **changes)
    assert _send(gate.client(), sent, status=400)["error"] == "wrong"
    assert not Pass.objects.exists()


def test_a_phones_code_sent_as_a_paper_admits_nobody(gate: Gate, green: Person) -> None:
    sent = payload_of(token_of(green), lane="paper", is_holder=True)
    assert _send(gate.client(), sent)["result"] == "unreadable"


def test_a_phones_code_asks_as_many_statements_as_before_there_was_paper(gate: Gate, green: Person) -> None:
    client = gate.client()
    _send(client, payload_of("warm"))
    token = token_of(green)
    with CaptureQueriesContext(connection) as captured:
        _send(client, payload_of(token))
    assert len(captured) == 9


# The page of the lane, which works without a script


def test_the_lane_shows_whom_the_paper_names_and_keeps_one_pass_when_the_guard_has_answered(
    gate: Gate, green: Person, paper: str
) -> None:
    client = gate.client()
    for answer, result in (("yes", "green"), ("no", "not_the_holder")):
        form = {"opened": _opened(client), "code": _number(paper).lower()}
        page = client.post(PAPER, form)
        assert page.context["compare"].masked_name == "张*"
        assert "0017" in page.content.decode()
        assert "张三" not in page.content.decode()
        before = Pass.objects.count()
        shown = client.post(PAPER, {**form, "is_holder": answer}, follow=True)
        assert shown.context["decision"].result == result
        client.post(PAPER, {**form, "is_holder": answer})
        assert Pass.objects.count() == before + 1
    assert green.pk


def test_the_lane_refuses_a_worthless_paper_at_once_and_a_slip_of_the_hand_is_said(
    gate: Gate, green: Person, paper: str
) -> None:
    client, number = gate.client(), _number(paper)
    for wrong in ("", "张三", "7K3F", number[:-1] + ("A" if number[-1] != "A" else "B"), "x" * 600, "\x00"):
        answer = client.post(PAPER, {"opened": _opened(client), "code": wrong})
        assert answer.context["form"].errors.keys() == {"code"}
    for invented in ("maybe", "True"):
        form = {"opened": _opened(client), "code": number, "is_holder": invented}
        assert client.post(PAPER, form).context["form"].errors
    assert not Pass.objects.exists()
    PaperCode.objects.update(voided_at=clock.now(), voided_because="lost")
    shown = client.post(PAPER, {"opened": _opened(client), "code": number}, follow=True)
    assert shown.context["decision"].result == "paper_void"
    assert green.pk


def test_somebody_without_a_document_on_record_is_compared_by_name(gate: Gate, green: Person, paper: str) -> None:
    Document.objects.all().delete()
    answer = _send(gate.client(), payload_of(paper))
    assert answer["compare"] == {"masked_name": "张*", "kind": "", "last_four": ""}
    page = gate.client().post(PAPER, {"opened": _opened(gate.client()), "code": paper})
    assert page.context["compare"].document is None
    assert green.pk


def test_the_lane_is_for_the_guards_of_the_gate(district: District, gate: Gate, green: Person, paper: str) -> None:
    form = {"code": paper, "is_holder": "yes", "opened": _opened(gate.client())}
    stranger = gate.client(district.user(GateStaff, district.other_grid))
    answers: list[Any] = [stranger.get(PAPER), stranger.post(PAPER, form)]
    answers += [gate.client(district.user(GridWorker)).post(PAPER, form)]
    assert {answer.status_code for answer in answers} == {403}
    assert not any("张" in answer.content.decode() for answer in answers)
    assert browse(gate.guard, "").post(PAPER, form).headers["Location"] == reverse("accesslog:enrol")
    assert Client().post(PAPER, form).headers["Location"].startswith(reverse("core:sign_in"))
    assert not Pass.objects.exists()
    assert green.pk


# What follows


def test_a_paper_in_other_hands_is_told_to_the_grid_of_its_holder_and_one_of_another_region_to_nobody(
    district: District, gate: Gate, green: Person, paper: str
) -> None:
    gate.decide(paper_scan(paper, is_holder=False))
    PaperCode.objects.update(voided_at=clock.now(), voided_because="lost")
    gate.decide(paper_scan(paper))
    kept = Pass.objects.order_by("id")
    watch.raise_for(list(kept))
    alert = Alert.objects.get()
    assert (alert.person_id, alert.area_id, alert.cause, alert.count) == (green.pk, district.grid.pk, "paper_void", 2)
    assert watch.alert_kind(Pass(result=Result.WRONG_ISSUER, is_admitted=False)) is None
    assert watch.alert_kind(Pass(result=Result.FORGED, is_admitted=False)) == "refused_at_gate"
