"""The history: what the product would have kept of the last days of a world, had it been there."""

import numpy as np

from citybrain.core import chain
from citybrain.demo.city.world import Ints, World
from citybrain.demo.history import (
    alarms,
    checking_in,
    codes,
    copying,
    declaring,
    drawing,
    findings,
    illness,
    passing,
    reporting,
    staff,
    story,
    watching,
)
from citybrain.demo.history.drawing import PerPerson

# Tells this part's draws from those of the city.
DRAW = 0x68697374


def write(world: World) -> None:
    """Write evidence, codes, passes, alerts and orders into a database that has the register, rules and gates.

    Nobody acted: the audit trail names the staff that is made, and nothing else. It is sealed up to there.
    """
    rng = np.random.default_rng(np.random.SeedSequence([world.seed, DRAW]))
    workers = staff.make(rng)
    while chain.seal():
        pass
    guards = _by_number(workers.guard)
    seen = PerPerson.of(len(world.residents), world.scans)
    evidence = _evidence(rng, world, seen, guards)
    _let_rules_hold(world)
    story.write(evidence)
    _give_numbers(rng, world)
    codes.follow(evidence, now=drawing.instant(world.now))
    said = passing.Codes(len(world.residents))
    planned = watching.Planned(rng, world, said, seen)
    passes = passing.decide(rng, world, said, planned.scans)
    passing.write(rng, world, passes, guards)
    called = list(watching.calls(world, passes, planned))
    reporting.write(rng, alarms.District(rng, workers, world.now).follow(called))


def _evidence(rng: np.random.Generator, world: World, seen: PerPerson, guards: Ints) -> story.Evidence:
    """Return all that became known of anybody."""
    told = story.Story(drawing.instant(world.now))
    health = illness.draw(rng, world, seen)
    declaring.tell(told, rng, world, health, seen)
    illness.tell_in_clinic(told, rng, health)
    findings.tell(told, rng, world, health)
    findings.tell_of_hot_foreheads(told, rng, world, guards)
    checking_in.tell(told, rng, world, health)
    return told.evidence()


def _by_number(guard: dict[int, int]) -> Ints:
    """Return the guards' ids by the ids of their places."""
    ids = np.zeros(max([0, *guard]) + 1, np.int64)
    for place, user in guard.items():
        ids[place] = user
    return ids


def _let_rules_hold(world: World) -> None:
    """Let the rules that are in force be in force from before the first declaration."""
    copying.run(
        "UPDATE healthcode_ruleactivation SET valid_from = least(valid_from, %s)"
        " WHERE id = (SELECT id FROM healthcode_ruleactivation ORDER BY valid_from DESC, id DESC LIMIT 1)",
        [drawing.aware(declaring.opened_at(world))],
    )


def _give_numbers(rng: np.random.Generator, world: World) -> None:
    """Give a code number to everyone who has a phone."""
    rows = copying.read(
        "SELECT DISTINCT person_id FROM core_phone WHERE person_id <= %s ORDER BY 1", [len(world.residents)]
    )
    limits = np.iinfo(np.int64)
    drawn = rng.integers(limits.min, limits.max, len(rows))
    issued = np.full(len(rows), declaring.opened_at(world))
    copying.append(
        "healthcode_codenumber",
        {
            "person_id": [str(person) for (person,) in rows],
            "number": copying.numbers(drawn),
            "issued_at": copying.instants(issued),
        },
    )
