"""The answers of a declaration as they are sent: what is said of one person."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from citybrain.core import documents
from citybrain.core.models import Organisation


@dataclass(frozen=True)
class Identity:
    """Whoever is entered; of a resident identity card, the number says when they were born.

    Without a document both parts of it are "", and `no_document` says why (models.NoDocument).
    """

    name: str
    document_type: str
    document_number: str
    born_on: dt.date | None = None
    no_document: str = ""
    age_guessed: int | None = None

    def birth_date(self) -> dt.date | None:
        """Return the date in the number where there is one, else the one that was given."""
        if self.document_type == documents.Type.RESIDENT_ID:
            return documents.birth_date(documents.check(self.document_type, self.document_number))
        return self.born_on


@dataclass(frozen=True)
class Home:
    """A building of the register and the flat in words, or a community and the whole address in words."""

    community_id: int
    building: int | None
    words: str


@dataclass(frozen=True)
class LivesWith:
    """The home of somebody on record."""

    person_id: int


@dataclass(frozen=True)
class Household:
    """Where the household is registered: a code of GB/T 2260 or fields.NOWHERE, and city or county in words."""

    code: str
    place: str = ""


@dataclass(frozen=True)
class Trip:
    """How somebody came into the city, or is about to come."""

    origin: str
    day: dt.date
    transport: str
    number: str = ""


@dataclass(frozen=True)
class Stay:
    """Days in a risk area, named by its code."""

    code: str
    first: dt.date
    last: dt.date


@dataclass(frozen=True)
class Contact:
    """A contact of a grade of kind exposure, and its last day."""

    grade: str
    day: dt.date


@dataclass(frozen=True)
class Answers:
    """Everything that is declared. No identity: the person is known; no home or household: it is still the same."""

    identity: Identity | None = None
    home: Home | LivesWith | None = None
    household: Household | None = None
    work: str = ""
    organisation: Organisation | None = None
    trip: Trip | None = None
    stays: Sequence[Stay] = ()
    contact: Contact | None = None
    celsius: float | None = None
    symptoms: Sequence[str] = ()
    explained: Sequence[str] = ()


def to_json(answers: Answers) -> dict[str, Any]:
    """Return answers as JSON types, to be sealed."""
    flat = {**vars(answers), "organisation": answers.organisation.pk if answers.organisation else None}
    parts = {name: asdict(value) if hasattr(value, "__dataclass_fields__") else value for name, value in flat.items()}
    as_text: dict[str, Any] = _days_as_text({**parts, "stays": [asdict(stay) for stay in answers.stays]})
    return as_text


def from_json(said: Mapping[str, Any]) -> Answers:
    """Return the answers that `to_json` made; an organisation that is gone is left out, its name stays."""
    identity, home, household, trip, contact = (
        said[name] for name in ("identity", "home", "household", "trip", "contact")
    )
    return Answers(
        identity=Identity(**{**identity, "born_on": _day(identity["born_on"])}) if identity else None,
        home=_home(home) if home else None,
        household=Household(**household) if household else None,
        work=said["work"],
        organisation=Organisation.objects.filter(pk=said["organisation"]).first() if said["organisation"] else None,
        trip=Trip(**{**trip, "day": dt.date.fromisoformat(trip["day"])}) if trip else None,
        stays=[
            Stay(stay["code"], dt.date.fromisoformat(stay["first"]), dt.date.fromisoformat(stay["last"]))
            for stay in said["stays"]
        ],
        contact=Contact(contact["grade"], dt.date.fromisoformat(contact["day"])) if contact else None,
        celsius=said["celsius"],
        symptoms=said["symptoms"],
        explained=said["explained"],
    )


def _home(home: Mapping[str, Any]) -> Home | LivesWith:
    return LivesWith(**home) if "person_id" in home else Home(**home)


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _days_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _days_as_text(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_days_as_text(one) for one in value]
    return value.isoformat() if isinstance(value, dt.date) else value
