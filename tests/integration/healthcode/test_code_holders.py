"""A gate learns whose code or document somebody shows, and no more than it may know, in one cheap statement."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from citybrain.core import clock, documents
from citybrain.core.models import Document, Person
from healthcode import queries
from healthcode.actions.code import number_of
from healthcode.models import CodeNumber, CodeState, Reason, RuleSet, State
from tests.codes import WELL, adopt, noon, tell
from tests.people import LI_ID, ZHANG_ID, District

pytestmark = pytest.mark.django_db

NOW = noon(2, 13)


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules."""
    adopt()
    return district


def test_a_gate_finds_the_holder_by_number_and_by_document_with_all_it_may_know(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    tell(people.zhang, "case", {"status": "suspected"}, noon(2, 12))
    number = number_of(person=people.zhang, by=None).number
    with clock.at(NOW):
        by_number = queries.holder_by_number(number)
        by_document = queries.holder_by_document(documents.Type.RESIDENT_ID, f" {ZHANG_ID.lower()} ")
        li = queries.holder_by_document(documents.Type.RESIDENT_ID, LI_ID)
    expected = queries.Holder(people.zhang.pk, "张*", State.RED, True, False, people.grid.pk, "grid", False)
    assert by_number == by_document == expected
    assert li == queries.Holder(people.li.pk, "李*", State.NOT_KNOWN, False, False, people.other_grid.pk, "grid", False)


def test_a_holder_has_no_open_reason_any_more_when_the_last_is_closed_and_expires_by_itself(people: District) -> None:
    tell(people.zhang, "declaration", WELL, noon(2, 12))
    tell(people.zhang, "case", {"status": "suspected"}, noon(2, 12))
    tell(people.zhang, "released", {"basis": "ruled_out"}, noon(2, 13))
    number = number_of(person=people.zhang, by=None).number
    for at, state in ((noon(2, 26, 23), "green"), (noon(2, 27, 0), "expired")):
        with clock.at(at):
            holder = queries.holder_by_number(number)
        assert holder
        assert (holder.state, holder.has_open_reason) == (state, False)


@pytest.mark.parametrize(
    ("kind", "number"),
    [("passport", ZHANG_ID), ("resident_id", ""), ("resident_id", "330199198001010025"), ("no_such_type", ZHANG_ID)],
)
def test_nobody_is_found_by_what_is_not_exactly_their_document(people: District, kind: str, number: str) -> None:
    assert queries.holder_by_document(kind, number) is None
    assert queries.holder_by_number(12) is None


@pytest.mark.slow
def test_a_holder_is_found_in_one_statement_by_index_lookups_alone(people: District) -> None:
    number = number_of(person=people.zhang, by=None).number
    _fill(people)
    asked = ((queries.holder_by_number, (number,)), (queries.holder_by_document, ("resident_id", ZHANG_ID)))
    for question, values in asked:
        with CaptureQueriesContext(connection) as captured:
            assert question(*values)
        assert len(captured) == 1
    with connection.cursor() as cursor:
        # Where an index could serve, it shall, whatever is believed of how full the tables are.
        cursor.execute("SET LOCAL enable_seqscan = off")
        for statement, value in ((queries._BY_NUMBER, number), (queries._BY_DOCUMENT, [b"x"])):
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", [value])
            (plan,) = cursor.fetchone()
            read = dict(_tables_read((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
            assert len(read) == 5
            # Areas are so few that reading all of them may be cheapest.
            assert all(is_looked_up for table, is_looked_up in read.items() if table != "core_area"), plan


def _fill(people: District) -> None:
    """Add so many rows that reading a table whole is no choice."""
    rules = RuleSet.objects.get().pk
    now = clock.now()
    persons = Person.objects.bulk_create(
        Person(name=f"居民{number}", name_sort=f"{number}", area=people.grid) for number in range(2000)
    )
    CodeNumber.objects.bulk_create(CodeNumber(person=person, issued_at=now) for person in persons)
    Document.objects.bulk_create(Document.of(person, "passport", f"E{person.pk:08}") for person in persons)
    CodeState.objects.bulk_create(
        CodeState(person=person, state="yellow", since=now, reasons=1, rule_set_id=rules, evaluated_at=now)
        for person in persons
    )
    Reason.objects.bulk_create(
        Reason(person=person, rule="x", colour="yellow", since=now, closes_when=[], evidence=[1], opened_at=now)
        for person in persons
    )


def _tables_read(node: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield each table of a plan, and whether its rows are looked up by an index."""
    if "Relation Name" in node:
        yield node["Relation Name"], "Index Cond" in node or "Recheck Cond" in node
    for below in node.get("Plans", ()):
        yield from _tables_read(below)
