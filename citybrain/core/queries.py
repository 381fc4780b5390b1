"""Reads of the ground for pages and for the apps above."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from citybrain.core import audit, beats, clock, outbox, scope
from citybrain.core.models import (
    Area,
    AreaCode,
    AuditBlock,
    AuditHead,
    AuditRow,
    Delivery,
    Event,
    Organisation,
    RefusalNotice,
    User,
)
from citybrain.core.models.audit import Deed
from citybrain.core.roles import ROLES, Role


@dataclass(frozen=True)
class Branch:
    """An area of the tree on a day: its code and name then, and what lay below."""

    area_id: int
    level: str
    code: str
    name: str
    below: "list[Branch]"

    @property
    def level_label(self) -> str:
        """The level in the reader's language."""
        return str(Area.Level(self.level).label)


def area_tree(on: dt.date) -> list[Branch]:
    """Return the whole tree as it stood on a day, in one statement; empty before the first code began."""
    rows = (
        AreaCode.objects.valid_on(on)
        .order_by("code")
        .values_list("area_id", "area__level", "code", "name", "parent_id")
    )
    branches: dict[int, Branch] = {}
    parents: dict[int, int | None] = {}
    for area_id, level, code, name, parent_id in rows:
        branches[area_id] = Branch(area_id, level, code, name, [])
        parents[area_id] = parent_id
    roots: list[Branch] = []
    for area_id, branch in branches.items():
        parent = branches.get(parents[area_id] or 0)
        (parent.below if parent else roots).append(branch)
    return roots


@dataclass(frozen=True)
class Holding:
    """A role that a user holds and where, ready to show."""

    role: type[Role]
    where: str


def holdings(user: User) -> list[Holding]:
    """Return the user's roles with the names of the areas and organisations they hold on."""
    held = scope.of(user).held
    places: dict[str, dict[int, str]] = {
        "area": _names(Area.objects.all(), [h.id for h in held if h.kind == "area"]),
        "organisation": _names(Organisation.objects.all(), [h.id for h in held if h.kind == "organisation"]),
    }
    return [Holding(ROLES[h.role], places[h.kind].get(h.id, "")) for h in held if h.role in ROLES]


def _names(rows: "QuerySet[Area] | QuerySet[Organisation]", ids: Iterable[int]) -> dict[int, str]:
    wanted = list(ids)
    return dict(rows.filter(id__in=wanted).values_list("id", "name")) if wanted else {}


# A list names many: what that means for one of them.
TO_THE_RESIDENT: dict[str, StrOrPromise] = {
    Deed.SEE_LIST: _("Your masked name stood in a list"),
    Deed.EXPORT: _("Your masked name stood in an exported list"),
    Deed.SEE_MEMBERS: _("Your name stood in a list of your organisation's people"),
    Deed.SEE_PERSON: _("Your page, or that of someone in your household, was opened"),
    Deed.UNMASK: _("Your document and phone numbers were read"),
    Deed.CHECK_OUT_OF_TIME: _("You were checked at a gate, by a device whose clock is wrong"),
    Deed.SEE_ALERTS: _("Your masked name stood in a list of alerts"),
    Deed.SEE_ORDER: _("An order for a visit to you was opened"),
    Deed.HANDLE_ORDER: _("Somebody worked on an order for a visit to you"),
    Deed.VERIFY_ORDER: _("A visit to you was verified"),
    Deed.SEE_PHOTO: _("A photo of a visit to you was opened"),
    Deed.VERIFY_DOCUMENT: _("Your document was compared with you at a gate"),
    Deed.RECORD_EVIDENCE: _("Evidence about you was recorded"),
    Deed.ASK_STATE: _("It was asked what your code says, without the reasons"),
    Deed.VERIFY_CODE: _("Your code was read"),
    Deed.SEE_CORRECTION: _("Your request for a correction was opened"),
    Deed.DECIDE_CORRECTION: _("Your request for a correction was decided"),
    Deed.DECLARE: _("Somebody declared for you"),
    Deed.ISSUE_PAPER_CODE: _("A paper code was made for you"),
    Deed.VOID_PAPER_CODE: _("Your paper code was made worthless"),
    Deed.SEE_PAPER_CODE: _("Your paper code was shown at a gate, or opened by staff"),
    Deed.ADD_FAMILY: _("Somebody asked to act for you"),
    Deed.VERIFY_FAMILY: _("Whether somebody may act for you, or you for somebody, was decided"),
    Deed.END_FAMILY: _("Acting for you was ended"),
}


@dataclass(frozen=True)
class Look:
    """A row of the trail with its ids turned into words."""

    row: AuditRow
    role: str
    where: str
    staff_number: str

    @property
    def to_the_resident(self) -> str:
        """What was done, as it concerns the one resident who reads it."""
        return str(TO_THE_RESIDENT.get(self.row.deed) or self.row.get_deed_display())


def describe(rows: Iterable[AuditRow]) -> list[Look]:
    """Return rows with role, place and staff number in words, in three statements at most."""
    listed = list(rows)
    ids: dict[str, set[int]] = {"area": set(), "organisation": set()}
    for row in listed:
        kind, _colon, number = row.holding.partition(":")
        if kind in ids:
            ids[kind].add(int(number))
    places = {
        "area": _names(Area.objects.all(), ids["area"]),
        "organisation": _names(Organisation.objects.all(), ids["organisation"]),
    }
    actors = {row.actor for row in listed if row.actor is not None}
    users = {user.pk: user for user in User.objects.filter(pk__in=actors)} if actors else {}
    return [_look(row, places, users) for row in listed]


def _look(row: AuditRow, places: dict[str, dict[int, str]], users: dict[int, User]) -> Look:
    kind, _colon, number = row.holding.partition(":")
    where = places[kind].get(int(number), "") if kind in places else ""
    user = users.get(row.actor or 0)
    number_shown = "" if user is None or user.is_resident else user.username
    return Look(row, _role_in_words(row.role), where, number_shown)


def _role_in_words(role: str) -> str:
    if role == audit.PROGRAM:
        return str(_("A program of an organisation"))
    return str(ROLES[role].title) if role in ROLES else ""


def looks_at(person_id: int, own_user_ids: Iterable[int]) -> QuerySet[AuditRow]:
    """Return the rows that name a person, without the person's own."""
    return AuditRow.objects.naming(person_id).exclude(actor__in=list(own_user_ids))


def refusal_notices() -> QuerySet[RefusalNotice]:
    """Return the accounts refused more often on a day than is tolerated, newest first."""
    return RefusalNotice.objects.filter(count__gt=settings.REFUSED_LOOKS_TOLERATED).order_by("-on", "-count")


@dataclass(frozen=True)
class ChainState:
    """Where the audit chain stands."""

    last_block: AuditBlock | None
    last_head: AuditHead | None


def chain_state() -> ChainState:
    """Return the newest block and the newest published head."""
    return ChainState(AuditBlock.objects.last(), AuditHead.objects.last())


def outbox_counts() -> dict[str, object]:
    """Return how many events wait to be fanned out and how many deliveries are pending or parked.

    Events of a kind that this process does not know are counted apart, with the time of the oldest.
    """
    counts = Delivery.objects.aggregate(
        pending=Count("id", filter=Q(state=Delivery.State.PENDING)),
        parked=Count("id", filter=Q(state=Delivery.State.PARKED)),
    )
    is_known = Q(kind__in=list(outbox.flows()))
    waiting = Event.objects.filter(fanned_out_at=None).aggregate(
        new=Count("id", filter=is_known),
        unknown=Count("id", filter=~is_known),
        unknown_since=Min("created_at", filter=~is_known),
    )
    since = waiting["unknown_since"]
    return {**waiting, "unknown_since": since.isoformat() if since else None, **counts}


def parked_deliveries() -> QuerySet[Delivery]:
    """Return the deliveries that were given up, oldest first."""
    return Delivery.objects.filter(state=Delivery.State.PARKED).select_related("event").order_by("id")


def system_picture() -> dict[str, object]:
    """Return what the status page shows, as JSON types: seconds since each beat, outbox counts, last block."""
    last = AuditBlock.objects.last()
    return {
        "at": clock.now().isoformat(),
        "processes": beats.ages(),
        "outbox": outbox_counts(),
        "block": {"number": last.number, "sealed_at": last.sealed_at.isoformat()} if last else None,
    }
