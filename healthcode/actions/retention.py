"""What dies of the health code, and when: so far what test walks left behind."""

from citybrain.core import retention

# Those who have not declared lately; what is theirs goes together.
_WALKERS = f"""person_id IN ({retention.SMOKE_PERSONS}) AND NOT EXISTS (
    SELECT FROM healthcode_evidence AS e WHERE e.person_id = {{table}}.person_id AND e.known_at >= %(smoke)s)"""
# Evidence last: the others are found by its age, and one points to it.
TABLES = ("declaration", "reason", "codechange", "codestate", "codenumber", "papercode", "evidence")


def erase(erasure: retention.Erasure) -> None:
    """Delete the health data that test walks left."""
    for table in (f"healthcode_{name}" for name in TABLES):
        erasure.delete(table, _WALKERS.format(table=table), {"smoke": erasure.smoke_before})
