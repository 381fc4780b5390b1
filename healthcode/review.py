"""The answers of a declaration as they are read once more before it is sent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from citybrain.core import clock, crypto
from citybrain.core.documents import Type
from citybrain.core.gateway import mask_phone
from citybrain.core.models import Area, Person, User
from healthcode import words
from healthcode.answers import Household, Identity
from healthcode.declaring import Walk, collect
from healthcode.fields import GRADES, NOWHERE, YES, earliest_asked
from healthcode.models import Guardianship, NoDocument
from healthcode.provinces import PROVINCES

SHOWN_DIGITS = 4


@dataclass(frozen=True)
class Line:
    """An answer in words; `page` and `url` are where it is changed, "" when it cannot be here."""

    label: str
    texts: Sequence[str]
    page: str = ""
    note: str = ""
    url: str = ""


def lines(walk: Walk) -> list[Line]:
    """Return the answers of a walk that has come to its end, in the order of the questions."""
    all_lines = [
        *_relation(walk),
        *_identity(walk),
        _home(walk),
        *_household(walk),
        _work(walk),
        _arrival(walk),
        *_stays(walk),
        _contact(walk),
        _health(walk),
    ]
    whom = walk.asking.whom
    return [replace(line, url=whom.page_url(line.page)) if line.page else line for line in all_lines]


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


def household_in_words(code: str, place: str) -> str:
    """Return where a household is registered."""
    if code == NOWHERE:
        return _("nowhere in the mainland")
    if not code or code in PROVINCES:
        return f"{PROVINCES.get(code, '')} {place}".strip()
    district = Area.objects.filter(level=Area.Level.DISTRICT, code__startswith=code).first()
    return f"{district.name if district else ''} {code}".strip()


def identity_in_words(identity: Identity) -> list[str]:
    """Return name, document and birth in full, so that a slip is seen."""
    born_on = identity.birth_date()
    if identity.document_number:
        paper = f"{Type(identity.document_type).label} {identity.document_number}"
    else:
        paper = _("no document: %(because)s") % {"because": NoDocument(identity.no_document).label}
    born = _("born on %(day)s") % {"day": born_on} if born_on else ""
    guessed = _("about %(age)s years old") % {"age": identity.age_guessed} if identity.age_guessed is not None else ""
    return [line for line in (identity.name, paper, born or guessed) if line]


def _relation(walk: Walk) -> Iterable[Line]:
    if relation := walk.given.get("relation", {}).get("relation"):
        yield Line(_("Relation"), [str(Guardianship.Relation(relation).label)], "relation")
        yield Line(_("Photo of the paper"), [_("It is here, sealed. The grid worker looks at it.")], "proof")


def _identity(walk: Walk) -> Iterable[Line]:
    whom = walk.asking.whom
    if person := walk.asking.person:
        # Staff read a full name by the act of unmasking alone.
        name = person.masked_name if whom.is_present else person.name
        texts = [name, *documents_of(person)] if whom.may_see else [name]
        yield Line(_("Name and document"), texts)
    elif identity := collect(walk).identity:
        yield Line(_("Name and document"), identity_in_words(identity), "who")
    # Nobody else's phone is theirs.
    if whom.is_own:
        yield Line(_("Mobile number"), [phone_of(walk.asking.user)])


def _home(walk: Walk) -> Line:
    given, label, person = walk.given, _("Present address"), walk.asking.person
    if given.get("together", {}).get("together") == YES:
        return Line(label, [_("with you")], "together")
    if "room" not in given and person:
        texts = [person.address, person.area.name] if walk.asking.whom.may_see else [_("as on record")]
        return Line(label, texts, "same")
    estate, building = (given.get(page, {}).get("name", "") for page in ("estate", "building"))
    note = "" if building else _("The register does not have this building. A grid worker will find it for you.")
    page = "same" if "same" in given else "address"
    return Line(label, [f"{estate}{building}{given['room']['room']}", given["community"]["name"]], page, note)


def _household(walk: Walk) -> Iterable[Line]:
    label, last = _("Household registered"), walk.asking.last
    household: Household | None = walk.given.get("household", {}).get("household")
    if household:
        yield Line(label, [household_in_words(household.code, household.place)], "household")
    elif last and last.household_code and walk.asking.whom.may_see:
        yield Line(label, [household_in_words(last.household_code, last.household_place)])


def _work(walk: Walk) -> Line:
    page = "same" if "same" in walk.given else "work"
    label = _("Work or school")
    if "work" not in walk.given and not walk.asking.whom.may_see:
        return Line(label, [_("as on record")], page)
    return Line(label, [collect(walk).work or pgettext("work or school", "neither")], page)


def _arrival(walk: Walk) -> Line:
    trip, label = collect(walk).trip, _("Arrival in the last 14 days")
    if trip is None:
        return Line(label, [pgettext("in a declaration", "none")], "arrival")
    is_ahead = trip.day > clock.today()
    label = _("Arrival ahead") if is_ahead else label
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
    note = _("A stay that ended more than 14 days ago does not count for the code.") if is_old else ""
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
