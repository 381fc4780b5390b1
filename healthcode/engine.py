"""The engine: a rule set compiled to one SQL statement; one person is the same statement filtered by person.

`Statement.reading` yields a row per person: state, reasons, valid_until. The evaluator appends its writes to the same
chain of common table expressions. Whatever comes from a rule file becomes a parameter, never SQL text.

Parameters: `persons` (ids), `at` (the instant judged), `known` (only evidence known by then counts) and `risk_list`
(the version of the list of risk areas). Evidence and risk areas come from the tables, or are given with the statement.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Days; a stay of any age counts where the rule does not say how old it may be.
ANY_AGE = 100_000


@dataclass(frozen=True)
class Tables:
    """Where evidence and risk areas are read; `before` is what the chain begins with to have them."""

    evidence: str
    risk_areas: str
    before: str = ""


STORED = Tables("healthcode_evidence", "healthcode_riskarea")
# JSON lists of objects as parameters `given_evidence` and `given_risk_areas`: nothing is read from tables.
GIVEN = Tables(
    "given_evidence",
    "given_risk_area",
    """
given_evidence AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(%(given_evidence)s::jsonb) AS given (
         id bigint, person_id bigint, kind text, true_at timestamptz, known_at timestamptz, facts jsonb,
         withdraws_id bigint)
),
given_risk_area AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(%(given_risk_areas)s::jsonb) AS given (
         version int, prefix text, level text, valid_from date, valid_to date, listed_on date)
),""",
)

# Every table of the chain is written once, in the order in which it is read.
_LIVE = """
today AS (SELECT (%(at)s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date AS day),
known AS MATERIALIZED (
  SELECT id, person_id, kind, true_at, facts, withdraws_id,
         (true_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
         (known_at AT TIME ZONE 'Asia/Shanghai')::date AS known_day
    FROM {evidence_table}
   WHERE person_id = ANY(%(persons)s::bigint[]) AND known_at <= %(known)s
),
-- Evidence that is true and known and not withdrawn. `declarations` numbers the stretches between declarations:
-- what a declared illness explains holds from that declaration to the next.
seen AS (
  SELECT e.id, e.person_id, e.kind, e.true_at, e.facts, e.day, e.known_day,
         count(*) FILTER (WHERE e.kind = 'declaration') OVER in_order AS declarations
    FROM known AS e
   WHERE e.true_at <= %(at)s AND NOT EXISTS (SELECT FROM known AS w WHERE w.withdraws_id = e.id)
  WINDOW in_order AS (PARTITION BY e.person_id ORDER BY e.true_at, e.kind <> 'declaration', e.id)
),
live AS MATERIALIZED (
  SELECT id, person_id, kind, true_at, facts, day, known_day,
         coalesce(first_value(facts -> 'explained') OVER (
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
-- `unbroken` and `unspoilt` are each the same for days that count together: where a missed day restarts the count (a
-- gap or an abnormal day in between moves a day's distance from its number), and where only an abnormal day does.
-- `latest` is the last day with any check-in.
check_day AS (
  SELECT person_id, day, normal, max(day) OVER (PARTITION BY person_id) AS latest,
         day - (row_number() OVER (PARTITION BY person_id, normal ORDER BY day))::int AS unbroken,
         count(*) FILTER (WHERE NOT normal) OVER (PARTITION BY person_id ORDER BY day) AS unspoilt
    FROM checked
),
"""

_RULE = """
rule AS (
  SELECT number, rule, colour, severity, priority, closes_when FROM (VALUES
  {rules}
  ) AS written (number, rule, colour, severity, priority, closes_when, valid_from, valid_to) CROSS JOIN today
   WHERE today.day >= coalesce(valid_from, '-infinity') AND today.day < coalesce(valid_to, 'infinity')
),
-- A rule's ways out; a reason ends by any of them, a way is gone when all that it asks for has happened.
way (number, way, check_ins, restarts, days, ended_by) AS (VALUES
  {ways}
),
-- What opens a reason: a piece of evidence, from when it counts, and the day after which check-ins count. One piece
-- may pass several openers of a rule: it is one opening, or its check-ins would be counted twice.
opened (number, person_id, evidence, since, day) AS (
  {openers}
),
-- How many of the closing conditions of a way have been met by evidence that came since.
ended AS (
  SELECT number, way, evidence, since, count(*) AS met FROM (
  {closers}
  ) AS piece GROUP BY number, way, evidence, since
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
    JOIN {risk_area_table} AS r ON r.version = %(risk_list)s AND r.level = {level}
     AND r.prefix = left(e.facts ->> 'code', digits) AND length(e.facts ->> 'code') >= digits
   CROSS JOIN LATERAL (SELECT least((e.facts ->> 'to')::date, r.valid_to - 1) AS day) AS last
   WHERE {where} AND last.day >= greatest((e.facts ->> 'from')::date, r.valid_from)
     AND greatest(e.known_day, r.listed_on) - last.day <= {within}::int
   GROUP BY e.person_id, e.id"""
_ENDED_BY_ONE = """SELECT DISTINCT o.number, {way}::int AS way, o.evidence, o.since
    FROM opened AS o JOIN live AS e ON e.person_id = o.person_id
   WHERE o.number = {number}::int AND e.true_at >= o.since AND {where}"""
# Pieces count together while none that breaks the count lies between them. From each piece on, the earliest that is far
# enough from the one before is taken; so the last one comes as early as it can.
_ENDED_BY_SOME = """SELECT DISTINCT {number}::int AS number, {way}::int AS way, stretch.evidence, stretch.since
    FROM (SELECT o.evidence, o.since, array_agg(piece.true_at) AS times
            FROM opened AS o JOIN (
                 SELECT e.person_id, e.true_at, ({where}) AS counts,
                        count(*) FILTER (WHERE {breaks}) OVER (PARTITION BY e.person_id ORDER BY e.true_at) AS number
                   FROM live AS e WHERE e.kind = {kind}
                 ) AS piece ON piece.person_id = o.person_id AND piece.counts AND piece.true_at >= o.since
           WHERE o.number = {number}::int GROUP BY o.evidence, o.since, piece.number) AS stretch
   CROSS JOIN unnest(stretch.times) AS piece_1 (true_at){further}
   WHERE {last}.true_at - piece_1.true_at <= {within}::float8 * interval '1 day'"""
_FURTHER = """
   CROSS JOIN LATERAL (SELECT min(next.true_at) AS true_at FROM unnest(stretch.times) AS next (true_at)
                        WHERE next.true_at >= piece_{before}.true_at + {apart}::float8 * interval '1 hour'
              ) AS piece_{this}"""

_NO_CLOSERS = """SELECT NULL::int AS number, NULL::int AS way, NULL::bigint AS evidence, NULL::timestamptz AS since
   WHERE false"""

_VERDICT = """
-- The longest run of normal check-ins after the opening, and the one that still goes on.
progress AS (
  SELECT number, way, evidence, since, max(done) AS best, max(done) FILTER (WHERE goes_on) AS done FROM (
    SELECT o.number, w.way, o.evidence, o.since, count(*) AS done,
           max(d.day) = d.latest AND (NOT w.restarts OR d.latest >= today.day - 1) AS goes_on
      FROM opened AS o
      JOIN way AS w ON w.number = o.number AND w.check_ins IS NOT NULL
      JOIN check_day AS d ON d.person_id = o.person_id AND d.normal AND d.day > o.day
     CROSS JOIN today
     GROUP BY o.number, w.way, o.evidence, o.since, d.latest, today.day, w.restarts,
              CASE WHEN w.restarts THEN d.unbroken END, CASE WHEN NOT w.restarts THEN d.unspoilt END) AS run
   GROUP BY number, way, evidence, since
),
last_check AS (SELECT person_id, max(day) AS day FROM checked GROUP BY person_id),
-- Each opening with the parts of each way out.
going AS (
  SELECT o.person_id, o.number, o.evidence, o.since, w.check_ins,
         least(coalesce(p.done, 0), w.check_ins) AS done,
         coalesce(p.best, 0) >= coalesce(w.check_ins, 0) AS checked_in,
         coalesce(e.met, 0) >= w.ended_by AS ended,
         (o.day + w.days + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS days_end,
         -- Today counts while it has no check-in yet; the day of the opening never does.
         ((greatest(o.day + 1, today.day + (c.day IS NOT DISTINCT FROM today.day)::int)
           + w.check_ins - coalesce(p.done, 0)::int - 1)::timestamp AT TIME ZONE 'Asia/Shanghai') AS checks_end
    FROM opened AS o
    JOIN way AS w ON w.number = o.number
   CROSS JOIN today
    LEFT JOIN progress AS p ON p.number = o.number AND p.way = w.way AND p.evidence = o.evidence AND p.since = o.since
    LEFT JOIN ended AS e ON e.number = o.number AND e.way = w.way AND e.evidence = o.evidence AND e.since = o.since
    LEFT JOIN last_check AS c ON c.person_id = o.person_id
),
opening AS (
  SELECT person_id, number, evidence, since,
         min(CASE WHEN ended THEN greatest(days_end, CASE WHEN NOT checked_in THEN checks_end END) END) AS until,
         min(days_end) FILTER (WHERE ended AND checked_in) AS by_itself,
         -- Of several ways that count check-ins, the one that has the fewest left.
         (array_agg(jsonb_build_object('check_ins', done, 'of', check_ins) ORDER BY check_ins - done)
            FILTER (WHERE check_ins IS NOT NULL AND NOT checked_in))[1] AS progress,
         min(check_ins - done) FILTER (WHERE NOT checked_in) AS to_do
    FROM going
   GROUP BY person_id, number, evidence, since
  HAVING NOT bool_or(checked_in AND ended AND coalesce(days_end <= %(at)s, true))
),
reason AS (
  SELECT o.person_id, r.number, r.rule, r.colour, r.severity, r.priority, r.closes_when, min(o.since) AS since,
         CASE WHEN bool_and(o.until IS NOT NULL) THEN max(o.until) END AS until,
         -- When the reason ends without anybody's doing.
         CASE WHEN bool_and(o.by_itself IS NOT NULL) THEN max(o.by_itself) END AS by_itself,
         -- The piece of evidence that is furthest from its end is the one to wait for.
         coalesce((array_agg(o.progress ORDER BY o.to_do DESC) FILTER (WHERE o.progress IS NOT NULL))[1], '{{}}')
           AS progress,
         array_agg(DISTINCT o.evidence ORDER BY o.evidence) AS evidence
    FROM opening AS o JOIN rule AS r ON r.number = o.number
   GROUP BY o.person_id, r.number, r.rule, r.colour, r.severity, r.priority, r.closes_when
),
worst AS (
  SELECT person_id, max(severity) AS severity, count(*) AS reasons, min(by_itself) AS by_itself,
         jsonb_agg(jsonb_build_object('rule', rule, 'colour', colour, 'since', since, 'until', until,
                                      'closes_when', closes_when, 'evidence', to_jsonb(evidence))
                   ORDER BY severity DESC, priority DESC, number) AS listed
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


def compile_rules(body: Mapping[str, Any], tables: Tables = STORED) -> Statement:
    """Compile a rule set that `rules.check` has passed."""
    params = _Params()
    live = _LIVE.format(
        evidence_table=tables.evidence,
        fresh_days=params.add(body["declaration"]["fresh_days"]),
        normal_below=params.add(json.dumps(body["check_ins"]["normal_below"])),
    )
    numbered = list(enumerate(body["rules"]))
    openers = [_opener(number, one, params, tables) for number, rule in numbered for one in rule["opened_by"]]
    ways = [(number, way, closers) for number, rule in numbered for way, closers in enumerate(ways_out(rule))]
    closers = [
        _closer(number, way, one, params) for number, way, closers in ways for one in closers if "evidence" in one
    ]
    rule = _RULE.format(
        rules=",\n  ".join(_rule_row(number, rule, params) for number, rule in numbered),
        ways=",\n  ".join(_way_row(number, way, closers, body, params) for number, way, closers in ways),
        openers="\n  UNION ".join(openers),
        closers="\n  UNION ALL ".join(closers) or _NO_CLOSERS,
    )
    return Statement(tables.before + live + rule + _VERDICT.format(), params.values)


def ways_out(rule: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """Return a rule's ways out, each a list of conditions that must all be met."""
    closes_when = rule["closes_when"]
    return [list(way) for way in closes_when["any_of"]] if isinstance(closes_when, Mapping) else [list(closes_when)]


def _rule_row(number: int, rule: Mapping[str, Any], params: _Params) -> str:
    severity = {"yellow": 1, "red": 2}[rule["colour"]]
    cells = (
        f"{params.add(number)}::int",
        f"{params.add(rule['rule'])}::text",
        f"{params.add(rule['colour'])}::text",
        f"{params.add(severity)}::int",
        f"{params.add(rule.get('priority', 0))}::int",
        params.json(rule["closes_when"]),
        f"{params.add(rule.get('valid_from'))}::date",
        f"{params.add(rule.get('valid_to'))}::date",
    )
    return f"({', '.join(cells)})"


def _way_row(
    number: int, way: int, closers: Sequence[Mapping[str, Any]], body: Mapping[str, Any], params: _Params
) -> str:
    """Return a way's row: what must have happened before the reason ends by it."""
    one = {name: value for closer in closers for name, value in closer.items()}
    missed_day = one.get("missed_day", body["check_ins"]["missed_day"])
    cells = (
        f"{params.add(number)}::int",
        f"{params.add(way)}::int",
        f"{params.add(one.get('check_ins'))}::int",
        f"{params.add(missed_day == 'restart')}::bool",
        f"{params.add(one.get('days'))}::int",
        f"{params.add(sum('evidence' in closer for closer in closers))}::int",
    )
    return f"({', '.join(cells)})"


def _opener(number: int, opener: Mapping[str, Any], params: _Params, tables: Tables) -> str:
    where = _where(opener["kind"], opener.get("where", {}), params)
    if "unless_explained" in opener:
        where += f" AND NOT e.explained @> {params.json([opener['unless_explained']])}"
    if "risk_level" in opener:
        within = params.add(opener.get("within_days", ANY_AGE))
        return _OPENED_BY_STAY.format(
            risk_area_table=tables.risk_areas,
            number=params.add(number),
            level=params.add(opener["risk_level"]),
            where=where,
            within=within,
        )
    if "within_days" in opener:
        where += f" AND e.known_day - e.day <= {params.add(opener['within_days'])}::int"
    return _OPENED_BY_FACT.format(number=params.add(number), where=where)


def _closer(number: int, way: int, closer: Mapping[str, Any], params: _Params) -> str:
    names = {"number": params.add(number), "way": params.add(way)}
    kind, count = closer["evidence"], closer.get("count", 1)
    if count == 1:
        return _ENDED_BY_ONE.format(**names, where=_where(kind, closer.get("where", {}), params))
    apart = params.add(closer["apart_hours"])
    further = (_FURTHER.format(before=this - 1, this=this, apart=apart) for this in range(2, count + 1))
    return _ENDED_BY_SOME.format(
        **names,
        kind=params.add(kind),
        where=_where(kind, closer.get("where", {}), params),
        breaks=_where(kind, closer["broken_by"], params) if "broken_by" in closer else "false",
        further="".join(further),
        last=f"piece_{count}",
        within=params.add(closer.get("within_days", ANY_AGE)),
    )


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
