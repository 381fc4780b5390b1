"""Erasing the health data of persons who asked for it: drafts at once, the rest when its time is over."""

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connections, transaction

from citybrain.core import clock, retention
from citybrain.core.models import ErasureRequest
from healthcode.models import DeclarationDraft

log = logging.getLogger(__name__)

# Answered with yes, and: the newest evidence is old enough, no reason, isolation or appeal is open.
_DUE = """
SELECT r.person_id FROM core_erasurerequest AS r
 WHERE r.outcome = 'erase' AND r.taken_back_at IS NULL AND r.cleared_at IS NULL
   AND NOT EXISTS (SELECT FROM healthcode_evidence AS e WHERE e.person_id = r.person_id AND e.known_at > %(before)s)
   AND NOT EXISTS (SELECT FROM healthcode_reason AS o WHERE o.person_id = r.person_id AND o.closed_at IS NULL)
   AND NOT EXISTS (SELECT FROM healthcode_isolation AS i WHERE i.person_id = r.person_id AND i.ended_at IS NULL)
   AND NOT EXISTS (SELECT FROM healthcode_appeal AS a
                    WHERE a.person_id = r.person_id AND a.state NOT IN ('decided', 'taken_back'))
"""
_PHOTOS = """
SELECT p.photo_id FROM healthcode_appealpaper AS p JOIN healthcode_appeal AS a ON a.id = p.appeal_id
 WHERE a.person_id = %(person)s
UNION SELECT document_id FROM healthcode_evidence WHERE person_id = %(person)s AND document_id IS NOT NULL
UNION SELECT document_id FROM healthcode_helditem WHERE person_id = %(person)s AND document_id IS NOT NULL
UNION SELECT proof_id FROM healthcode_guardianship WHERE person_id = %(person)s
UNION SELECT picture_id FROM healthcode_correction WHERE person_id = %(person)s AND picture_id IS NOT NULL
"""
_CASES = "appeal_id IN (SELECT id FROM healthcode_appeal WHERE person_id = %(person)s)"
_OF_PERSON = "person_id = %(person)s"
# As foreign keys want it: every table that says something of a person.
TABLES = (
    ("healthcode_appealpaper", _CASES),
    ("healthcode_appealstep", _CASES),
    ("healthcode_appeal", _OF_PERSON),
    ("healthcode_checkinreminder", _OF_PERSON),
    ("healthcode_impact", _OF_PERSON),
    ("healthcode_feeditem", _OF_PERSON),
    ("healthcode_helditem", _OF_PERSON),
    ("healthcode_isolation", _OF_PERSON),
    ("healthcode_guardianship", _OF_PERSON),
    ("healthcode_correction", _OF_PERSON),
    ("healthcode_consent", _OF_PERSON),
    ("healthcode_declaration", _OF_PERSON),
    ("healthcode_reason", _OF_PERSON),
    ("healthcode_codechange", _OF_PERSON),
    ("healthcode_codestate", _OF_PERSON),
    ("healthcode_codenumber", _OF_PERSON),
    ("healthcode_papercode", _OF_PERSON),
    ("healthcode_evidence", _OF_PERSON),
    ("core_photo", "id = ANY(%(photos)s)"),
)
_CLEARED = "UPDATE core_erasurerequest SET cleared_at = %(now)s WHERE person_id = %(person)s AND outcome = 'erase'"


def drop_drafts(payload: Mapping[str, Any]) -> None:
    """Handle `erasure.asked`: what was typed and never sent goes at once."""
    request = ErasureRequest.objects.get(pk=payload["request"])
    if request.person is not None:
        DeclarationDraft.objects.filter(user__person=request.person_id).delete()


def erase_on_request(erasure: retention.Erasure) -> None:
    """Delete the health data of whoever asked, all of one person's or none."""
    before = clock.now() - settings.ERASE_EVIDENCE_AFTER
    for person in retention.ids(_DUE, {"before": before}):
        values: dict[str, Any] = {
            "person": person,
            "photos": retention.ids(_PHOTOS, {"person": person}),
            "now": clock.now(),
        }
        gone: dict[str, int] = {}
        try:
            with transaction.atomic(using=retention.ALIAS), connections[retention.ALIAS].cursor() as cursor:
                for table, condition in TABLES:
                    cursor.execute(f"DELETE FROM {table} WHERE {condition}", values)  # noqa: S608 (names stand here)
                    gone[table] = cursor.rowcount
                cursor.execute(_CLEARED, values)
        except IntegrityError as problem:
            # Something that this does not know of points there; the others have their turn.
            log.error("person %s asked to be erased and could not be: %s", person, problem)  # noqa: TRY400
            continue
        erasure.gone.update(gone)
