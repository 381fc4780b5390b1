"""Judge the persons of a file of evidence by a rule file; nothing is stored, no table is read."""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.utils import translation

from citybrain.core import clock
from healthcode import evidence_file, rules
from healthcode.evidence_file import EvidenceFile
from healthcode.given import GivenRules
from healthcode.replay import Verdict

# Persons a statement.
AT_ONCE = 2000


class Command(BaseCommand):
    help = (
        "Judge the persons of a file of evidence by a rule file and print a line of JSON for each, in the order of the"
        " file: person, state, reasons. Stores nothing. Formats: docs/schemas/."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rules", required=True, type=Path, help="JSON, docs/schemas/rules.schema.json")
        parser.add_argument("--evidence", required=True, type=Path, help="NDJSON, docs/schemas/evidence.schema.json")
        parser.add_argument("--at", required=True, help="the instant judged, such as 2020-02-26T09:00:00+08:00")

    def handle(self, *_args: Any, **options: Any) -> None:
        at = _instant(options["at"])
        try:
            # Its words go beside those of Python and Django, which are English.
            with translation.override(None):
                body = rules.load(options["rules"])
                evidence = evidence_file.read(options["evidence"])
        except (OSError, ValueError) as problem:
            raise CommandError(str(problem), returncode=2) from problem
        given = GivenRules(body, body.get("example_risk_areas", ()))
        for persons in _slices(range(len(evidence.persons)), AT_ONCE):
            verdicts = given.judge([piece for person in persons for piece in evidence.pieces[person]], at=at)
            for person in persons:
                line = json.dumps(_told(evidence, verdicts[person]), ensure_ascii=False)
                self.stdout.write(line)


def _told(evidence: EvidenceFile, verdict: Verdict) -> dict[str, Any]:
    return {
        "person": evidence.persons[verdict.person_id],
        "state": verdict.state,
        "reasons": [
            {
                "rule": reason["rule"],
                "colour": reason["colour"],
                "since": _local(reason["since"]),
                "until": _local(reason["until"]),
                "closes_when": reason["closes_when"],
                "evidence": [evidence.ids[one] for one in reason["evidence"]],
            }
            for reason in verdict.reasons
        ],
    }


def _instant(text: str) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        sample = "2020-02-26T09:00:00+08:00"
        raise CommandError(f"--at {text}: not a time; write it such as {sample}", returncode=2) from None
    return at if at.tzinfo else at.replace(tzinfo=clock.SHANGHAI)


def _local(text: str | None) -> str | None:
    return None if text is None else dt.datetime.fromisoformat(text).astimezone(clock.SHANGHAI).isoformat()


def _slices(whole: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
