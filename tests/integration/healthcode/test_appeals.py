"""Anybody can appeal in any colour; human beings decide, for red two; the decision is evidence."""

import threading
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from django.db import connection, transaction

from citybrain.core import clock, crypto
from citybrain.core.models import AuditRow, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act, DistrictCommander, HealthOfficer, Resident, StreetStaff
from healthcode import appeal_queries, queries
from healthcode.actions import appeal as making
from healthcode.actions import appeal_case
from healthcode.actions.appeal import AppealError
from healthcode.actions.holds import approve_held, refuse_held
from healthcode.models import AppealStep, Evidence, Hold
from tests.appeals import ANSWER, NOW, appeal_of, close_contact, decide, record
from tests.codes import WELL, adopt, tell
from tests.people import District, make_district

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules, with two officers beside the one who records."""
    adopt()
    return district


def officers(people: District) -> tuple[User, User, User]:
    """Return who records, and two who may decide."""
    more = (people.user(HealthOfficer, people.street), people.user(StreetStaff))
    return people.user(HealthOfficer), *more


def test_a_granted_appeal_on_red_needs_two_and_turns_the_code_green_at_once(people: District) -> None:
    author, first, second = officers(people)
    with clock.at(NOW):
        wrong = close_contact(people.zhang, author)
        appeal = appeal_of(people.zhang, people.user(Resident))
        assert (appeal.number, appeal.code_said, appeal.contested) == ("20260311-0001", "red", [wrong.pk])
        assert appeal.due_at == NOW.replace(day=16)
        appeal_case.take(appeal=appeal, by=first)
        proposed = appeal_case.propose(appeal=appeal, outcome="granted", withdraws=[wrong.pk], answer=ANSWER, by=first)
        assert (proposed.state, queries.state_of(people.zhang).state) == ("proposed", "red")
        with pytest.raises(AppealError):
            appeal_case.confirm(appeal=appeal, by=first)
        decided = appeal_case.confirm(appeal=appeal, by=second)
        assert queries.state_of(people.zhang).state == "green"
    assert (decided.state, decided.outcome, decided.decided_by) == ("decided", "granted", second.pk)
    (evidence,) = Evidence.objects.filter(kind="appeal_decision")
    assert (evidence.withdraws, evidence.author, evidence.source) == (wrong, second.pk, "appeal")
    assert evidence.facts == {"appeal": appeal.pk, "outcome": "granted"}
    assert evidence.unit == f"street_staff@area:{people.street.pk}"
    last = appeal_queries.case(decided).steps[-1]
    assert (last.step.did, last.note) == ("decided", ANSWER)


def test_one_person_is_enough_for_yellow_and_a_rejection_withdraws_nothing(people: District) -> None:
    author, first, _second = officers(people)
    tell(people.zhang, "declaration", WELL, clock.now())
    record(people.zhang, "exposure", {"grade": "secondary"}, author, Act.RECORD_EXPOSURE)
    appeal = appeal_of(people.zhang, people.user(Resident), "contact_of_contact")
    decided = decide(appeal, first, outcome="rejected")
    assert (decided.state, decided.outcome) == ("decided", "rejected")
    assert queries.state_of(people.zhang).state == "yellow"
    assert [one.withdraws for one in Evidence.objects.filter(kind="appeal_decision")] == [None]


@pytest.mark.parametrize("state", ["not_known", "green", "expired", "yellow", "red"])
def test_an_appeal_is_taken_whatever_the_code_says(people: District, state: str) -> None:
    if state != "not_known":
        at = NOW.replace(month=1) if state == "expired" else NOW
        tell(people.zhang, "declaration", WELL, at)
    with clock.at(NOW):
        if state in {"yellow", "red"}:
            grade = {"yellow": "secondary", "red": "close"}[state]
            tell(people.zhang, "exposure", {"grade": grade}, NOW)
        assert queries.state_of(people.zhang).state == state
        appeal = appeal_of(people.zhang, people.user(Resident), "", about="machine", text="")
    assert appeal.code_said == state
    assert bool(appeal.contested) == (state != "not_known")


def test_one_reason_has_one_open_case_and_another_reason_another(people: District) -> None:
    resident = people.user(Resident)
    tell(people.zhang, "exposure", {"grade": "close"}, clock.now())
    appeal = appeal_of(people.zhang, resident)
    with pytest.raises(making.AlreadyOpenError) as same:
        appeal_of(people.zhang, resident)
    assert same.value.appeal == appeal
    assert appeal_of(people.zhang, resident, "", about="colour").number.endswith("-0002")
    making.take_back(appeal=appeal, by=resident)
    assert appeal_of(people.zhang, resident).number.endswith("-0003")


def test_whoever_recorded_what_is_contested_handles_no_step(people: District) -> None:
    author, first, second = officers(people)
    close_contact(people.zhang, author)
    appeal = appeal_of(people.zhang, people.user(Resident))
    with pytest.raises(AppealError):
        appeal_case.take(appeal=appeal, by=author)
    appeal_case.take(appeal=appeal, by=first)
    appeal_case.propose(appeal=appeal, outcome="rejected", withdraws=[], answer=ANSWER, by=first)
    for step in (
        lambda: appeal_case.confirm(appeal=appeal, by=author),
        lambda: appeal_case.send_back(appeal=appeal, note="x", by=author),
    ):
        with pytest.raises(AppealError):
            step()
    appeal_case.send_back(appeal=appeal, note="请再核对接触时间", by=second)
    appeal.refresh_from_db()
    assert (appeal.state, appeal.proposed_by, appeal.handler) == ("taken", None, first.pk)


def test_staff_of_another_street_decide_nothing(people: District) -> None:
    appeal = appeal_of(people.zhang, people.user(Resident), "")
    other = people.user(StreetStaff, people.other_grid)
    assert not appeal_queries.listed(other, "open").exists()
    with pytest.raises(AppealError):
        appeal_case.take(appeal=appeal, by=other)


def test_a_decision_names_what_is_withdrawn_and_only_what_is_contested(people: District) -> None:
    author, first, _second = officers(people)
    close_contact(people.zhang, author)
    other = tell(people.li, "exposure", {"grade": "close"}, clock.now())
    appeal = appeal_of(people.zhang, people.user(Resident))
    appeal_case.take(appeal=appeal, by=first)
    wrong: list[tuple[str, list[int]]] = [("granted", []), ("granted", [other.pk])]
    wrong += [("granted_in_part", appeal.contested), ("rejected", appeal.contested)]
    for outcome, withdraws in wrong:
        with pytest.raises(AppealError):
            appeal_case.propose(appeal=appeal, outcome=outcome, withdraws=withdraws, answer=ANSWER, by=first)
    appeal.refresh_from_db()
    assert appeal.state == "taken"


def test_evidence_that_came_since_is_part_of_the_case(people: District) -> None:
    author, first, _second = officers(people)
    second = people.user(HealthOfficer, people.community)
    close_contact(people.zhang, author)
    appeal = appeal_of(people.zhang, people.user(Resident))
    more = record(people.zhang, "exposure", {"grade": "close"}, second, Act.RECORD_EXPOSURE)
    assert appeal_queries.contested_now(appeal) == [*appeal.contested, more.pk]
    with pytest.raises(AppealError):
        appeal_case.take(appeal=appeal, by=second)
    appeal_case.take(appeal=appeal, by=first)
    with pytest.raises(AppealError):
        appeal_case.propose(appeal=appeal, outcome="granted", withdraws=appeal.contested, answer=ANSWER, by=first)


def test_what_the_person_says_and_reads_is_sealed_in_the_database(people: District) -> None:
    author, first, _second = officers(people)
    close_contact(people.zhang, author)
    appeal = appeal_of(people.zhang, people.user(Resident), text="一个秘密")
    appeal_case.take(appeal=appeal, by=first)
    appeal_case.ask(appeal=appeal, question="又一个秘密", by=first)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(a)::text FROM healthcode_appeal AS a")
        (kept,) = cursor.fetchone()
    assert "秘密" not in kept
    assert "一个秘密".encode().hex() not in kept
    assert appeal.read(bytes(appeal.text_cipher)) == "一个秘密"
    with pytest.raises(InvalidTag):
        crypto.unseal("appeal", bytes(appeal.text_cipher), owner=str(people.zhang.ref))
    assert "秘密" not in str(AppealStep.objects.values_list("note_cipher", flat=True))


def test_every_step_is_on_record_with_the_person_it_is_about(people: District) -> None:
    author, first, second = officers(people)
    close_contact(people.zhang, author)
    decide(appeal_of(people.zhang, people.user(Resident)), first, second)
    deeds = [Deed.APPEAL, Deed.TAKE_APPEAL, Deed.PROPOSE_DECISION, Deed.DECIDE_APPEAL]
    rows = AuditRow.objects.filter(deed__in=deeds).order_by("pk")
    assert [row.deed for row in rows] == deeds
    assert all(row.subjects == [people.zhang.pk] for row in rows)
    assert {row.purpose for row in rows[1:]} == {"complaint"}


@pytest.mark.parametrize("is_let_in", [True, False])
def test_a_decision_that_is_held_counts_when_it_is_let_in(people: District, settings: Any, is_let_in: bool) -> None:
    author, first, second = officers(people)
    close_contact(people.zhang, author)
    settings.HOLD_LIMITS = {**settings.HOLD_LIMITS, "burst": 0}
    appeal = decide(appeal_of(people.zhang, people.user(Resident)), first, second)
    assert (appeal.state, appeal.outcome, queries.state_of(people.zhang).state) == ("held", "", "red")
    held, commander = Hold.objects.get(), people.user(DistrictCommander)
    if is_let_in:
        approve_held(hold=held, by=commander)
    else:
        refuse_held(hold=held, note="请逐件说明", by=commander)
    for _twice in range(2):
        appeal_case.follow_hold({"hold": held.pk})
    appeal.refresh_from_db()
    assert appeal.state == ("decided" if is_let_in else "taken")
    assert queries.state_of(people.zhang).state == ("green" if is_let_in else "red")
    assert appeal.steps.filter(did="decided").count() == is_let_in
    assert Evidence.objects.filter(kind="appeal_decision").count() == is_let_in


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_the_same_moment_one_does() -> None:
    people = make_district()
    adopt()
    tell(people.zhang, "declaration", WELL, clock.now())
    record(people.zhang, "exposure", {"grade": "close"}, people.user(HealthOfficer), Act.RECORD_EXPOSURE)
    _author, first, second = officers(people)
    third = people.user(StreetStaff, people.district)
    appeal = appeal_of(people.zhang, people.user(Resident))
    appeal_case.take(appeal=appeal, by=first)
    appeal_case.propose(appeal=appeal, outcome="granted", withdraws=appeal.contested, answer=ANSWER, by=first)
    together, ends = threading.Barrier(2), []

    def confirm(by: User) -> None:
        together.wait()
        try:
            with transaction.atomic():
                appeal_case.confirm(appeal=appeal, by=by)
            ends.append("decided")
        except AppealError:
            ends.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=confirm, args=(by,)) for by in (second, third)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["decided", "too late"]
    assert Evidence.objects.filter(kind="appeal_decision").count() == 1
    assert AppealStep.objects.filter(did="decided").count() == 1
