"""Lists of evidence from Excel or CSV: read, checked row by row, and carried to the next page as a whole."""

import base64
import csv
import datetime as dt
import io
import json
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

from citybrain.core import crypto, documents
from citybrain.core.keyring import KeyringError
from citybrain.core.models import Document, Person, User
from healthcode import words
from healthcode.actions.evidence import Said
from healthcode.kinds import Kind
from healthcode.permissions import RECORDED_UNDER, may_record_of
from healthcode.recording_forms import FORMS, RecordForm

MOST_ROWS = 5000
# Of a workbook, unpacked: what five thousand rows never come to.
LARGEST_SHEET = 60_000_000
# Excel keeps fifteen places of a number; the rest become noughts.
EXACT_PLACES = 15
LIST = "recording-list"
HEADER_ROWS = 5

# Which kinds come as lists, with the columns besides type and number of the document.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    Kind.EXPOSURE: ("grade", "day"),
    Kind.CASE: ("status", "day"),
    Kind.TEST_RESULT: ("result", "method", "day", "time"),
}
# Heads of columns, as they are asked for, and what else they may be called.
HEADS: Mapping[str, tuple[str, ...]] = {
    "type": ("证件类型", "document type", "type"),
    "number": ("证件号码", "document number", "number", "身份证号", "身份证号码", "证件号"),
    "grade": ("接触类型", "contact", "grade"),
    "status": ("病例类型", "case", "status"),
    "result": ("检测结果", "result", "结果"),
    "method": ("检测方法", "method", "方法"),
    "day": ("日期", "day", "date", "末次接触日期", "报告日期", "采样日期"),
    "time": ("采样时间", "time", "时间"),
}
# What may stand in a cell for each choice; the first is what the example shows.
MEANS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "type": {
        "resident_id": ("居民身份证", "身份证"),
        "passport": ("护照",),
        "hk_macao_permit": ("港澳居民来往内地通行证", "港澳通行证"),
        "taiwan_permit": ("台湾居民来往大陆通行证", "台胞证"),
        "foreign_resident_id": ("外国人永久居留身份证",),
    },
    "grade": {"close": ("密切接触者", "密接"), "secondary": ("次密切接触者", "次密接")},
    "status": {"confirmed": ("确诊",), "suspected": ("疑似",)},
    "result": {"positive": ("阳性", "+"), "negative": ("阴性", "-"), "invalid": ("无效",)},
    "method": {"nucleic_acid": ("核酸",), "antigen": ("抗原",), "antibody": ("抗体",)},
}
EXAMPLES: Mapping[str, str] = {"number": "330199198001010017", "day": "2020-02-11", "time": "09:30"}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row, and what to do; row 0 is the file as a whole."""

    row: int
    column: str
    text: str


@dataclass(frozen=True)
class Entry:
    """A row that can be recorded."""

    row: int
    person: Person
    facts: Mapping[str, Any]
    true_at: dt.datetime


@dataclass
class Read:
    """What a file came to: rows that can be recorded, and faults; nothing is recorded while there is one."""

    kind: str
    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    # People whom a row names and the user may not record of, for the record.
    elsewhere: list[int] = field(default_factory=list)

    def said(self) -> list[Said]:
        """Return the rows as evidence."""
        return [Said(entry.person, self.kind, entry.facts, entry.true_at) for entry in self.entries]


def read(content: bytes, name: str, kind: str, user: User, at: str) -> Read:
    """Read a file of one kind; `at` is the moment of the form, so that rows of today are not in its future."""
    found = Read(kind)
    try:
        rows = _rows(content, name)
        heads, first = _heads(rows, kind)
    except ValidationError as problem:
        found.faults.append(Fault(0, "", problem.messages[0]))
        return found
    body = [(number, row) for number, row in enumerate(rows[first:], start=first + 1) if any(map(_text, row))]
    if not body or len(body) > MOST_ROWS:
        text = _("There is no row below the heads of the columns.")
        if body:
            text = _("The list has %(rows)s rows. Cut it into lists of at most %(most)s rows, one after the other.")
            text %= {"rows": len(body), "most": MOST_ROWS}
        found.faults.append(Fault(0, "", text))
        return found
    _check_rows(found, [(number, _cells(row, heads)) for number, row in body], user, at)
    return found


def example(kind: str) -> str:
    """Return a list of one row as CSV, for somebody to fill."""
    columns = ("type", "number", *COLUMNS[kind])
    cells = [EXAMPLES.get(name) or next(iter(MEANS[name].values()))[0] for name in columns]
    return "\ufeff" + "\r\n".join(",".join(row) for row in ([HEADS[name][0] for name in columns], cells)) + "\r\n"


def shown_words(name: str) -> list[str]:
    """Return the words that a column takes, none where it takes numbers or days."""
    return [known[0] for known in MEANS.get(name, {}).values()]


def pack(found: Read, user: User) -> str:
    """Return the rows for a hidden field, sealed for this user."""
    rows = [(entry.person.pk, entry.facts, entry.true_at.isoformat()) for entry in found.entries]
    plain = zlib.compress(json.dumps([found.kind, rows]).encode())
    return base64.b64encode(crypto.seal_bytes(LIST, plain, owner=str(user.pk))).decode()


def unpack(text: str, user: User) -> Read | None:
    """Return the rows that `pack` sealed; None when it was not this user's, or was damaged."""
    try:
        sealed = base64.b64decode(text, validate=True)
        kind, rows = json.loads(zlib.decompress(crypto.unseal_bytes(LIST, sealed, owner=str(user.pk))))
    except (ValueError, InvalidTag, KeyringError, zlib.error):
        return None
    persons = Person.objects.select_related("area").in_bulk({person for person, _facts, _at in rows})
    entries = [
        Entry(number, persons[person], facts, dt.datetime.fromisoformat(at))
        for number, (person, facts, at) in enumerate(rows, start=1)
        if person in persons
    ]
    return Read(kind, entries) if len(entries) == len(rows) else None


def _rows(content: bytes, name: str) -> list[list[Any]]:
    if zipfile.is_zipfile(io.BytesIO(content)):
        return _sheet(content)
    if name.lower().endswith((".xlsx", ".xls", ".ods")):
        raise ValidationError(_("This Excel file cannot be read. Save it as .xlsx or as CSV, then choose it again."))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return _csv(text)
    raise ValidationError(_("This is neither Excel nor CSV. Save the list as .xlsx or as CSV, then choose it again."))


def _csv(text: str) -> list[list[Any]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        raise ValidationError(_("This CSV cannot be read. Open it in Excel and save it as .xlsx.")) from None


def _sheet(content: bytes) -> list[list[Any]]:
    cannot = _("This Excel file cannot be read. Save it as .xlsx or as CSV, then choose it again.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > LARGEST_SHEET:
            raise ValidationError(_("This file is too large unpacked. Keep only the columns that are asked for."))
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        return book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError, IndexError):
        raise ValidationError(cannot) from None


def _heads(rows: Sequence[Sequence[Any]], kind: str) -> tuple[dict[str, int], int]:
    """Return which column holds what, and the number of the first row below the heads."""
    wanted = ("type", "number", *COLUMNS[kind])
    best: dict[str, int] = {}
    below = 0
    for number, row in enumerate(rows[:HEADER_ROWS], start=1):
        heads = {name: at for at, cell in enumerate(row) for name in wanted if _plain(_text(cell)) in _known(name)}
        if len(heads) > len(best):
            best, below = heads, number
    missing = [HEADS[name][0] for name in wanted if name not in best and name != "type"]
    if missing:
        text = _("These columns are missing: %(columns)s. Take the heads of the columns from the example.")
        raise ValidationError(text % {"columns": "、".join(missing)})
    return best, below


def _known(name: str) -> set[str]:
    return {_plain(head) for head in HEADS[name]}


def _cells(row: Sequence[Any], heads: Mapping[str, int]) -> dict[str, Any]:
    return {name: row[at] if at < len(row) else "" for name, at in heads.items()}


def _plain(text: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).lower()


def _text(cell: Any) -> str:
    """Return a cell as somebody would have typed it."""
    if isinstance(cell, dt.datetime):
        return cell.strftime("%Y-%m-%d") if cell.time() == dt.time() else cell.strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, dt.time):
        return cell.strftime("%H:%M")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 10**EXACT_PLACES:
        return str(int(cell))
    return "" if cell is None else str(cell).strip()


def _check_rows(found: Read, rows: Sequence[tuple[int, dict[str, Any]]], user: User, at: str) -> None:
    checked = [(number, *_check_row(found, number, cells, user, at)) for number, cells in rows]
    persons = _persons({tag for _number, tags, _form in checked for tag in tags})
    seen: dict[tuple[int, str], int] = {}
    for number, tags, form in checked:
        if not tags:
            continue
        person = next((persons[tag] for tag in tags if tag in persons), None)
        if person is None or not may_record_of(user, RECORDED_UNDER[found.kind][0], person):
            found.elsewhere += [person.pk] if person else []
            text = _("Nobody in your area has this number. Compare it with the document, or leave the row out.")
            found.faults.append(Fault(number, HEADS["number"][0], text))
        elif form is not None:
            entry = Entry(number, person, form.facts(), form.true_at())
            told = (person.pk, json.dumps(entry.facts, sort_keys=True) + entry.true_at.isoformat())
            if told in seen:
                text = _("This person stands in row %(row)s already with the same. Leave one of the two out.")
                found.faults.append(Fault(number, HEADS["number"][0], text % {"row": seen[told]}))
            seen.setdefault(told, number)
            found.entries.append(entry)
    found.faults.sort(key=lambda fault: fault.row)


def _check_row(
    found: Read, number: int, cells: Mapping[str, Any], user: User, at: str
) -> tuple[list[bytes], RecordForm | None]:
    """Return the indexes of the document, none when it is wrong, and the row as a form, None when that is."""
    tags: list[bytes] = []
    try:
        kind = _choice("type", _text(cells.get("type", ""))) or documents.Type.RESIDENT_ID
        tags = crypto.blind_indexes(kind, documents.check(kind, _number(cells["number"])))
    except ValidationError as problem:
        found.faults.append(Fault(number, HEADS["number"][0], problem.messages[0]))
    except ValueError:
        text = _("This kind of document is not known. Take a word from the example.")
        found.faults.append(Fault(number, HEADS["type"][0], text))
    form = FORMS[found.kind](user, {**_typed(cells, COLUMNS[found.kind]), "at": at}, is_row=True)
    if form.is_valid():
        return tags, form
    for name, texts in form.errors.items():
        known = words.listed(shown_words(name))
        told = [_("Write one of these words: %(words)s.") % {"words": known}] if known else map(str, texts)
        found.faults += [Fault(number, HEADS[name][0], text) for text in told if name in HEADS]
    return tags, None


def _number(cell: Any) -> str:
    """Return a document's number; raise ValidationError when Excel has damaged it."""
    text = _text(cell)
    is_damaged = isinstance(cell, float) and (abs(cell) >= 10**EXACT_PLACES or not cell.is_integer())
    if is_damaged or re.fullmatch(r"\d([.,]\d+)?[eE][+]?\d+", text):
        raise ValidationError(
            _(
                "Excel has damaged this number (it writes 1.1E+17). Format the column as text, type"
                " the number anew from the document, and save."
            )
        )
    if not text:
        raise ValidationError(_("Type the number that stands on the document."))
    return text


def _typed(cells: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Return the cells as the form of the kind takes them: choices by their codes, day and time apart."""
    typed = {name: _text(cells.get(name, "")) for name in names}
    for name in typed.keys() & MEANS.keys():
        try:
            typed[name] = _choice(name, typed[name])
        except ValueError:
            typed[name] = typed[name] or ""
    if "time" in typed:
        day, _space, rest = typed["day"].partition(" ")
        typed["day"], typed["time"] = day, typed["time"].rpartition(" ")[2] or rest
    else:
        typed["day"] = typed["day"].partition(" ")[0]
    return typed


def _choice(name: str, text: str) -> str:
    """Return the code of a choice; raise ValueError for a word that means none."""
    plain = _plain(text)
    if not plain:
        return ""
    for code, known in MEANS[name].items():
        if plain == code or plain in {_plain(word) for word in known}:
            return code
    raise ValueError(text)


def _persons(tags: set[bytes]) -> dict[bytes, Person]:
    held = Document.objects.filter(number_index__in=tags).select_related("person__area")
    return {bytes(document.number_index): document.person for document in held}
