"""Erasing persons who asked for it: where they lived."""

from citybrain.core import erasing, retention


def erase_on_request(erasure: retention.Erasure) -> None:
    """Take whoever has been cleared out of their household; alerts and orders name nobody then."""
    erasure.delete("community_householdmember", f"person_id IN ({erasing.CLEARED})", {})
