"""Appealing: what the person who appeals, or somebody who acts for them, does with a case."""

from collections.abc import Sequence

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, photos, workdays
from citybrain.core.models import Person, Photo, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import appeal_queries, queries
from healthcode.models import Appeal, AppealPaper, AppealStep

State, Did = Appeal.State, AppealStep.Did
MOST_WORDS = 1000
# At once, and in the whole case.
MOST_PICTURES, MOST_PAPERS = 3, 12
MOST_ADDITIONS = 20

_NEXT_NUMBER = """
INSERT INTO healthcode_appealnumber AS given (day, last) VALUES (%s, 1)
ON CONFLICT (day) DO UPDATE SET last = given.last + 1 RETURNING last
"""


class AppealError(Exception):
    """A step that is not possible as things stand; its text says why, to whoever tried."""


class AlreadyOpenError(Exception):
    """The same reason is contested already; `appeal` is the open case."""

    def __init__(self, appeal: Appeal) -> None:
        super().__init__(appeal.number)
        self.appeal = appeal


def make_appeal(
    *, person: Person, about: str, rule: str, text: str, pictures: Sequence[bytes] = (), by: User
) -> Appeal:
    """Open a case about a reason ("" for the code as a whole), whatever the code says.

    Raises AlreadyOpenError when that reason is contested already.
    """
    with transaction.atomic():
        # Pressed twice, the second one finds the case of the first.
        held = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        same = appeal_queries.open_case(held, rule)
        if same is not None:
            raise AlreadyOpenError(same)
        now = clock.now()
        hours = workdays.Hours(*settings.WORKING_HOURS)
        appeal = Appeal(
            number=_next_number(),
            person=held,
            area_id=held.area_id,
            made_by=by.pk,
            made_at=now,
            due_at=workdays.deadline(now, settings.APPEAL_WORKING_DAYS, hours).at,
            about=Appeal.About(about),
            rule=rule,
            contested=appeal_queries.contested(held, rule),
            code_said=queries.state_of(held).state,
        )
        appeal.text_cipher = appeal.seal(text)
        appeal.save()
        AppealStep.objects.create(appeal=appeal, did=Did.MADE, at=now, by=by.pk)
        _keep_papers(appeal, pictures, by)
        put_on_record(Deed.APPEAL, appeal, by, Act.APPEAL, step="made", papers=len(pictures))
    return appeal


def add(*, appeal: Appeal, text: str, pictures: Sequence[bytes] = (), by: User) -> None:
    """Add words or pictures to a case that is not closed: more of what shows it, or the answer to a question."""
    with transaction.atomic():
        held = hold(appeal, {State.OPEN, State.TAKEN, State.PROPOSED, State.HELD})
        if not text and not pictures:
            raise AppealError(_("Write something, or choose a picture."))
        if held.steps.filter(did=Did.ADDED).count() >= MOST_ADDITIONS:
            raise AppealError(_("So much is in this case already that nothing more fits in. Wait for the decision."))
        if held.papers.count() + len(pictures) > MOST_PAPERS:
            raise AppealError(_("A case holds 12 pictures. Your words were not added either: send them alone."))
        step(held, Did.ADDED, by, text)
        _keep_papers(held, pictures, by)
        put_on_record(Deed.APPEAL, held, by, Act.APPEAL, step="added", papers=len(pictures))


def take_back(*, appeal: Appeal, by: User) -> None:
    """End a case because the person no longer wants it; a new one can be made at any time."""
    with transaction.atomic():
        held = hold(appeal, {State.OPEN, State.TAKEN, State.PROPOSED})
        held.state = State.TAKEN_BACK
        held.save(update_fields=["state"])
        step(held, Did.TAKEN_BACK, by)
        put_on_record(Deed.APPEAL, held, by, Act.APPEAL, step="taken_back")


def hold(appeal: Appeal, before: set[Appeal.State]) -> Appeal:
    """Lock a case until the transaction ends; raise AppealError unless it stands where the step begins."""
    rows = Appeal.objects.select_for_update(of=("self",)).select_related("person__area", "area")
    held = rows.get(pk=appeal.pk)
    if held.state not in before:
        message = _("This was not done: the case is now “%(state)s”. Somebody was faster, or it was sent twice.")
        raise AppealError(message % {"state": held.get_state_display()})
    return held


def step(appeal: Appeal, did: AppealStep.Did, by: User, words: str = "") -> None:
    """Write one step of a case; its words are for the person to read."""
    sealed = appeal.seal(words) if words else b""
    AppealStep.objects.create(appeal=appeal, did=did, at=clock.now(), by=by.pk, note_cipher=sealed)


def put_on_record(deed: Deed, appeal: Appeal, by: User, act: Act, **detail: object) -> None:
    """Write the audit row of a step."""
    audit.record(
        deed,
        by=by,
        under=act,
        where=("area", [appeal.area_id]),
        purpose=appeal_queries.PURPOSE if act == Act.DECIDE_APPEALS else "",
        subjects=[appeal.person_id],
        target=f"appeal:{appeal.pk}",
        detail=detail,
    )


def _keep_papers(appeal: Appeal, pictures: Sequence[bytes], by: User) -> None:
    for jpeg in pictures[:MOST_PICTURES]:
        photo: Photo = photos.keep(jpeg=jpeg, area=appeal.area, by=by)
        AppealPaper.objects.create(appeal=appeal, photo=photo, added_at=clock.now())


def _next_number() -> str:
    today = clock.today()
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_NUMBER, [today])
        return f"{today:%Y%m%d}-{cursor.fetchone()[0]:04}"
