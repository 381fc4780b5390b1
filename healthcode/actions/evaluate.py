"""The evaluator: the one place that writes reasons and colours, and it reads them from evidence alone."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction

from citybrain.core import clock, outbox
from citybrain.core.models import User
from healthcode import replay

# Goes on from the engine's `reason` and `verdict`; all parts see the state as it was before the statement.
_WRITES = """
closed AS (
  UPDATE healthcode_reason AS old SET closed_at = %(at)s
   WHERE old.closed_at IS NULL AND old.person_id = ANY(%(persons)s::bigint[])
     AND NOT EXISTS (SELECT FROM reason AS r
                      WHERE r.person_id = old.person_id AND r.rule = old.rule AND r.colour = old.colour)
),
kept AS (
  UPDATE healthcode_reason AS old
     SET since = r.since, until = r.until, closes_when = r.closes_when, progress = r.progress, evidence = r.evidence
    FROM reason AS r
   WHERE old.closed_at IS NULL AND r.person_id = old.person_id AND r.rule = old.rule AND r.colour = old.colour
     AND (old.since, old.until, old.closes_when, old.progress, old.evidence)
         IS DISTINCT FROM (r.since, r.until, r.closes_when, r.progress, r.evidence)
),
new AS (
  INSERT INTO healthcode_reason (person_id, rule, colour, since, until, closes_when, progress, evidence, opened_at)
  SELECT r.person_id, r.rule, r.colour, r.since, r.until, r.closes_when, r.progress, r.evidence, %(at)s
    FROM reason AS r
   WHERE NOT EXISTS (SELECT FROM healthcode_reason AS old
                      WHERE old.closed_at IS NULL AND old.person_id = r.person_id AND old.rule = r.rule
                        AND old.colour = r.colour)
),
-- Of whom nothing is known, no row is kept; the state before is the one that was written.
judged AS (
  SELECT v.*, coalesce(s.state, 'not_known') AS before
    FROM verdict AS v LEFT JOIN healthcode_codestate AS s ON s.person_id = v.person_id
   WHERE v.state <> 'not_known' OR s.person_id IS NOT NULL
),
stored AS (
  INSERT INTO healthcode_codestate AS s (person_id, state, since, valid_until, reasons, rule_set_id, evaluated_at)
  SELECT person_id, state, %(at)s, valid_until, reasons, %(rule_set)s, %(at)s FROM judged
  ON CONFLICT (person_id) DO UPDATE
     SET state = excluded.state, valid_until = excluded.valid_until, reasons = excluded.reasons,
         since = CASE WHEN s.state = excluded.state THEN s.since ELSE excluded.since END,
         rule_set_id = excluded.rule_set_id, evaluated_at = excluded.evaluated_at
),
changed AS (
  INSERT INTO healthcode_codechange (person_id, before, after, at, rule_set_id)
  SELECT person_id, before, state, %(at)s, %(rule_set)s FROM judged WHERE before <> state
  RETURNING person_id, before, after
)
SELECT person_id, before, after FROM changed ORDER BY person_id
"""


@dataclass(frozen=True)
class Change:
    """A code that went from one state to another."""

    person_id: int
    before: str
    after: str


def evaluate(*, persons: Iterable[int], by: User | None, at: dt.datetime | None = None) -> list[Change]:
    """Judge persons (ids) by their evidence at an instant, now if none is given; return whose code changed.

    Raises NoRulesError when no rule set is in force. `by` is who gave the occasion and is told with the change.
    """
    ids = list(persons)
    with transaction.atomic():
        # The time is taken under the lock, so that it follows all evidence that others have just written.
        activations = replay.lock(ids, at or clock.now())
        return write(ids, at or clock.now(), activations, by=by)


def write(ids: list[int], at: dt.datetime, activations: replay.Activations, *, by: User | None) -> list[Change]:
    """Judge persons that the transaction has locked; for the actions of this app."""
    activation = activations.in_force(at)
    statement = replay.statement(activation)
    values = {**replay.parameters(activation, ids, at=at, known=at), "rule_set": activation.rule_set_id}
    with connection.cursor() as cursor:
        cursor.execute(statement.writing(_WRITES), values)
        changes = [Change(*row) for row in cursor.fetchall()]
    author = by.pk if by is not None else None
    if changes:
        # One event however many they are: a change of rules turns a whole city's codes.
        outbox.publish_each("code.changed", [{"persons": [change.person_id for change in changes], "by": author}])
    return changes
