"""What staff record of others goes through one door: by permission, and beyond a limit only with a second person."""

import datetime as dt
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from citybrain.core import clock, roles
from citybrain.core.access import RefusedLookError
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import AuditRow, Event, Membership, Organisation, Person, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import queries
from healthcode.actions import holds
from healthcode.actions.evidence import Said
from healthcode.actions.submit import Submitted, foresee, submit_evidence, submit_once
from healthcode.models import CodeState, Evidence, HeldItem, Hold, Impact
from tests.codes import WELL, adopt, tell
from tests.people import District, make_district, make_person

pytestmark = pytest.mark.django_db
CLOSE, SECONDARY = {"grade": "close"}, {"grade": "secondary"}
LIMITS = {
    "burst": 50,
    "author_day": 50,
    "unit_day": 50,
    "feed_day": 50,
    "district_hour": 50,
    "organisation_day": 50,
    "grid_day": 50,
}


@pytest.fixture
def people(district: District) -> District:
    adopt()
    return district


def crowd(district: District, number: int, **where: Any) -> list[Person]:
    return [make_person(f"居民{one}", where.get("area", district.grid)) for one in range(number)]


def expose(user: User, persons: Iterable[Person], facts: Any = CLOSE, **more: Any) -> Submitted:
    said = [Said(person, "exposure", facts, more.pop("true_at", None)) for person in persons]
    return submit_evidence(said=said, source="disease_control", by=user, under=Act.RECORD_EXPOSURE, **more)


def red(persons: Iterable[Person]) -> int:
    return CodeState.objects.filter(person__in=list(persons), state="red").count()


def test_a_kind_is_recorded_only_by_whoever_has_its_permission_where_the_person_lives(people: District) -> None:
    elsewhere = people.user(roles.GridWorker, people.other_grid)
    hot = Said(people.zhang, "temperature", {"celsius": 38.0, "confirmed": True})
    for user, under, said in (
        # Another grid's worker; a permission that is not the kind's; one that the role has not; a kind without any.
        (elsewhere, Act.RECORD_TEMPERATURE, hot),
        (people.user(roles.HealthOfficer), Act.RECORD_TRIP, Said(people.zhang, "exposure", CLOSE)),
        (people.user(roles.GridWorker), Act.RECORD_EXPOSURE, Said(people.zhang, "exposure", CLOSE)),
        (people.user(roles.HealthOfficer), Act.DECIDE_APPEALS, Said(people.zhang, "correction", {"field": "name"})),
    ):
        with pytest.raises(RefusedLookError):
            submit_evidence(said=[said], source="gate", by=user, under=under)
    assert not Evidence.objects.exists()
    # Those who meet people record of whoever stands before them.
    for role in (roles.GateStaff, roles.ClinicStaff):
        user = people.user(role, people.employer)
        assert submit_evidence(said=[hot], source="gate", by=user, under=Act.RECORD_TEMPERATURE).evidence
    row = Evidence.objects.latest("id")
    assert row.unit == f"clinic_staff@organisation:{people.employer.pk}"


@pytest.mark.parametrize(
    ("limit", "because"),
    [
        ("burst", "burst"),
        ("author_day", "author"),
        ("unit_day", "unit"),
        ("district_hour", "district"),
        ("organisation_day", "organisation"),
        ("grid_day", "address"),
    ],
)
def test_each_limit_holds_what_goes_beyond_it_as_a_whole(
    people: District, settings: Any, limit: str, because: str
) -> None:
    settings.HOLD_LIMITS = {**LIMITS, limit: 3}
    persons, officer = crowd(people, 5), people.user(roles.HealthOfficer)
    for person in persons:
        Membership.objects.create(person=person, organisation=people.employer)
    assert expose(officer, persons[:2]).hold is None
    before = (Evidence.objects.count(), Event.objects.count())
    hold = expose(officer, persons[2:]).hold
    assert hold is not None
    assert (hold.because, hold.worse, hold.better, hold.made_by) == ([because], 3, 0, officer.pk)
    # Nothing of it happened: no evidence, no colour, no event.
    assert (Evidence.objects.count(), Event.objects.count()) == before
    assert (red(persons), HeldItem.objects.count()) == (2, 3)
    row = AuditRow.objects.get(deed=Deed.HOLD_EVIDENCE)
    assert (sorted(row.subjects), row.detail["because"]) == ([one.pk for one in persons[2:]], [because])
    # There is still room for one, and for those already counted.
    assert expose(officer, persons[:1], SECONDARY).hold is None
    assert expose(officer, persons[2:3]).hold is None


def test_targets_are_counted_whoever_sends(people: District, settings: Any) -> None:
    settings.HOLD_LIMITS = {**LIMITS, "organisation_day": 4}
    persons = crowd(people, 3) + crowd(people, 3, area=people.other_grid)
    for person in persons:
        Membership.objects.create(person=person, organisation=people.employer)
    users = [people.user(roles.HealthOfficer, area) for area in (None, people.street, people.community)]
    held = [expose(users[number % 3], [person]).hold for number, person in enumerate(persons)]
    assert [bool(hold) for hold in held] == [False] * 4 + [True] * 2
    # A signed feed has a limit of its own, and the same targets.
    feed: dict[str, Any] = {"source": "laboratory", "by": None, "under": Act.RECORD_EXPOSURE, "feed": "key:7"}
    hold = submit_evidence(said=[Said(persons[5], "exposure", CLOSE)], **feed).hold
    assert hold is not None
    assert (hold.because, hold.made_by, hold.made_under) == (["organisation"], None, "key:7")


def test_time_makes_room_again(people: District, settings: Any) -> None:
    settings.HOLD_LIMITS = {**LIMITS, "burst": 2, "author_day": 3}
    persons, officer, now = crowd(people, 5), people.user(roles.HealthOfficer), clock.now()
    expose(officer, persons[:2])
    assert expose(officer, persons[2:3]).hold
    for later, number, is_held in ((601, 2, False), (1300, 3, True), (86_400 + 2000, 3, False)):
        with clock.at(now + later * dt.timedelta(seconds=1)):
            assert bool(expose(officer, persons[number : number + 1]).hold) is is_held


def test_what_is_made_better_by_others_waits_too_and_what_a_feed_makes_better_does_not(
    people: District, settings: Any
) -> None:
    settings.HOLD_LIMITS = LIMITS
    persons, officer = crowd(people, 3), people.user(roles.HealthOfficer)
    wrong = expose(officer, persons).evidence
    settings.HOLD_LIMITS = {**LIMITS, "burst": 2}
    because = {"because": "entered_in_error"}
    taken_back = [Said(one.person, "withdrawal", because, withdraws=one) for one in wrong]
    asked: dict[str, Any] = {"said": taken_back, "source": "disease_control", "under": Act.WITHDRAW_EVIDENCE}
    hold = submit_evidence(**asked, by=officer).hold
    assert hold is not None
    assert (hold.worse, hold.better, red(persons)) == (0, 3, 3)
    assert submit_evidence(**asked, by=None, feed="key:1").hold is None
    assert red(persons) == 0
    # It leaves no trace in the limits.
    assert not Impact.objects.filter(effect="better").exists()


def test_ones_own_declaration_and_check_in_never_wait(people: District, settings: Any) -> None:
    settings.HOLD_LIMITS = dict.fromkeys(LIMITS, 0)
    for person in crowd(people, 3):
        tell(person, "declaration", {**WELL, "symptoms": ["cough"]}, clock.now())
    assert CodeState.objects.filter(state="yellow").count() == 3
    assert not Impact.objects.exists()


def test_another_ground_counts_although_the_colour_stays(people: District, settings: Any) -> None:
    settings.HOLD_LIMITS = LIMITS
    officer = people.user(roles.HealthOfficer)
    expose(officer, [people.zhang])
    expose(officer, [people.zhang])
    expose(officer, [people.zhang], SECONDARY)
    assert [row.effect for row in Impact.objects.all()] == ["worse"] * 3
    # Evidence that changes nothing leaves nothing to count.
    trip = Said(people.zhang, "trip", {"from": "武汉", "day": "2020-02-01", "transport": "car"})
    submit_evidence(said=[trip], source="disease_control", by=officer, under=Act.RECORD_TRIP)
    assert Impact.objects.count() == 3


def test_the_door_says_beforehand_what_would_happen_and_leaves_nothing_behind(people: District, settings: Any) -> None:
    settings.HOLD_LIMITS = {**LIMITS, "burst": 0}
    officer = people.user(roles.HealthOfficer)
    told = [Said(people.zhang, "exposure", CLOSE)]
    seen = foresee(said=told, source="disease_control", by=officer, under=Act.RECORD_EXPOSURE)
    assert [(one.before, one.after) for one in seen.changes] == [("not_known", "red")]
    assert (seen.opened, seen.worse, seen.because) == ({people.zhang.pk: {"close_contact"}}, 1, ["burst"])
    assert not Evidence.objects.exists()
    assert not AuditRow.objects.filter(deed=Deed.RECORD_EVIDENCE).exists()
    assert queries.state_of(people.zhang).state == "not_known"


def test_a_second_click_gets_the_answer_of_the_first(people: District, settings: Any) -> None:
    officer, now = people.user(roles.HealthOfficer), clock.now()
    asked: dict[str, Any] = {"source": "disease_control", "by": officer, "under": Act.RECORD_EXPOSURE}
    said = [Said(people.zhang, "exposure", CLOSE, now)]
    first, second = submit_once(said=said, **asked), submit_once(said=said, **asked)
    assert first.evidence == second.evidence
    settings.HOLD_LIMITS = {**LIMITS, "burst": 0}
    said = [Said(people.li, "exposure", CLOSE, now)]
    assert submit_once(said=said, **asked).hold == submit_once(said=said, **asked).hold
    assert (Evidence.objects.count(), Hold.objects.count()) == (1, 1)


def test_an_author_withdraws_their_own_evidence_and_nobody_withdraws_a_decision(people: District) -> None:
    worker, colleague = people.user(roles.GridWorker), people.user(roles.CommunityStaff)
    hot = Said(people.zhang, "temperature", {"celsius": 38.0, "confirmed": True})
    row = submit_evidence(said=[hot], source="grid_worker", by=worker, under=Act.RECORD_TEMPERATURE).evidence[0]
    back = [Said(people.zhang, "withdrawal", {"because": "entered_in_error"}, withdraws=row)]
    with pytest.raises(RefusedLookError):
        submit_evidence(said=back, source="grid_worker", by=colleague, under=Act.RECORD_TEMPERATURE)
    assert submit_evidence(said=back, source="grid_worker", by=worker, under=Act.RECORD_TEMPERATURE).evidence
    assert not queries.reasons_of(people.zhang).exists()
    order = tell(
        people.zhang, "isolation_order", {"place": "home", "from": "2020-02-01", "to": "2020-02-15"}, clock.now()
    )
    back = [Said(people.zhang, "withdrawal", {"because": "entered_in_error"}, withdraws=order)]
    with pytest.raises(RefusedLookError):
        submit_evidence(
            said=back, source="disease_control", by=people.user(roles.HealthOfficer), under=Act.WITHDRAW_EVIDENCE
        )


def _held(people: District, settings: Any, number: int = 3) -> tuple[Hold, list[Person]]:
    settings.HOLD_LIMITS = {**LIMITS, "burst": number - 1}
    persons = crowd(people, number)
    hold = expose(people.user(roles.HealthOfficer), persons).hold
    assert hold is not None
    return hold, persons


def test_another_unit_lets_held_evidence_in_and_it_counts_no_more(people: District, settings: Any) -> None:
    hold, persons = _held(people, settings)
    commander, officer = people.user(roles.DistrictCommander), people.user(roles.HealthOfficer)
    asked_at = clock.now()
    holds.approve_held(hold=hold, by=commander, note="核对过名单")
    assert red(persons) == 3
    rows = list(Evidence.objects.all())
    assert {(row.author, row.unit, row.source) for row in rows} == {(officer.pk, hold.made_under, "disease_control")}
    # It was not known before it was let in, whatever a replay asks.
    assert all(row.known_at >= asked_at for row in rows)
    assert {item.evidence_id for item in HeldItem.objects.all()} == {row.pk for row in rows}
    assert all(row.is_approved for row in Impact.objects.all())
    decided = AuditRow.objects.get(deed=Deed.APPROVE_HELD)
    assert (decided.actor, decided.target, len(decided.subjects)) == (commander.pk, f"hold:{hold.pk}", 3)
    # A second approval, and a refusal that comes too late, are told so.
    with pytest.raises(holds.HoldError, match="已经"):
        holds.approve_held(hold=hold, by=commander)
    with pytest.raises(holds.HoldError, match="已经"):
        holds.refuse_held(hold=hold, by=commander, note="x")
    assert Evidence.objects.count() == 3
    assert expose(officer, crowd(people, 2)).hold is None


def test_neither_the_sender_nor_their_unit_nor_who_filled_the_limit_decides(people: District, settings: Any) -> None:
    hold, persons = _held(people, settings)
    sender, colleague = people.user(roles.HealthOfficer), User.objects.create(username="health-2")
    grant_role(user=colleague, role=roles.HealthOfficer, on=people.district, by=None)
    for user in (sender, colleague):
        for decide in (holds.approve_held, holds.refuse_held):
            with pytest.raises(holds.HoldError):
                decide(hold=hold, by=user, note="x")
    # Whoever filled the grid's limit does not open it either.
    settings.HOLD_LIMITS = {**LIMITS, "grid_day": 2}
    street = people.user(roles.HealthOfficer, people.street)
    expose(street, persons[:1])
    second = expose(sender, persons[1:]).hold
    assert second is not None
    with pytest.raises(holds.HoldError):
        holds.approve_held(hold=second, by=street)
    assert red(persons) == 1
    holds.refuse_held(hold=second, by=people.user(roles.DistrictCommander), note="没有依据")
    second.refresh_from_db()
    assert (second.state, second.note, red(persons)) == ("refused", "没有依据", 1)


def test_whoever_does_not_see_all_the_people_does_not_decide(people: District, settings: Any) -> None:
    hold, _persons = _held(people, settings)
    HeldItem.objects.filter(pk=hold.items.latest("pk").pk).update(person=people.li)
    near = people.user(roles.DistrictCommander, people.grid)
    assert not Hold.objects.visible_to(near, Act.APPROVE_HELD).exists()
    with pytest.raises(holds.HoldError):
        holds.approve_held(hold=hold, by=near)
    far = people.user(roles.DistrictCommander, people.community)
    assert Hold.objects.visible_to(far, Act.APPROVE_HELD).get() == hold


@pytest.mark.steady
@pytest.mark.django_db(transaction=True)
def test_two_submissions_at_once_do_not_both_find_room(settings: Any) -> None:
    people = make_district()
    adopt()
    settings.HOLD_LIMITS = {**LIMITS, "grid_day": 3}
    persons = crowd(people, 12)
    users = [people.user(roles.HealthOfficer, area) for area in (None, people.street, people.community, people.grid)]
    barrier = threading.Barrier(4)

    def send(number: int) -> None:
        barrier.wait()
        # In both directions, so that locks taken in another order would meet.
        mine = persons[number * 3 : number * 3 + 3] + persons[(number + 1) % 4 * 3 : (number + 1) % 4 * 3 + 1]
        for person in mine[:: 1 if number % 2 else -1]:
            expose(users[number], [person])
        connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert red(persons) == 3
    assert Hold.objects.count() == 16 - Evidence.objects.count()


@pytest.mark.steady
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_however_a_list_is_cut_no_organisation_goes_beyond_its_limit_without_a_second_person(
    people: District, settings: Any, data: st.DataObject
) -> None:
    most = data.draw(st.integers(1, 4), "limit")
    settings.HOLD_LIMITS = {**LIMITS, "organisation_day": most}
    users = [people.user(roles.HealthOfficer, area) for area in (None, people.street, people.community)]
    with transaction.atomic():
        organisations = [
            people.employer,
            Organisation.objects.create(kind="school", name="东新小学", area=people.street),
        ]
        persons = crowd(people, 8) + crowd(people, 4, area=people.other_grid)
        for person in persons:
            for organisation in data.draw(st.sets(st.sampled_from(organisations), min_size=1), "works at"):
                Membership.objects.create(person=person, organisation=organisation)
        order = data.draw(st.permutations(persons), "order")
        at, left = clock.now(), list(order)
        while left:
            size = data.draw(st.integers(1, len(left)), "size")
            at += dt.timedelta(seconds=data.draw(st.integers(1, 7000), "pause"))
            with clock.at(at):
                facts = data.draw(st.sampled_from([CLOSE, SECONDARY]), "facts")
                expose(data.draw(st.sampled_from(users), "author"), left[:size], facts)
            left = left[size:]
        for organisation in organisations:
            worse = CodeState.objects.filter(person__memberships__organisation=organisation)
            assert worse.exclude(state="not_known").count() <= most
        transaction.set_rollback(True)
