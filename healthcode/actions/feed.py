"""What laboratories and clinics send: evidence of many, each piece under the sender's own id, so that twice is once."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from citybrain.core import clock, crypto, documents, turns
from citybrain.core.models import Document, Person
from citybrain.core.models.audit import Deed
from healthcode import kinds
from healthcode.actions.consent import put_on_record
from healthcode.actions.evidence import Said
from healthcode.actions.submit import submit_evidence
from healthcode.models import AppKey, Evidence, FeedItem, Hold
from healthcode.permissions import RECORDED_UNDER
from healthcode.scopes import evidence_scope

MOST = 500
# Where evidence of a kind comes from; of every other kind, from the clinic.
_SOURCES: Mapping[str, Evidence.Source] = {kinds.Kind.TEST_RESULT: Evidence.Source.LABORATORY}


@dataclass(frozen=True)
class Item:
    """One piece as it was sent."""

    sender_ref: str
    document_type: str
    document_number: str = field(repr=False)
    kind: str
    facts: Mapping[str, Any] = field(repr=False)
    true_at: dt.datetime
    # The sender's id of an earlier piece about the same person that this one stands in for.
    replaces: str = ""

    @property
    def digest(self) -> str:
        """What tells this piece from another under the same id."""
        number = documents.normalise(self.document_number)
        words = [self.document_type, number, self.kind, self.true_at.isoformat(), self.replaces, dict(self.facts)]
        return crypto.digest("feed", json.dumps(words, sort_keys=True))


@dataclass(frozen=True)
class Outcome:
    """What became of one piece: "recorded", "held", "refused" by whoever looked at it, or "error" and why."""

    status: str
    code: str = ""
    errors: Mapping[str, Any] | None = None
    hold: str = ""


def send(*, key: AppKey, items: Sequence[Item]) -> list[Outcome]:
    """Record a batch; return what became of each piece, in its order. Pieces of one kind go in together or are held.

    Raises NoRulesError when no rules are in force; what went in before then stays, and is known when it comes again.
    """
    outcomes: dict[int, Outcome] = {}
    persons = _persons(items)
    seen: set[str] = set()
    for index, item in enumerate(items):
        problem = _problem(key, item, persons)
        if item.sender_ref in seen:
            problem = Outcome("error", "twice_in_one_batch")
        seen.add(item.sender_ref)
        if problem:
            outcomes[index] = problem
    for kind in sorted({item.kind for index, item in enumerate(items) if index not in outcomes}):
        group = {index: item for index, item in enumerate(items) if item.kind == kind and index not in outcomes}
        outcomes |= _send_kind(key, kind, group, persons)
    return [outcomes[index] for index in range(len(items))]


def _persons(items: Sequence[Item]) -> dict[str, Person]:
    """Return who holds which document, by the text of type and number, in one statement."""
    wanted: dict[bytes, str] = {}
    for item in items:
        for tag in crypto.blind_indexes(item.document_type, documents.normalise(item.document_number)):
            wanted[tag] = _document(item)
    found = Document.objects.filter(number_index__in=list(wanted)).select_related("person__area")
    return {wanted[bytes(row.number_index)]: row.person for row in found}


def _document(item: Item) -> str:
    return f"{item.document_type}|{documents.normalise(item.document_number)}"


def _problem(key: AppKey, item: Item, persons: Mapping[str, Person]) -> Outcome | None:
    """Return what is wrong with a piece by itself."""
    if evidence_scope(item.kind) not in key.scopes:
        return Outcome("error", "scope_missing")
    try:
        kinds.check(item.kind, item.facts)
        documents.check(item.document_type, item.document_number)
    except ValidationError as problem:
        told = problem.message_dict if hasattr(problem, "error_dict") else {"document_number": problem.messages}
        return Outcome("error", "invalid", told)
    if item.true_at > clock.now():
        return Outcome("error", "in_the_future")
    person = persons.get(_document(item))
    if person is None or person.area.is_smoke != key.organisation.area.is_smoke:
        return Outcome("error", "not_on_record")
    return None


def _send_kind(key: AppKey, kind: str, group: Mapping[int, Item], persons: Mapping[str, Person]) -> dict[int, Outcome]:
    with transaction.atomic():
        # Batches of one organisation take turns, so that the same one sent twice at once finds itself.
        turns.take(hashlib.sha256(f"feed:{key.organisation_id}".encode()).digest())
        named = {item.sender_ref for item in group.values()} | {one.replaces for one in group.values() if one.replaces}
        rows = FeedItem.objects.filter(organisation=key.organisation_id, sender_ref__in=named)
        known = {row.sender_ref: row for row in rows.select_related("held__evidence", "held__hold", "evidence")}
        outcomes: dict[int, Outcome] = {}
        said: dict[int, Said] = {}
        for index, item in group.items():
            if item.sender_ref in known:
                outcomes[index] = _before(known[item.sender_ref], item)
                continue
            person = persons[_document(item)]
            withdrawn = _replaced(known.get(item.replaces), person, kind)
            if item.replaces and withdrawn is None:
                outcomes[index] = Outcome("error", "nothing_to_replace")
                continue
            said[index] = Said(person, kind, item.facts, item.true_at, withdraws=withdrawn)
        return outcomes | (_submit(key, kind, group, said) if said else {})


def _submit(key: AppKey, kind: str, group: Mapping[int, Item], said: Mapping[int, Said]) -> dict[int, Outcome]:
    under = RECORDED_UNDER[kind][0]
    source = _SOURCES.get(kind, Evidence.Source.CLINIC)
    done = submit_evidence(said=list(said.values()), source=source, by=None, under=under, feed=key.unit)
    held = list(done.hold.items.order_by("id")) if done.hold else []
    now = clock.now()
    FeedItem.objects.bulk_create(
        FeedItem(
            organisation_id=key.organisation_id,
            sender_ref=group[index].sender_ref,
            key=key,
            digest=group[index].digest,
            person=one.person,
            sent_at=now,
            evidence=None if done.hold else done.evidence[number],
            held=held[number] if done.hold else None,
        )
        for number, (index, one) in enumerate(said.items())
    )
    subjects = sorted({one.person.pk for one in said.values()})
    deed = Deed.HOLD_EVIDENCE if done.hold else Deed.RECORD_EVIDENCE
    put_on_record(deed, key, subjects, kind=kind, pieces=len(said))
    became = Outcome("held", hold=str(done.hold.ref)) if done.hold else Outcome("recorded")
    return dict.fromkeys(said, became)


def _before(row: FeedItem, item: Item) -> Outcome:
    """Return what became of a piece that came before."""
    if row.digest != item.digest:
        return Outcome("error", "other_words")
    if row.held is None or row.held.evidence is not None:
        return Outcome("recorded")
    hold = row.held.hold
    return Outcome("refused" if hold.state == Hold.State.REFUSED else "held", hold=str(hold.ref))


def _replaced(row: FeedItem | None, person: Person, kind: str) -> Evidence | None:
    """Return the evidence that an earlier piece became, where one of this person and kind may stand in for it."""
    evidence = None if row is None else row.evidence or (row.held.evidence if row.held else None)
    return evidence if evidence and (evidence.person_id, evidence.kind) == (person.pk, kind) else None
