"""Isolation: ordered on an open reason, ended when no ground is left, confirmed by the county, or released by hand."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, outbox, photos
from citybrain.core.models import Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import isolation_queries as queries
from healthcode.actions.evidence import Said, record_all
from healthcode.actions.submit import submit_evidence
from healthcode.check_in_queries import let_in as let_in_by
from healthcode.kinds import Kind
from healthcode.models import Evidence, Isolation, Reason

# A batch is a transaction of its own.
BATCH = 100
# Of open isolations, those none of whose grounds is open any more.
_OVER = """
SELECT i.id FROM healthcode_isolation AS i
 WHERE i.ended_at IS NULL AND (%(persons)s::bigint[] IS NULL OR i.person_id = ANY(%(persons)s::bigint[]))
   AND NOT EXISTS (SELECT FROM healthcode_reason AS r
                    WHERE r.person_id = i.person_id AND r.closed_at IS NULL AND r.rule = ANY(i.grounds))
 ORDER BY i.id LIMIT %(batch)s
"""


class IsolationError(Exception):
    """Something that is not possible as things stand; its text says why, to whoever tried."""


@dataclass(frozen=True)
class Order:
    """Where and for how long somebody is to stay."""

    place: str
    address: str
    first_day: dt.date
    last_day: dt.date


def order_isolation(*, person: Person, order: Order, seen: int, by: User) -> Isolation | None:
    """Order isolation on the person's open reasons, in the place of one that goes on; None while the order is held.

    `seen` is the id of the isolation that the form was drawn with, 0 for none: sent twice, it is ordered once. Raises
    IsolationError when there is no open reason, or another order came first.
    """
    facts = {
        "place": order.place,
        "from": order.first_day.isoformat(),
        "to": order.last_day.isoformat(),
        **({"address": order.address} if order.address else {}),
    }
    now_there = queries.going_on(person)
    if (now_there.pk if now_there else 0) != seen:
        raise IsolationError(_("Somebody else has given or ended an order meanwhile. Look at the page again."))
    if not queries.open_reasons(person):
        raise IsolationError(_("There is no open reason, so nobody may be isolated. Record the evidence first."))
    with transaction.atomic():
        submitted = submit_evidence(
            said=[Said(person, Kind.ISOLATION_ORDER, facts)],
            source=Evidence.Source.DISEASE_CONTROL,
            by=by,
            under=Act.ORDER_ISOLATION,
        )
        return begin_for(submitted.evidence[0]) if submitted.evidence else None


def begin_for(evidence: Evidence) -> Isolation | None:
    """Begin the isolation that a piece of evidence orders; one that goes on ends for it.

    None when no reason is open (any more): then there is no ground. Done twice, it is done once.
    """
    with transaction.atomic():
        person = Person.objects.select_for_update(no_key=True).get(pk=evidence.person_id)
        begun = Isolation.objects.filter(order=evidence).first()
        grounds = sorted({reason.rule for reason in queries.open_reasons(person)})
        if begun is not None or not grounds:
            return begun
        now, facts = clock.now(), evidence.facts
        Isolation.objects.going_on().filter(person=person).update(ended_at=now)
        isolation = Isolation.objects.create(
            person=person,
            order=evidence,
            place=facts["place"],
            area_id=person.area_id,
            address=facts.get("address", person.address),
            first_day=dt.date.fromisoformat(facts["from"]),
            last_day=dt.date.fromisoformat(facts["to"]),
            grounds=grounds,
        )
        by = User.objects.filter(pk=evidence.author).first() if evidence.author else None
        _record(Deed.ORDER_ISOLATION, isolation, by, Act.ORDER_ISOLATION if by else None)
    return isolation


def follow_hold(payload: Mapping[str, Any]) -> None:
    """Handle `hold.decided`: an order or a release that was let in begins or ends an isolation."""
    let_in = Evidence.objects.filter(pk__in=let_in_by(payload["hold"]))
    for evidence in let_in.select_related("person").order_by("pk"):
        if evidence.kind == Kind.ISOLATION_ORDER:
            begin_for(evidence)
        elif evidence.kind == Kind.ISOLATION_RELEASE:
            end_by(evidence)


def end_isolations(*, persons: Iterable[int] | None = None) -> int:
    """End the isolations (of these persons, of all if none are named) that have no open ground; return how many."""
    ids = None if persons is None else list(persons)
    ended, batch = 0, _over(ids)
    while batch:
        with transaction.atomic():
            ended += sum(_end_by_rules(isolation, ids) for isolation in batch)
        batch = _over(ids) if len(batch) == BATCH else []
    return ended


def _over(persons: list[int] | None) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_OVER, {"persons": persons, "batch": BATCH})
        return [isolation for (isolation,) in cursor.fetchall()]


def _end_by_rules(pk: int, persons: list[int] | None) -> bool:
    """End one isolation unless somebody else has just done so, or a ground has opened again."""
    person_id = Isolation.objects.values_list("person_id", flat=True).get(pk=pk)
    person = Person.objects.select_for_update(no_key=True).get(pk=person_id)
    if pk not in _over([person.pk] if persons is None else persons):
        return False
    isolation = Isolation.objects.get(pk=pk)
    said = [Said(person, Kind.ISOLATION_RELEASE, {"order": isolation.order_id})]
    evidence, _changes = record_all(said=said, source=Evidence.Source.RULES, by=None, unit="")
    end_by(evidence[0])
    return True


def end_by(evidence: Evidence) -> Isolation | None:
    """End the isolation that a release names, unless it has ended; its person is told."""
    with transaction.atomic():
        held = Isolation.objects.going_on().select_for_update(of=("self",)).filter(order=evidence.facts.get("order"))
        isolation = held.first()
        if isolation is None:
            return None
        isolation.release, isolation.ended_at = evidence, clock.now()
        isolation.save(update_fields=["release", "ended_at"])
        by = User.objects.filter(pk=evidence.author).first() if evidence.author else None
        _record(Deed.END_ISOLATION, isolation, by, Act.RELEASE_FROM_ISOLATION if by else None)
        outbox.publish("isolation.ended", isolation=isolation.pk)
    return isolation


def release_by_hand(*, isolation: Isolation, why: str, jpeg: bytes, by: User) -> bool:
    """End an isolation before the rules do, with a document; whether it has ended, as it may wait for a second person.

    The reasons stay, and with them the colour.
    """
    with transaction.atomic():
        document = photos.keep(jpeg=jpeg, area=isolation.area, by=by)
        facts = {"order": isolation.order_id, "why": why}
        submitted = submit_evidence(
            said=[Said(isolation.person, Kind.ISOLATION_RELEASE, facts, document=document)],
            source=Evidence.Source.DISEASE_CONTROL,
            by=by,
            under=Act.RELEASE_FROM_ISOLATION,
        )
        if not submitted.evidence:
            return False
        end_by(submitted.evidence[0])
    return True


def confirm_release(*, reason: Reason, by: User) -> bool:
    """Confirm for the county that a reason may end whose other conditions are met; whether it is recorded, not held.

    Raises IsolationError for whoever gave the order, and when something else is still open.
    """
    isolation = queries.going_on(reason.person)
    if not queries.confirmable([reason]):
        raise IsolationError(_("This was not done: something else is still open, or it has been confirmed already."))
    if isolation is not None and isolation.order.author == by.pk:
        raise IsolationError(_("Whoever ordered the isolation does not confirm its end. Ask somebody else."))
    facts = {"order": isolation.order_id} if isolation is not None else {}
    submitted = submit_evidence(
        said=[Said(reason.person, Kind.COUNTY_CONFIRMATION, facts)],
        source=Evidence.Source.DISEASE_CONTROL,
        by=by,
        under=Act.CONFIRM_RELEASE,
    )
    end_isolations(persons=[reason.person_id])
    return bool(submitted.evidence)


def _record(deed: Deed, isolation: Isolation, by: User | None, under: Act | None) -> None:
    audit.record(
        deed,
        by=by,
        under=under,
        where=("area", [isolation.area_id]),
        subjects=[isolation.person_id],
        target=f"isolation:{isolation.pk}",
        detail={"order": isolation.order_id},
    )
