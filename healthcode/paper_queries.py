"""Reads of paper codes: a person's own, what is printed on it, and what one says that is shown at a gate."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.db.models import QuerySet
from django.utils.functional import Promise

from citybrain.core import clock, documents
from citybrain.core.models import Area, Document, Person
from healthcode import paper_numbers, queries, signed_codes
from healthcode.models import PaperCode
from healthcode.signed_codes import Kind, SignedCodeError

Fault = Literal["unreadable", "forged", "expired", "void", "wrong_issuer", "unknown_issuer"]
_FAULTS: dict[signed_codes.Fault, Fault] = {"version": "unreadable", "stale": "expired"}
_LAST_FOUR = 4


@dataclass(frozen=True)
class ShownPaper:
    """A paper that is shown: why it counts for nothing (None: it is in use), and whose it is, as far as known."""

    fault: Fault | None
    holder: queries.Holder | None = None
    # Of another region: the area code of who issued it.
    issuer: str = ""


@dataclass(frozen=True)
class MaskedDocument:
    """An identity document as far as a paper may name it."""

    kind: str | Promise
    last_four: str


def is_paper(text: str) -> bool:
    """Return whether a scanned or typed text may be a paper code: a signed code, or the number printed below it."""
    return len(text) == signed_codes.LENGTH or paper_numbers.serial_of(text) is not None


def shown(text: str) -> ShownPaper:
    """Return what a scanned or typed text says today of the paper; the signature counts where there is one."""
    serial = paper_numbers.serial_of(text)
    if serial is None:
        try:
            serial = signed_codes.read(text, clock.today()).serial
        except SignedCodeError as error:
            return ShownPaper(_FAULTS.get(error.fault, error.fault), issuer=error.issuer)  # type: ignore[arg-type]
    paper = PaperCode.objects.filter(serial=serial).first()
    # Nobody's any more, or never anybody's: its number was typed wrong in several places, or the person is erased.
    if paper is None:
        return ShownPaper("void")
    holder = queries.holder_by_paper(serial)
    if paper.voided_at is not None:
        return ShownPaper("void", holder)
    return ShownPaper("expired" if clock.today() > paper.expires_on else None, holder)


def in_use(person: Person) -> PaperCode | None:
    """Return the paper code of a person that was not voided; its time may be over."""
    return PaperCode.objects.filter(person=person, voided_at=None).first()


def former(person: Person) -> QuerySet[PaperCode]:
    """Return the papers of a person that were voided, the last one first."""
    return PaperCode.objects.filter(person=person, voided_at__isnull=False).order_by("-issued_at", "-id")


def text_of(paper: PaperCode) -> str:
    """Return the signed code that a paper carries."""
    issued_on = paper.issued_at.astimezone(clock.SHANGHAI).date()
    return signed_codes.make(Kind.PAPER, paper.serial, issued_on, paper.expires_on)


def number_of(paper: PaperCode) -> str:
    """Return the number that is printed under it."""
    return paper_numbers.text_of(paper.serial)


def is_over(paper: PaperCode, on: dt.date) -> bool:
    """Return whether its last day has passed."""
    return on > paper.expires_on


def document_of(person_id: int) -> MaskedDocument | None:
    """Return the document that a paper names, masked; None without any.

    One that was compared comes before others, an identity card before a passport, and what was added last before that
    which it corrects.
    """
    known = Document.objects.filter(person=person_id).select_related("person")
    first = min(known, key=_rank, default=None)
    return MaskedDocument(documents.Type(first.type).label, first.reveal()[-_LAST_FOUR:]) if first else None


def issuer_name() -> str:
    """Return the name of the district that issues, its code where the name is not known."""
    district = Area.objects.filter(level=Area.Level.DISTRICT, code__startswith=settings.CODE_ISSUER).first()
    return district.name if district else settings.CODE_ISSUER


def _rank(document: Document) -> tuple[bool, bool, int]:
    return document.verified_at is None, document.type != documents.Type.RESIDENT_ID, -document.pk
