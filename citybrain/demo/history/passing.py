"""Passes: what the gates decided on each scan, by what the code said at that moment."""

from dataclasses import dataclass, replace

import numpy as np

from accesslog.actions.passes import make_partition
from accesslog.models import ADMITTING, Lane, PassCursor, Place, Result
from citybrain.core.models import Phone
from citybrain.demo.city.world import NOBODY, Flags, Instants, Ints, Scans, World
from citybrain.demo.history import copying, drawing
from citybrain.demo.history.drawing import PerPerson
from healthcode.models import State

# What a code can say, the first where there is no change yet, and the last where nobody is known.
STATES = (State.NOT_KNOWN, State.GREEN, State.YELLOW, State.RED, State.EXPIRED, "")
NOBODYS = len(STATES) - 1
GREEN, YELLOW = 1, 2
RESULTS = (
    Result.NOT_KNOWN, Result.GREEN, Result.YELLOW, Result.RED, Result.EXPIRED, Result.YELLOW_ADMITTED,
    Result.UNREADABLE, Result.STALE, Result.REPLAYED, Result.NO_PERSON, Result.FORGED,
)  # fmt: skip
YELLOW_ADMITTED, FIRST_FAULT = 5, 6
SHARES_OF_FAULTS = (0.35, 0.3, 0.15, 0.15, 0.05)
REPLAYED, NO_PERSON = RESULTS.index(Result.REPLAYED), RESULTS.index(Result.NO_PERSON)
LANES = (Lane.TOKEN, Lane.DOCUMENT)
# Texts of so many rows fit into memory side by side.
SLICE = 200_000
SHARE_OF_FAULTS, SHARE_BY_DOCUMENT, SHARE_DELAYED = 0.004, 0.03, 0.002


@dataclass(frozen=True)
class Passes:
    """Passes in the order of their receipt; numbers in RESULTS, STATES and LANES."""

    scans: Scans
    received_at: Instants
    result: Ints
    state: Ints
    lane: Ints

    @property
    def is_admitted(self) -> Flags:
        """Who was let through."""
        admitting = np.array([result in ADMITTING for result in RESULTS])
        return np.asarray(admitting[self.result])


class Codes:
    """What every code said at any instant."""

    def __init__(self, people: int) -> None:
        """Read all changes."""
        rows = copying.read(
            "SELECT person_id - 1, (extract(epoch FROM at) * 1000000)::bigint,"
            " array_position(%s::text[], after::text) - 1 FROM healthcode_codechange ORDER BY person_id, at, id",
            [[str(state) for state in STATES]],
        )
        person, at, after = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        self._changes = PerPerson(people, person, at.astype("datetime64[us]"))
        # Before each person's first change stands what is said of those without any.
        self._after = np.concatenate([[0], after])
        self._first = self._changes.rank(np.arange(people), np.full(people, np.datetime64("1970-01-01", "us")))

    def at(self, person: Ints, at: Instants) -> Ints:
        """Return the numbers in STATES of what persons' codes said at instants; NOBODY has none."""
        whose = np.maximum(person, 0)
        seen = self._changes.rank(whose, drawing.fine(at) + drawing.TICK)
        state = np.where(seen > self._first[whose], self._after[seen], 0)
        return np.where(person == NOBODY, NOBODYS, state)


def decide(rng: np.random.Generator, world: World, codes: Codes, planned: Scans) -> Passes:
    """Let the gates decide on all scans, on those that are planned for the last hours, and on what was no good code."""
    has_phone = np.zeros(len(world.residents), bool)
    has_phone[np.array(Phone.objects.values_list("person", flat=True), dtype=np.int64) - 1] = True
    true = joined([world.scans, planned])
    faulty, faults = _faults(rng, world)
    scans = joined([true, faulty])
    state = codes.at(scans.person, scans.at)
    fault = np.concatenate([np.zeros(len(true.person), np.int64), faults])
    by_document = ~has_phone[scans.person] | (rng.random(len(scans.person)) < SHARE_BY_DOCUMENT) | (fault == NO_PERSON)
    delay = np.where(rng.random(len(scans.at)) < SHARE_DELAYED, rng.uniform(30, 600, len(scans.at)), 0)
    received = scans.at + drawing.hours((rng.lognormal(-1.3, 0.5, len(scans.at)) + delay) / 3600)
    received = np.minimum(received, np.maximum(scans.at, drawing.instant(world.now)))
    passes = Passes(
        scans=scans,
        received_at=received,
        result=np.where(fault > 0, fault, _by_state(state, scans.place)),
        state=np.where((fault > 0) & (fault != REPLAYED), NOBODYS, state),
        lane=np.where(by_document & ((fault == 0) | (fault == NO_PERSON)), 1, 0),
    )
    unknown = passes.state == NOBODYS
    passes = replace(passes, scans=replace(scans, person=np.where(unknown, NOBODY, scans.person)))
    return _taken(passes, np.argsort(received, kind="stable"))


def write(rng: np.random.Generator, world: World, passes: Passes, guard_of_place: Ints) -> None:
    """Write passes, what the consumer counts of them, and its position behind them."""
    scans = passes.scans
    for day in np.unique(drawing.day_of(scans.at)):
        make_partition(day=day.astype(object))
    for first in range(0, len(scans.at), SLICE):
        which = np.arange(first, min(first + SLICE, len(scans.at)))
        copying.copy("accesslog_pass", _columns(rng, which + 1, _taken(passes, which), guard_of_place))
    copying.run("SELECT setval(pg_get_serial_sequence('accesslog_pass', 'id'), %s)", [max(len(scans.at), 1)])
    copying.run("ANALYZE accesslog_pass")
    days = np.unique(drawing.day_of(passes.received_at))
    for begin, end in zip(
        copying.instants(drawing.midnight(days)), copying.instants(drawing.midnight(days + 1)), strict=True
    ):
        copying.run(_COUNT, {"begin": begin, "end": end})
    copying.run("ANALYZE accesslog_passcount")
    copying.run(_VERIFIED)
    copying.run(_SEEN)
    _move_on(world)


def _columns(rng: np.random.Generator, ids: Ints, passes: Passes, guard_of_place: Ints) -> dict[str, list[str]]:
    scans = passes.scans
    nonces = rng.bytes(16 * len(ids)).hex()
    return {
        "id": copying.numbers(ids),
        "device_id": copying.numbers(scans.device),
        "nonce": [nonces[at : at + 32] for at in range(0, len(nonces), 32)],
        "scanned_at": copying.instants(scans.at),
        "received_at": copying.instants(passes.received_at),
        "skew_ms": copying.numbers(np.rint(rng.normal(0, 400, len(ids))).astype(np.int64)),
        "point_id": copying.numbers(scans.point),
        "place_id": copying.numbers(scans.place),
        "area_id": copying.numbers(scans.area),
        "person_id": copying.numbers(scans.person + 1, scans.person == NOBODY),
        "lane": copying.pick(LANES, passes.lane),
        "result": copying.pick(RESULTS, passes.result),
        "is_admitted": copying.pick(("f", "t"), passes.is_admitted.astype(np.int64)),
        "state": copying.pick(STATES, passes.state),
        "operator": copying.numbers(guard_of_place[scans.place]),
    }


def joined(parts: list[Scans]) -> Scans:
    """Return scans one after the other."""
    names = ("person", "device", "point", "place", "area", "at")
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Scans(**whole | {"at": whole["at"].astype("datetime64[us]")})


def taken(scans: Scans, which: Ints) -> Scans:
    """Return some of the scans."""
    names = ("person", "device", "point", "place", "area", "at")
    return Scans(**{name: getattr(scans, name)[which] for name in names})


def _taken(passes: Passes, which: Ints) -> Passes:
    return Passes(
        taken(passes.scans, which),
        passes.received_at[which],
        passes.result[which],
        passes.state[which],
        passes.lane[which],
    )


def _faults(rng: np.random.Generator, world: World) -> tuple[Scans, Ints]:
    """Return what was held under a camera shortly before a scan and was no good code, with its numbers in RESULTS."""
    chosen = np.flatnonzero(rng.random(len(world.scans.at)) < SHARE_OF_FAULTS)
    before = taken(world.scans, chosen)
    at = drawing.later(rng, before.at, -25 / 3600, -5 / 3600)
    return replace(before, at=at), FIRST_FAULT + drawing.choose(rng, SHARES_OF_FAULTS, len(chosen))


def _by_state(state: Ints, place: Ints) -> Ints:
    """Return what a place makes of a state, as accesslog.actions.passes does."""
    rows = list(Place.objects.values_list("pk", "admits"))
    admits_yellow = np.zeros(max([0, *(pk for pk, _admits in rows)]) + 1, bool)
    for pk, admits in rows:
        admits_yellow[pk] = State.YELLOW in admits
    return np.where((state == YELLOW) & admits_yellow[place], YELLOW_ADMITTED, state)


def _move_on(world: World) -> None:
    """Set the consumer's position behind the passes, in the era that it will find."""
    last = copying.read("SELECT xid::text::bigint, id FROM accesslog_pass ORDER BY xid DESC, id DESC LIMIT 1")
    ((era,),) = copying.read("SELECT coalesce(max(id), 0) FROM core_xidera")
    for xid, last_pass in last:
        position = {"era": era, "xid": xid, "last_pass": last_pass, "moved_at": world.now}
        PassCursor.objects.update_or_create(name=PassCursor.WATCH, defaults=position)


_COUNT = """
INSERT INTO accesslog_passcount (minute, area_id, result, count)
SELECT date_trunc('minute', received_at), area_id, result, count(*) FROM accesslog_pass
 WHERE received_at >= %(begin)s AND received_at < %(end)s
   AND scanned_at >= %(begin)s::timestamptz - interval '1 day' AND scanned_at < %(end)s
 GROUP BY 1, 2, 3
"""
# The first guard who holds a document notes it.
_VERIFIED = """
UPDATE core_document AS d SET verified_at = shown.at
  FROM (SELECT person_id, min(scanned_at) AS at FROM accesslog_pass
         WHERE lane = 'document' AND person_id IS NOT NULL GROUP BY person_id) AS shown
 WHERE d.person_id = shown.person_id AND d.verified_at IS NULL
"""
_SEEN = """
UPDATE accesslog_device AS d SET last_seen_at = seen.at
  FROM (SELECT device_id, max(received_at) AS at FROM accesslog_pass GROUP BY device_id) AS seen
 WHERE d.id = seen.device_id
"""
