"""Files of evidence: a JSON object a line (NDJSON), as docs/schemas/evidence.schema.json lays down."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from citybrain.core import clock
from healthcode import kinds
from healthcode.given import Piece

# Told at once; whoever made the file sees more than one mistake, and no thousand.
MOST_MISTAKES = 20


class EvidenceFileError(ValueError):
    """A file that cannot be judged; the text names each line and what is wrong with it."""


@dataclass
class EvidenceFile:
    """What a file says: pieces by person; and what persons and pieces are called in it, by the numbers used here."""

    persons: list[Any] = field(default_factory=list)
    pieces: list[list[Piece]] = field(default_factory=list)
    ids: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Line:
    number: int
    said: Mapping[str, Any]


def read(path: Path) -> EvidenceFile:
    """Read a file; raise EvidenceFileError when a line of it cannot be, OSError when it is not there."""
    mistakes: list[str] = []
    lines = list(_lines(path, mistakes))
    numbers = _numbers(lines, mistakes)
    made = EvidenceFile()
    places: dict[Any, int] = {}
    for line in lines:
        person = places.setdefault(line.said["person"], len(places))
        if person == len(made.persons):
            made.persons.append(line.said["person"])
            made.pieces.append([])
        made.ids[line.number] = line.said.get("id", line.number)
        made.pieces[person].append(_piece(line, person, numbers))
    mistakes += _wrong_withdrawals(made)
    if mistakes:
        more = [f"and {len(mistakes) - MOST_MISTAKES} more"] if len(mistakes) > MOST_MISTAKES else []
        raise EvidenceFileError("\n".join([f"{path.name}:", *mistakes[:MOST_MISTAKES], *more]))
    return made


def _lines(path: Path, mistakes: list[str]) -> Iterable[_Line]:
    """Yield the lines that can be read, and note what is wrong with the others; empty ones are passed over."""
    with path.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                said = json.loads(text)
            except ValueError as problem:
                mistakes.append(f"line {number}: no JSON: {problem}")
                continue
            wrong = list(_wrong(said))
            mistakes += [f"line {number}: {one}" for one in wrong]
            if not wrong:
                yield _Line(number, said)


def _wrong(said: Any) -> Iterable[str]:
    if not isinstance(said, dict):
        yield "is no JSON object"
        return
    for name in ("person", "id", "withdraws"):
        if not isinstance(said.get(name, ""), str | int) or (name == "person" and said.get(name, "") == ""):
            yield f"{name}: must be a text or a whole number"
    for name in ("true_at", "known_at"):
        if name == "true_at" or said.get(name) is not None:
            try:
                _instant(said.get(name))
            except (TypeError, ValueError):
                yield f"{name}: must be a time such as 2020-02-12T10:00:00+08:00"
    facts = said.get("facts", {})
    if not isinstance(facts, dict):
        yield "facts: must be an object"
        return
    try:
        kinds.check(str(said.get("kind", "")), facts)
    except ValidationError as problem:
        for one in kinds.said(problem):
            yield f"{said.get('kind')}: {one}"


def _numbers(lines: Iterable[_Line], mistakes: list[str]) -> dict[Any, int]:
    """Return the line that each id stands on."""
    numbers: dict[Any, int] = {}
    for line in lines:
        if "id" in line.said and numbers.setdefault(line.said["id"], line.number) != line.number:
            mistakes.append(
                f"line {line.number}: the id {line.said['id']!r} stands on line {numbers[line.said['id']]} too"
            )
        if line.said.get("kind") == kinds.Kind.WITHDRAWAL and "withdraws" not in line.said:
            mistakes.append(f"line {line.number}: a withdrawal names the id that it withdraws")
    mistakes += [
        f"line {line.number}: it withdraws {line.said['withdraws']!r}, which no line has as its id"
        for line in lines
        if "withdraws" in line.said and line.said["withdraws"] not in numbers
    ]
    return numbers


def _piece(line: _Line, person: int, numbers: Mapping[Any, int]) -> Piece:
    said = line.said
    true_at = _instant(said["true_at"])
    return Piece(
        id=line.number,
        person=person,
        kind=said["kind"],
        true_at=true_at,
        known_at=true_at if said.get("known_at") is None else _instant(said["known_at"]),
        facts=said.get("facts", {}),
        withdraws=numbers.get(said["withdraws"]) if "withdraws" in said else None,
    )


def _wrong_withdrawals(made: EvidenceFile) -> Iterable[str]:
    for pieces in made.pieces:
        own = {piece.id: piece for piece in pieces}
        for piece in pieces:
            if piece.withdraws is None:
                continue
            withdrawn = own.get(piece.withdraws)
            if withdrawn is None:
                yield f"line {piece.id}: it withdraws what is said of another person on line {piece.withdraws}"
            elif not kinds.may_withdraw(piece.kind, withdrawn.kind):
                yield f"line {piece.id}: {piece.kind} cannot withdraw the {withdrawn.kind} on line {piece.withdraws}"


def _instant(text: Any) -> dt.datetime:
    """Return a time, one without a zone as Shanghai's; raise TypeError or ValueError when it is none."""
    at = dt.datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=clock.SHANGHAI)
