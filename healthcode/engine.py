"""The engine: a rule set compiled to one SQL statement; one person is the same statement filtered by person.

`Statement.reading` yields a row per person: state, reasons, valid_until. The evaluator appends its writes to the same
chain of common table expressions. Whatever comes from a rule file becomes a parameter, never SQL text.

Parameters: `persons` (ids), `at` (the instant judged), `known` (only evidence known by then counts) and `risk_list`
(the version of the list of risk areas).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Days; a stay of any age counts where the rule does not say how old it may be.
ANY_AGE = 100_000

# Every table of the chain is written once, in the order in which it is read.
_LIVE = """
-- Evidence that is true and known and not withdrawn. `declarations` numbers the stretches between declarations:
-- what a declared illness explains holds from that declaration to the next.
seen AS MATERIALIZED (
  SELECT e.id, e.person_id, e.kind, e.true_at, e.facts,
         (e.true_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
         (e.known_at AT TIME ZONE 'Asia/Shanghai')::date AS known_day,
         count(*) FILTER (WHERE e.kind = 'declaration') OVER in_order AS declarations
    FROM healthcode_evidence AS e
   WHERE e.person_id = ANY(%(persons)s::bigint[]) AND e.true_at <= %(at)s AND e.known_at <= %(known)s
     AND NOT EXISTS (SELECT FROM healthcode_evidence AS w WHERE w.withdraws_id = e.id AND w.known_at <= %(known)s)
  WINDOW in_order AS (PARTITION BY e.person_id ORDER BY e.true_at, e.kind <> 'declaration', e.id)
),
live AS MATERIALIZED (
  SELECT *, coalesce(first_value(facts -> 'explained') OVER (
              PARTITION BY person_id, declarations ORDER BY true_at, kind <> 'declaration', id), '[]') AS explained
    FROM seen
),
declared AS (
  SELECT person_id, (max(day) + {fresh_days}::int + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS fresh_until
    FROM live WHERE kind = 'declaration' GROUP BY person_id
),
-- A day is normal when every check-in of it is.
checked AS (
  SELECT person_id, day,
         bool_and(facts -> 'symptoms' <@ explained
                  AND (explained ? 'fever' OR NOT coalesce(facts -> 'celsius' >= {normal_below}::jsonb, false))
         ) AS normal
    FROM live WHERE kind = 'check_in' GROUP BY person_id, day
),
-- `run` is the same for days that count together; `latest` is the last day with any check-in.
check_day AS (
  SELECT person_id, day, normal, max(day) OVER (PARTITION BY person_id) AS latest, {run} AS run
    FROM checked
),
"""
# A gap or an abnormal day in between moves a day's distance from its number.
_RUN_RESTARTS = "day - (row_number() OVER (PARTITION BY person_id, normal ORDER BY day))::int"
# Only an abnormal day separates.
_RUN_GOES_ON = "count(*) FILTER (WHERE NOT normal) OVER (PARTITION BY person_id ORDER BY day)"

_RULE = """
rule (number, rule, colour, severity, check_ins, days, ended_by, closes_when) AS (VALUES
  {rules}
),
-- What opens a reason: a piece of evidence, from when it counts, and the day after which check-ins count. One piece
-- may pass several openers of a rule: it is one opening, or its check-ins would be counted twice.
opened (number, person_id, evidence, since, day) AS (
  {openers}
),
-- How many of a rule's closing pieces of evidence have come since.
ended AS (
  SELECT number, evidence, since, count(*) AS met FROM (
  {closers}
  ) AS piece GROUP BY number, evidence, since
),
"""
_OPENED_BY_FACT = """SELECT {number}::int, e.person_id, e.id, e.true_at, e.day FROM live AS e
   WHERE {where}"""
# The stay's last day inside the area while it was listed counts. Codes are compared by equality of their prefixes, so
# that the list is hashed. A place listed after the stay was known counts as known on the day of the listing.
_OPENED_BY_STAY = """
  SELECT {number}::int, e.person_id, e.id,
         max(last.day)::timestamp AT TIME ZONE 'Asia/Shanghai', max(last.day)
    FROM live AS e
   CROSS JOIN unnest(ARRAY[2, 4, 6, 9, 12, 15]) AS digits
    JOIN healthcode_riskarea AS r ON r.version = %(risk_list)s AND r.level = {level}
     AND r.prefix = left(e.facts ->> 'code', digits) AND length(e.facts ->> 'code') >= digits
   CROSS JOIN LATERAL (SELECT least((e.facts ->> 'to')::date, r.valid_to - 1) AS day) AS last
   WHERE {where} AND last.day >= greatest((e.facts ->> 'from')::date, r.valid_from)
     AND greatest(e.known_day, r.listed_on) - last.day <= {within}::int
   GROUP BY e.person_id, e.id"""
_ENDED_BY = """SELECT o.number, o.evidence, o.since FROM opened AS o JOIN live AS e ON e.person_id = o.person_id
   WHERE o.number = {number}::int AND e.true_at >= o.since AND {where}
   GROUP BY o.number, o.evidence, o.since
  HAVING max(e.true_at) - min(e.true_at) >= {apart}::float8 * interval '1 hour'"""

_NO_CLOSERS = "SELECT NULL::int AS number, NULL::bigint AS evidence, NULL::timestamptz AS since WHERE false"

_VERDICT = """
-- The longest run of normal check-ins after the opening, and the one that still goes on.
progress AS (
  SELECT number, evidence, since, max(done) AS best, max(done) FILTER (WHERE goes_on) AS done FROM (
    SELECT o.number, o.evidence, o.since, count(*) AS done,
           max(d.day) = d.latest AND ({gaps_allowed}::bool OR d.latest >= today.day - 1) AS goes_on
      FROM opened AS o
      JOIN check_day AS d ON d.person_id = o.person_id AND d.normal AND d.day > o.day
     CROSS JOIN (SELECT (%(at)s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date AS day) AS today
     GROUP BY o.number, o.evidence, o.since, d.run, d.latest, today.day) AS run
   GROUP BY number, evidence, since
),
last_check AS (SELECT person_id, max(day) AS day FROM checked GROUP BY person_id),
-- Each opening with the parts of its way out.
opening AS (
  SELECT o.person_id, o.number, o.evidence, o.since,
         coalesce(p.best, 0) >= coalesce(r.check_ins, 0) AS checked_in,
         coalesce(e.met, 0) >= r.ended_by AS ended,
         (o.day + r.days + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS days_end,
         -- Today counts while it has no check-in yet; the day of the opening never does.
         ((greatest(o.day + 1, today.day + (c.day IS NOT DISTINCT FROM today.day)::int)
           + r.check_ins - coalesce(p.done, 0)::int - 1)::timestamp AT TIME ZONE 'Asia/Shanghai') AS checks_end
    FROM opened AS o
    JOIN rule AS r USING (number)
   CROSS JOIN (SELECT (%(at)s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date AS day) AS today
    LEFT JOIN progress AS p USING (number, evidence, since)
    LEFT JOIN ended AS e USING (number, evidence, since)
    LEFT JOIN last_check AS c ON c.person_id = o.person_id
),
reason AS (
  SELECT o.person_id, r.number, r.rule, r.colour, r.severity, r.closes_when, min(o.since) AS since,
         CASE WHEN bool_and(o.ended)
              THEN max(greatest(o.days_end, CASE WHEN NOT o.checked_in THEN o.checks_end END)) END AS until,
         -- When the reason ends without anybody's doing.
         CASE WHEN bool_and(o.ended AND o.checked_in) THEN max(o.days_end) END AS by_itself,
         array_agg(DISTINCT o.evidence ORDER BY o.evidence) AS evidence
    FROM opening AS o JOIN rule AS r USING (number)
   WHERE NOT (o.checked_in AND o.ended AND coalesce(o.days_end <= %(at)s, true))
   GROUP BY o.person_id, r.number, r.rule, r.colour, r.severity, r.closes_when
),
worst AS (
  SELECT person_id, max(severity) AS severity, count(*) AS reasons, min(by_itself) AS by_itself,
         jsonb_agg(jsonb_build_object('rule', rule, 'colour', colour, 'since', since, 'until', until,
                                      'closes_when', closes_when, 'evidence', to_jsonb(evidence))
                   ORDER BY severity DESC, number) AS listed
    FROM reason GROUP BY person_id
),
-- The colour is that of the worst open reason; without one, only a fresh declaration is green.
verdict AS (
  SELECT p.id AS person_id,
         CASE WHEN w.severity = 2 THEN 'red' WHEN w.severity = 1 THEN 'yellow'
              WHEN d.fresh_until > %(at)s THEN 'green'
              WHEN d.person_id IS NOT NULL THEN 'expired' ELSE 'not_known' END AS state,
         CASE WHEN w.severity IS NOT NULL THEN w.by_itself
              WHEN d.fresh_until > %(at)s THEN d.fresh_until END AS valid_until,
         coalesce(w.reasons, 0) AS reasons, coalesce(w.listed, '[]') AS listed
    FROM unnest(%(persons)s::bigint[]) AS p (id)
    LEFT JOIN declared AS d ON d.person_id = p.id
    LEFT JOIN worst AS w ON w.person_id = p.id
)"""
_READ = "SELECT person_id, state, listed, valid_until FROM verdict ORDER BY person_id"


@dataclass(frozen=True)
class Statement:
    """A compiled rule set: the chain that ends in `reason` and `verdict`, and the parameters that its rules gave."""

    chain: str
    params: Mapping[str, Any]

    @property
    def reading(self) -> str:
        """The statement that yields (person_id, state, reasons, valid_until) per person and writes nothing."""
        return f"WITH {self.chain}\n{_READ}"

    def writing(self, writes: str) -> str:
        """Return the statement that goes on from `reason` and `verdict` with further tables and a last SELECT."""
        return f"WITH {self.chain},\n{writes}"


@dataclass
class _Params:
    """Values taken from the rules, each under a name of its own."""

    values: dict[str, Any] = field(default_factory=dict)

    def add(self, value: Any) -> str:
        """Keep a value; return its placeholder."""
        name = f"rule_{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def json(self, value: Any) -> str:
        """Keep a value as jsonb; return its placeholder."""
        return f"{self.add(json.dumps(value, ensure_ascii=False))}::jsonb"


def compile_rules(body: Mapping[str, Any]) -> Statement:
    """Compile a rule set that `rules.check` has passed."""
    params = _Params()
    goes_on = body["check_ins"]["missed_day"] == "go_on"
    live = _LIVE.format(
        fresh_days=params.add(body["declaration"]["fresh_days"]),
        normal_below=params.add(json.dumps(body["check_ins"]["normal_below"])),
        run=_RUN_GOES_ON if goes_on else _RUN_RESTARTS,
    )
    numbered = list(enumerate(body["rules"]))
    openers = [_opener(number, one, params) for number, rule in numbered for one in rule["opened_by"]]
    closers = [
        _closer(number, one, params) for number, rule in numbered for one in rule["closes_when"] if "evidence" in one
    ]
    rule = _RULE.format(
        rules=",\n  ".join(_row(number, rule, params) for number, rule in numbered),
        openers="\n  UNION ".join(openers),
        closers="\n  UNION ALL ".join(closers) or _NO_CLOSERS,
    )
    return Statement(live + rule + _VERDICT.format(gaps_allowed=params.add(goes_on)), params.values)


def _row(number: int, rule: Mapping[str, Any], params: _Params) -> str:
    """Return a rule's row: what must have happened before it closes."""
    one = {name: value for closer in rule["closes_when"] for name, value in closer.items()}
    pieces = sum("evidence" in closer for closer in rule["closes_when"])
    severity = {"yellow": 1, "red": 2}[rule["colour"]]
    cells = (
        f"{params.add(number)}::int",
        f"{params.add(rule['rule'])}::text",
        f"{params.add(rule['colour'])}::text",
        f"{params.add(severity)}::int",
        f"{params.add(one.get('check_ins'))}::int",
        f"{params.add(one.get('days'))}::int",
        f"{params.add(pieces)}::int",
        params.json(rule["closes_when"]),
    )
    return f"({', '.join(cells)})"


def _opener(number: int, opener: Mapping[str, Any], params: _Params) -> str:
    where = _where(opener["kind"], opener.get("where", {}), params)
    if "unless_explained" in opener:
        where += f" AND NOT e.explained @> {params.json([opener['unless_explained']])}"
    if "risk_level" in opener:
        within = params.add(opener.get("within_days", ANY_AGE))
        return _OPENED_BY_STAY.format(
            number=params.add(number), level=params.add(opener["risk_level"]), where=where, within=within
        )
    if "within_days" in opener:
        where += f" AND e.known_day - e.day <= {params.add(opener['within_days'])}::int"
    return _OPENED_BY_FACT.format(number=params.add(number), where=where)


def _closer(number: int, closer: Mapping[str, Any], params: _Params) -> str:
    where = _where(closer["evidence"], closer.get("where", {}), params)
    return _ENDED_BY.format(number=params.add(number), where=where, apart=params.add(closer.get("apart_hours", 0)))


def _where(kind: str, where: Mapping[str, Any], params: _Params) -> str:
    tests = [f"e.kind = {params.add(kind)}"]
    for name, test in where.items():
        fact = f"e.facts -> {params.add(name)}::text"
        match test:
            case {"is": value}:
                tests.append(f"{fact} = {params.json(value)}")
            case {"in": values}:
                tests.append(f"{params.json(list(values))} @> ({fact})")
            case {"at_least": bound}:
                # Numbers compare as numbers inside jsonb, and nothing else can fail to be cast.
                tests.append(f"{fact} >= {params.json(bound)}")
            case _:
                tests.append(f"NOT {fact} <@ e.explained")
    return " AND ".join(tests)
