"""The answers of a declaration as they are read once more before it is sent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from citybrain.core import crypto
from citybrain.core.documents import Type
from citybrain.core.gateway import mask_phone
from citybrain.core.models import Person, User
from healthcode import words
from healthcode.declaring import Walk, collect
from healthcode.fields import GRADES, earliest_asked

SHOWN_DIGITS = 4


@dataclass(frozen=True)
class Line:
    """An answer in words; `page` is where it is changed, "" when it cannot be here."""

    label: str
    texts: Sequence[str]
    page: str = ""
    note: str = ""


def lines(walk: Walk) -> list[Line]:
    """Return the answers of a walk that has come to its end, in the order of the questions."""
    return [*_identity(walk), _home(walk), _work(walk), _arrival(walk), *_stays(walk), _contact(walk), _health(walk)]


def masked_number(number: str) -> str:
    """Hide all but the last four places."""
    return "*" * (len(number) - SHOWN_DIGITS) + number[-SHOWN_DIGITS:]


def phone_of(user: User) -> str:
    """Return the account's phone number, masked."""
    return mask_phone(crypto.unseal("phone", bytes(user.phone_cipher))) if user.phone_cipher is not None else ""


def documents_of(person: Person) -> list[str]:
    """Return a person's documents, their numbers masked."""
    held = person.documents.order_by("type")
    return [f"{document.get_type_display()} {masked_number(document.reveal())}" for document in held]


def _identity(walk: Walk) -> Iterable[Line]:
    phone = Line(_("Mobile number"), [phone_of(walk.asking.user)])
    if person := walk.asking.person:
        yield Line(_("Name and document"), [person.name, *documents_of(person)])
        yield phone
        return
    if identity := collect(walk).identity:
        # In full, so that a slip is seen.
        document = f"{Type(identity.document_type).label} {identity.document_number}"
        born = _("born on %(day)s") % {"day": identity.birth_date()}
        yield Line(_("Name and document"), [identity.name, document, born], "who")
    yield phone


def _home(walk: Walk) -> Line:
    given, label, person = walk.given, _("Present address"), walk.asking.person
    if "room" not in given and person:
        return Line(label, [person.address, person.area.name], "same")
    estate, building = (given.get(page, {}).get("name", "") for page in ("estate", "building"))
    note = "" if building else _("The register does not have this building. A grid worker will find it for you.")
    page = "same" if "same" in given else "address"
    return Line(label, [f"{estate}{building}{given['room']['room']}", given["community"]["name"]], page, note)


def _work(walk: Walk) -> Line:
    page = "same" if "same" in walk.given else "work"
    return Line(_("Work or school"), [collect(walk).work or pgettext("work or school", "neither")], page)


def _arrival(walk: Walk) -> Line:
    trip, label = collect(walk).trip, _("Arrival in the last 14 days")
    if trip is None:
        return Line(label, [pgettext("in a declaration", "none")], "arrival")
    told = _("From %(place)s on %(day)s") % {"place": trip.origin, "day": trip.day.isoformat()}
    how = " ".join(filter(None, [str(words.TRANSPORT[trip.transport]), trip.number]))
    return Line(label, [told, how], "arrival")


def _stays(walk: Walk) -> Iterable[Line]:
    label = _("Stays in risk areas")
    if not walk.known.risk_areas:
        yield Line(label, [_("not asked: there are no risk areas at present")])
        return
    stays = walk.given["stays"]["stays"]
    texts = []
    for area, first, last in stays:
        span = _("%(first)s to %(last)s") % {"first": first, "last": last}
        old = _("(does not count)") if last < earliest_asked() else ""
        texts.append(f"{area.name} {span} {old}".rstrip())
    is_old = any(last < earliest_asked() for _area, _first, last in stays)
    note = _("A stay that ended more than 14 days ago does not count for your code.") if is_old else ""
    yield Line(label, texts or [pgettext("in a declaration", "none")], "stays", note)


def _contact(walk: Walk) -> Line:
    contact = collect(walk).contact
    if contact is None:
        return Line(_("Contact with sick people"), [pgettext("in a declaration", "none")], "contact")
    last = _("last on %(day)s") % {"day": contact.day.isoformat()}
    return Line(_("Contact with sick people"), [str(dict(GRADES)[contact.grade]), last], "contact")


def _health(walk: Walk) -> Line:
    answers = collect(walk)
    texts = [words.symptoms(answers.symptoms) if answers.symptoms else _("no symptoms")]
    if answers.explained:
        texts.append(_("from an illness or a medicine: %(list)s") % {"list": words.symptoms(answers.explained)})
    if answers.celsius is not None:
        texts.append(f"{answers.celsius} °C")
    return Line(_("Health today"), texts, "health")
