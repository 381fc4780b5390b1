"""The story: all evidence of the last days, collected part by part, written in the order in which it became known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from citybrain.demo.city.world import Flags, Instants, Ints
from citybrain.demo.history import copying
from citybrain.demo.history.copying import Texts
from healthcode.kinds import Kind

NO_AUTHOR = 0
FIELDS = ("kind", "source", "facts", "person", "author", "true_at", "known_at")


@dataclass(frozen=True)
class Evidence:
    """Evidence in the order in which it became known."""

    kind: Texts
    source: Texts
    # JSON.
    facts: Texts
    # Numbers, not ids.
    person: Ints
    author: Ints
    true_at: Instants
    known_at: Instants

    def __len__(self) -> int:
        """Return how many pieces."""
        return len(self.person)


class Story:
    """Collects evidence; what would become known after the present is left out."""

    def __init__(self, now: np.datetime64) -> None:
        """Begin with nothing."""
        self.now = now
        self._parts: list[Evidence] = []

    def tell(
        self,
        kind: Kind,
        person: Ints,
        known_at: Instants,
        facts: Texts | str,
        source: Texts | str,
        *,
        true_at: Instants | None = None,
        author: Ints | None = None,
    ) -> None:
        """Add a piece of evidence per person; true when known unless said otherwise, of no author unless named."""
        told = ~np.isnat(known_at) & (known_at <= self.now)
        known = known_at[told].astype("datetime64[us]")
        true = known if true_at is None else np.minimum(true_at[told].astype("datetime64[us]"), known)
        authors = np.zeros(len(known), np.int64) if author is None else author[told]
        kinds = np.full(len(known), kind.value, dtype=object)
        self._parts.append(
            Evidence(kinds, _column(source, told), _column(facts, told), person[told], authors, true, known)
        )

    def evidence(self) -> Evidence:
        """Return all that was told, in the order in which it became known."""
        whole = {name: np.concatenate([getattr(part, name) for part in self._parts]) for name in FIELDS}
        order = np.lexsort((whole["true_at"], whole["known_at"]))
        return Evidence(**{name: column[order] for name, column in whole.items()})


def write(evidence: Evidence) -> None:
    """Write evidence, and the rest of the form of each declaration by what the register says of the person."""
    ids = copying.append(
        "healthcode_evidence",
        {
            "person_id": copying.numbers(evidence.person + 1),
            "kind": evidence.kind.tolist(),
            "true_at": copying.instants(evidence.true_at),
            "known_at": copying.instants(evidence.known_at),
            "source": evidence.source.tolist(),
            "author": copying.numbers(evidence.author, evidence.author == NO_AUTHOR),
            "facts": evidence.facts.tolist(),
        },
    )
    step = copying.ROWS_A_TRANSACTION
    for first in range(ids.start, ids.stop, step):
        copying.run(_DECLARATIONS, {"first": first, "end": min(first + step, ids.stop)})
    copying.run("ANALYZE healthcode_declaration")


def facts(**values: object) -> str:
    """Return facts as JSON that COPY reads."""
    return json.dumps(values, ensure_ascii=False).replace("\\", "\\\\")


def _column(value: Texts | str, told: Flags) -> Texts:
    return np.full(int(told.sum()), value, dtype=object) if isinstance(value, str) else value[told]


def named(symptoms: Sequence[str]) -> list[str]:
    """Return symptoms as facts name them, each once."""
    return sorted(set(symptoms))


_DECLARATIONS = """
INSERT INTO healthcode_declaration
       (person_id, evidence_id, area_id, address, building, work, organisation_id, declared_at)
SELECT p.id, e.id, p.area_id, p.address, room.building_id, coalesce(o.name, ''), o.id, e.known_at
  FROM healthcode_evidence AS e
  JOIN core_person AS p ON p.id = e.person_id
  LEFT JOIN community_householdmember AS member ON member.person_id = p.id
  LEFT JOIN community_household AS household ON household.id = member.household_id
  LEFT JOIN community_room AS room ON room.id = household.room_id
  LEFT JOIN LATERAL (SELECT organisation_id FROM core_membership WHERE person_id = p.id LIMIT 1) AS works ON true
  LEFT JOIN core_organisation AS o ON o.id = works.organisation_id
 WHERE e.kind = 'declaration' AND e.id >= %(first)s AND e.id < %(end)s
 ORDER BY e.id
"""
