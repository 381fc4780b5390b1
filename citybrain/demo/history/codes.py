"""Codes: the product's own evaluator judges the evidence, in the order of time.

Nothing but midnight changes a code without evidence. So within a day one statement may judge many persons at once, as
long as each of them has one new piece of evidence by then: what it writes is set back to the instant of that piece,
where the rules say the very same.
"""

from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction

from citybrain.demo.city.world import Instants, Ints
from citybrain.demo.history import copying, drawing
from citybrain.demo.history.story import Evidence
from healthcode.actions.evaluate import evaluate
from healthcode.kinds import Kind

# About a second's work. Reasons are compared with one another inside a statement, so fewer persons who may have some.
PERSONS_A_STATEMENT, WITH_REASONS_A_STATEMENT = 4000, 300
PERSONS_A_TRANSACTION = 50_000
_RUN_OUT = "SELECT person_id FROM healthcode_codestate WHERE valid_until <= %s ORDER BY person_id"
_WITH_REASONS = "SELECT person_id FROM healthcode_codestate WHERE valid_until <= %s OR reasons > 0 ORDER BY person_id"
# Times that a statement wrote, by table.
_WRITTEN = (
    ("healthcode_codechange", "at"),
    ("healthcode_codestate", "since"),
    ("healthcode_codestate", "evaluated_at"),
    ("healthcode_reason", "opened_at"),
    ("healthcode_reason", "closed_at"),
)
_SET_BACK = """
UPDATE {table} AS written SET {column} = was.at FROM demo_was AS was
 WHERE written.person_id = was.person_id AND written.{column} = was.judged_at
   AND was.person_id BETWEEN %(first)s AND %(last)s
"""


@dataclass(frozen=True)
class Judgements:
    """Who is to be judged, once per instant at which something became known of them, and when that is done."""

    person: Ints
    at: Instants
    judged_at: Instants


def follow(evidence: Evidence, *, now: np.datetime64) -> None:
    """Let the codes follow all evidence, as they would have at its time."""
    ((before,),) = copying.read("SELECT coalesce(max(id), 0) FROM core_event")
    judge = _Judge(evidence)
    todo = plan(evidence.person, evidence.known_at, now)
    moments, begins = np.unique(todo.judged_at, return_index=True)
    days = drawing.day_of(moments)
    for day in np.arange(days[0], drawing.day_of(np.array([now]))[0] + 1):
        midnight = drawing.midnight(np.array([day]))[0]
        is_last = midnight + drawing.DAY > now
        judge.now(_ids(_WITH_REASONS if is_last else _RUN_OUT, midnight), midnight)
        for number in np.flatnonzero(days == day).tolist():
            end = begins[number + 1] if number + 1 < len(begins) else len(todo.person)
            judge.now(todo.person[begins[number] : end], moments[number])
    _set_back(todo)
    # Nobody waits for these changes: they are long past.
    copying.run("DELETE FROM core_event WHERE id > %s AND kind = 'code.changed'", [before])
    for table in ("codechange", "codestate", "reason"):
        copying.run(f"ANALYZE healthcode_{table}")


def plan(person: Ints, known_at: Instants, now: np.datetime64) -> Judgements:
    """Return each person's instants, in as few rounds as keep any two instants of a person apart.

    A round lies within one day: it ends with the day, or just before somebody's next piece of evidence.
    """
    order = np.lexsort((known_at, person))
    person, at = person[order], known_at[order]
    is_new = np.ones(len(at), bool)
    is_new[1:] = (person[1:] != person[:-1]) | (at[1:] != at[:-1])
    person, at = person[is_new], at[is_new]
    day = drawing.day_of(at)
    goes_on = (person[1:] == person[:-1]) & (day[1:] == day[:-1])
    ends = np.minimum(drawing.midnight(np.unique(day) + 1) - drawing.TICK, now)
    rounds = np.unique(np.concatenate([ends, _cuts(at[:-1][goes_on], at[1:][goes_on])]))
    judged_at = rounds[np.searchsorted(rounds, at)]
    order = np.lexsort((person, judged_at))
    return Judgements(person[order], at[order], judged_at[order])


def _cuts(first: Instants, second: Instants) -> Instants:
    """Return the fewest instants of which one lies between any two given: from the first on, before the second."""
    order = np.argsort(second)
    cuts: list[np.datetime64] = []
    for left, right in zip(first[order], second[order], strict=True):
        if not cuts or left > cuts[-1]:
            cuts.append(right - drawing.TICK)
    return np.array(cuts, dtype="datetime64[us]")


class _Judge:
    """Lets the evaluator judge persons."""

    def __init__(self, evidence: Evidence) -> None:
        self._may_have_reasons = np.zeros(int(evidence.person.max(initial=0)) + 1, bool)
        self._may_have_reasons[evidence.person[evidence.kind != Kind.DECLARATION]] = True

    def now(self, person: Ints, at: np.datetime64) -> None:
        """Judge persons at an instant."""
        may = self._may_have_reasons[person] & (len(person) > WITH_REASONS_A_STATEMENT)
        for some, size in ((person[~may], PERSONS_A_STATEMENT), (person[may], WITH_REASONS_A_STATEMENT)):
            for first in range(0, len(some), size):
                with transaction.atomic():
                    with connection.cursor() as cursor:
                        # Compiling such a statement takes longer than it runs.
                        cursor.execute("SET LOCAL jit = off")
                    evaluate(persons=(some[first : first + size] + 1).tolist(), by=None, at=drawing.aware(at))


def _ids(statement: str, at: np.datetime64) -> Ints:
    return np.array([person - 1 for (person,) in copying.read(statement, [drawing.aware(at)])], dtype=np.int64)


def _set_back(todo: Judgements) -> None:
    copying.run("CREATE TEMP TABLE demo_was (person_id bigint, judged_at timestamptz, at timestamptz)")
    columns = {
        "person_id": copying.numbers(todo.person + 1),
        "judged_at": copying.instants(todo.judged_at),
        "at": copying.instants(todo.at),
    }
    copying.copy("demo_was", columns)
    copying.run("CREATE INDEX ON demo_was (person_id)")
    copying.run("ANALYZE demo_was")
    last = int(todo.person.max()) + 1
    for first in range(1, last + 1, PERSONS_A_TRANSACTION):
        for table, column in _WRITTEN:
            statement = _SET_BACK.format(table=table, column=column)
            copying.run(statement, {"first": first, "last": first + PERSONS_A_TRANSACTION - 1})
    copying.run("DROP TABLE demo_was")
