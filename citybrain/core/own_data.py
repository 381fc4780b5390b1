"""A person's copy of their own data (PIPL, article 45): each app names its part in citybrain/own_data.py."""

import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from citybrain.core import clock, queries
from citybrain.core.models import Person

# Of looks, and of everything else that only grows, the newest.
MOST_ROWS = 5000


@dataclass(frozen=True)
class Section:
    """Rows of one kind: values by stable names, with a heading for each name that the reader understands."""

    key: str
    title: StrOrPromise
    columns: Mapping[str, StrOrPromise]
    rows: Sequence[Mapping[str, Any]]
    # Pictures, by the name that a row gives them.
    files: Mapping[str, bytes] = field(default_factory=dict)

    def table(self) -> list[list[str]]:
        """Return the rows as text, in the order of the headings."""
        return [[_text(row.get(name)) for name in self.columns] for row in self.rows]


Part = Callable[[Person], Iterable[Section]]


def collect(person: Person) -> list[Section]:
    """Return all that is kept about a person, as every app tells it; the caller puts it on record."""
    wired: Sequence[str] = import_string(settings.OWN_DATA)
    parts: list[Part] = [import_string(name) for name in wired]
    return [section for part in parts for section in part(person)]


def archive(person: Person, sections: Sequence[Section]) -> bytes:
    """Return a ZIP file: one page to read, the same as JSON for machines, and the pictures."""
    at = clock.now()
    frame = {"sections": sections, "at": at, "name": person.name, "language": get_language() or settings.LANGUAGE_CODE}
    told = {section.key: [dict(row) for row in section.rows] for section in sections}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("data.html", render_to_string("core/me/copy.html", frame))
        packed.writestr("data.json", json.dumps({"at": at, **told}, default=_plain, ensure_ascii=False, indent=1))
        for section in sections:
            for name, content in section.files.items():
                packed.writestr(name, content)
    return written.getvalue()


def ground(person: Person) -> Iterable[Section]:
    """Tell what the ground keeps: who it is, documents, phones, organisations, who looked."""
    person_row = {
        "name": person.name,
        "sex": person.get_sex_display(),
        "born_on": person.born_on,
        "address": person.address,
        "area": f"{person.area.code} {person.area.name}",
    }
    yield Section("person", _("Who you are"), _PERSON, [person_row])
    documents = [
        {"type": one.get_type_display(), "number": one.reveal(), "verified_at": one.verified_at}
        for one in person.documents.order_by("id")
    ]
    yield Section("documents", _("Identity documents"), _DOCUMENT, documents)
    yield Section("phones", _("Phones"), {"number": _("Number")}, [{"number": one.reveal()} for one in _phones(person)])
    members = [{"name": one.organisation.name} for one in person.memberships.select_related("organisation")]
    yield Section("organisations", _("Employer or school"), {"name": _("Name")}, members)
    looks = queries.looks_at(person.pk, person.users.values_list("pk", flat=True)).order_by("-id")[:MOST_ROWS]
    told = [
        {
            "at": look.row.at,
            "what": look.to_the_resident,
            "role": look.role,
            "where": look.where,
            "staff_number": look.staff_number,
            "purpose": look.row.get_purpose_display(),
            "outcome": look.row.get_outcome_display(),
        }
        for look in queries.describe(looks)
    ]
    yield Section("looks", _("Who looked at my data"), _LOOK, told)


_PERSON = {
    "name": _("Name"),
    "sex": _("Sex"),
    "born_on": _("Date of birth"),
    "address": _("Address"),
    "area": _("Area"),
}
_DOCUMENT = {"type": _("Document"), "number": _("Number"), "verified_at": _("Compared with the document")}
_LOOK = {
    "at": _("Time"),
    "what": _("What was done"),
    "role": _("Role"),
    "where": _("Where"),
    "staff_number": _("Staff number"),
    "purpose": _("Purpose"),
    "outcome": _("Outcome"),
}


def _phones(person: Person) -> Iterable[Any]:
    return person.phones.order_by("id")


def _plain(value: Any) -> str:
    return value.astimezone(clock.SHANGHAI).isoformat() if isinstance(value, dt.datetime) else str(value)


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(one)}" for name, one in value.items())
    return "" if value is None else str(value)
