"""Evidence makes the code, at once, with a history that can be asked again; nothing else does."""

import datetime as dt
import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citybrain.core import clock
from citybrain.core.models import AuditRow, Event, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import HealthOfficer
from healthcode import queries, replay
from healthcode.actions.evaluate import evaluate
from healthcode.actions.evidence import record_evidence
from healthcode.models import CodeChange, CodeState, Evidence, Reason, RiskArea, RuleActivation, RuleSet
from tests.codes import BODY, WELL, adopt, check_in, noon, store, tell
from tests.integration.healthcode.test_engine import histories
from tests.oracle import Fact
from tests.people import ZHANG_PHONE, District, make_district, make_person

CLOSE = {"grade": "close"}
NEGATIVE = {"result": "negative", "method": "nucleic_acid"}


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules."""
    adopt()
    return district


def _state(person: Person, at: dt.datetime) -> str:
    with clock.at(at):
        return queries.state_of(person).state


def _rules(person: Person) -> list[str]:
    return [reason.rule for reason in queries.reasons_of(person)]


@pytest.mark.django_db
def test_who_never_declared_is_not_known_and_has_no_row(people: District) -> None:
    assert evaluate(persons=[people.zhang.pk], by=None) == []
    assert not CodeState.objects.exists()
    assert _state(people.zhang, noon(2, 12)) == "not_known"
    tell(people.zhang, "test_result", NEGATIVE, noon(2, 12))
    assert _state(people.zhang, noon(2, 12)) == "not_known"


@pytest.mark.django_db
def test_a_declaration_makes_green_until_it_expires_by_itself(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    assert _state(people.zhang, noon(2, 26, 23)) == "green"
    assert CodeState.objects.get().valid_until == noon(2, 27, 0)
    # Nobody has evaluated since.
    assert _state(people.zhang, noon(2, 27, 0)) == "expired"
    with clock.at(noon(2, 27, 1)):
        evaluate(persons=[people.zhang.pk], by=None)
    assert CodeState.objects.get().state == "expired"
    assert [(one.before, one.after) for one in CodeChange.objects.order_by("id")] == [
        ("not_known", "green"),
        ("green", "expired"),
    ]


@pytest.mark.django_db
def test_the_way_out_is_walked_by_check_ins_and_a_missed_day_restarts_it(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    tell(people.zhang, "exposure", {"grade": "secondary"}, noon(2, 12))
    reason = queries.reasons_of(people.zhang).get()
    assert (reason.rule, reason.colour, reason.since, reason.until) == (
        *("contact_of_contact", "yellow"),
        *(noon(2, 12), noon(2, 19, 0)),
    )
    check_in(people.zhang, 2, [13, 14, 15])
    # The sixteenth is missed.
    check_in(people.zhang, 2, range(17, 23))
    assert _state(people.zhang, noon(2, 22)) == "yellow"
    assert queries.reasons_of(people.zhang).get().until == noon(2, 23, 0)
    check_in(people.zhang, 2, [23])
    assert _state(people.zhang, noon(2, 23)) == "green"
    closed = Reason.objects.get()
    assert (closed.opened_at, closed.closed_at) == (noon(2, 12), noon(2, 23, 9))


@pytest.mark.django_db
def test_a_negative_test_closes_nothing_in_this_set(people: District) -> None:
    tell(people.zhang, "declaration", {**WELL, "symptoms": ["cough"]}, noon(2, 12))
    tell(people.zhang, "exposure", CLOSE, noon(2, 12))
    tell(people.zhang, "case", {"status": "suspected"}, noon(2, 12))
    before = _rules(people.zhang)
    for day in (13, 15):
        tell(people.zhang, "test_result", NEGATIVE, noon(2, day))
    assert _rules(people.zhang) == before
    assert sorted(before) == ["case", "close_contact", "symptoms"]
    tell(people.zhang, "released", {"basis": "ruled_out"}, noon(2, 16))
    assert sorted(_rules(people.zhang)) == ["close_contact", "symptoms"]
    assert _state(people.zhang, noon(2, 16)) == "red"


@pytest.mark.django_db
def test_a_child_with_a_shared_phone_has_a_state_of_its_own(people: District) -> None:
    child = make_person("张小", people.grid, phone=ZHANG_PHONE)
    tell(people.zhang, "exposure", CLOSE, noon(2, 12))
    tell(child, "declaration", WELL, noon(2, 12))
    assert (_state(people.zhang, noon(2, 12)), _state(child, noon(2, 12))) == ("red", "green")


@pytest.mark.django_db
def test_evidence_is_withdrawn_by_other_evidence_and_the_code_follows(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    wrong = tell(people.zhang, "exposure", CLOSE, noon(2, 12))
    assert _state(people.zhang, noon(2, 12)) == "red"
    tell(people.zhang, "withdrawal", {"because": "wrong_person"}, noon(2, 13), withdraws=wrong)
    assert _state(people.zhang, noon(2, 13)) == "green"
    assert queries.why_at(people.zhang, noon(2, 12)).state == "red"


@pytest.mark.django_db
def test_evidence_that_cannot_be_is_refused_and_changes_nothing(people: District) -> None:
    at, zhang = noon(2, 12), people.zhang
    own = tell(zhang, "declaration", WELL, at)
    with pytest.raises(ValidationError):
        tell(zhang, "exposure", CLOSE, at, true_at=noon(2, 13))
    with pytest.raises(ValidationError):
        tell(zhang, "risk_area_stay", {"code": "420000000000", "from": "2020-02-01", "to": "2020-02-13"}, at)
    with pytest.raises(ValidationError):
        tell(zhang, "withdrawal", {"because": "wrong_person"}, at)
    with pytest.raises(ValidationError):
        tell(people.li, "withdrawal", {"because": "wrong_person"}, at, withdraws=own)
    with pytest.raises(ValidationError):
        tell(zhang, "check_in", {"symptoms": []}, at, withdraws=own)
    with pytest.raises(ValidationError), clock.at(at):
        record_evidence(person=zhang, kind="exposure", facts=CLOSE, source="rumour", by=None)
    assert Evidence.objects.count() == 1
    assert _state(zhang, at) == "green"


@pytest.mark.django_db
def test_evidence_is_on_record_and_a_change_is_told(people: District) -> None:
    officer = people.user(HealthOfficer)
    Event.objects.all().delete()
    with clock.at(noon(2, 12)):
        evidence = record_evidence(
            person=people.zhang, kind="exposure", facts=CLOSE, source="disease_control", by=officer
        )
        again = record_evidence(person=people.zhang, kind="exposure", facts=CLOSE, source="disease_control", by=officer)
    row = AuditRow.objects.filter(deed=Deed.RECORD_EVIDENCE).earliest("id")
    assert (row.actor, row.subjects, row.target) == (officer.pk, [people.zhang.pk], f"evidence:{evidence.pk}")
    assert Event.objects.get().payload == {"persons": [people.zhang.pk], "by": officer.pk}
    assert queries.reasons_of(people.zhang).get().evidence == [evidence.pk, again.pk]


@pytest.mark.django_db
def test_one_person_is_evaluated_in_fewer_than_four_statements(people: District) -> None:
    replay._compiled.cache_clear()
    tell(people.li, "declaration", WELL, noon(2, 12))
    store(people.zhang, [Fact(1, "exposure", noon(2, 12), noon(2, 12), CLOSE)])
    with CaptureQueriesContext(connection) as asked:
        changes = evaluate(persons=[people.zhang.pk], by=None, at=noon(2, 13))
    assert [change.after for change in changes] == ["red"]
    statements = [one["sql"] for one in asked.captured_queries if "SAVEPOINT" not in one["sql"]]
    assert len(statements) == 3, statements


@pytest.mark.django_db
def test_without_rules_in_force_nothing_is_judged_and_nothing_is_recorded(district: District) -> None:
    with pytest.raises(replay.NoRulesError, match="adopt_rules"):
        tell(district.zhang, "declaration", WELL, noon(2, 12))
    assert not Evidence.objects.exists()
    call_command("adopt_rules", verbosity=0)
    record_evidence(person=district.zhang, kind="declaration", facts=WELL, source="self", by=None)
    assert queries.state_of(district.zhang).state == "green"


@pytest.mark.django_db
def test_a_version_of_the_rules_keeps_its_words(people: District) -> None:
    with pytest.raises(ValueError, match="other words"):
        adopt({**BODY, "declaration": {"fresh_days": 30}})
    assert RuleSet.objects.count() == 1


@pytest.mark.django_db
def test_an_older_time_is_judged_by_the_rules_and_the_list_of_that_time(people: District) -> None:
    stay = {"code": "330400000000", "from": "2020-02-08", "to": "2020-02-10"}
    tell(people.zhang, "declaration", WELL, noon(2, 11))
    tell(people.zhang, "risk_area_stay", stay, noon(2, 11))
    listed = {"code": "330400000000", "name": "嘉兴市", "level": "high", "valid_from": "2020-02-01"}
    with clock.at(noon(2, 12)):
        RuleActivation.objects.create(rule_set=RuleSet.objects.get(), risk_list=7, valid_from=noon(2, 12))
        row = {name: value for name, value in listed.items() if name != "code"}
        RiskArea.objects.create(version=7, prefix="3304", listed_on="2020-02-12", **row)
        evaluate(persons=[people.zhang.pk], by=None)
    assert _state(people.zhang, noon(2, 12)) == "red"
    assert queries.why_at(people.zhang, noon(2, 11)).state == "green"
    assert queries.why_at(people.zhang, noon(2, 13)).reasons[0]["rule"] == "high_risk_stay"


@pytest.mark.steady
@pytest.mark.django_db
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(histories(), min_size=3, max_size=6))
def test_asked_again_over_the_whole_history_every_moment_has_the_colour_computed_then(
    people: District, batch: list[list[Fact]]
) -> None:
    """Each person's evidence is written as it becomes known, and judged and stored at once."""
    persons = [make_person("王五", people.grid) for _facts in batch]
    computed: list[tuple[Person, dt.datetime, str, list[Any]]] = []
    for person, facts in zip(persons, batch, strict=True):
        ids: dict[int, int] = {}
        for fact in sorted(facts, key=lambda fact: (fact.known_at, fact.id)):
            written = (
                store(person, [Fact(fact.id, fact.kind, fact.true_at, fact.known_at, fact.facts)])
                if (fact.withdraws is None)
                else _withdraw(person, fact, ids)
            )
            ids[fact.id] = written[0].id
            evaluate(persons=[person.pk], by=None, at=fact.known_at)
            stored = CodeState.objects.filter(person=person).first()
            reasons = [[one.rule, one.evidence] for one in queries.reasons_of(person)]
            computed = [one for one in computed if one[:2] != (person, fact.known_at)]
            computed.append((person, fact.known_at, stored.state if stored else "not_known", sorted(reasons)))
    for person, at, state, reasons in computed:
        again = queries.why_at(person, at)
        assert (again.state, sorted([one["rule"], one["evidence"]] for one in again.reasons)) == (state, reasons)


def _withdraw(person: Person, fact: Fact, ids: dict[int, int]) -> list[Fact]:
    row = Evidence.objects.create(
        person=person,
        kind=fact.kind,
        true_at=fact.true_at,
        known_at=fact.known_at,
        source="self",
        facts=dict(fact.facts),
        withdraws_id=ids[fact.withdraws or 0],
    )
    return [Fact(row.pk, fact.kind, fact.true_at, fact.known_at, fact.facts)]


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Evidence, CodeChange, RuleSet, RuleActivation, RiskArea])
@pytest.mark.parametrize("verb", ["update", "delete"])
def test_the_app_role_can_neither_change_nor_delete_what_is_written_once(
    people: District, model: Any, verb: str
) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    assert model.objects.exists()
    first = model.objects.order_by("pk")[:1].values_list("pk", flat=True)[0]
    table = model._meta.db_table
    text = f"UPDATE {table} SET id = id" if verb == "update" else f"DELETE FROM {table}"
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{text} WHERE id = %s", [first])


@pytest.mark.django_db(transaction=True)
def test_of_two_who_report_at_once_the_later_sees_the_evidence_of_the_earlier() -> None:
    people = make_district()
    adopt()
    done: list[str] = []

    def report() -> None:
        try:
            record_evidence(person=people.zhang, kind="exposure", facts=CLOSE, source="disease_control", by=None)
            done.append(queries.state_of(people.zhang).state)
        finally:
            connection.close()

    other = threading.Thread(target=report)
    with transaction.atomic():
        record_evidence(person=people.zhang, kind="declaration", facts=WELL, source="self", by=None)
        other.start()
        other.join(0.5)
        assert done == [], "the second does not wait for the first"
    other.join()
    assert done == ["red"]
    earlier, later = Evidence.objects.order_by("id")
    assert earlier.known_at < later.known_at
    assert CodeState.objects.get().evaluated_at == later.known_at
