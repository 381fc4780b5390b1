"""The daily check-in: one tap or two questions, what it does to the code, and who may give it for whom."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from citybrain.core import clock, roles
from citybrain.core.models import AuditRow, Event, Person
from citybrain.core.purposes import Purpose
from healthcode import check_in_queries as queries
from healthcode.actions import check_in as actions
from healthcode.actions.check_in import Given
from healthcode.models import CodeState, Evidence, Reason
from tests.codes import BODY, WELL, adopt, check_in, noon, tell
from tests.people import District, browse

CONTACT = {"grade": "secondary"}
PAGE = "/check-in/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def yellow(district: District) -> Person:
    """张三 has declared on the 12th that he met somebody who met a case: seven check-ins from the 13th on."""
    adopt()
    tell(district.zhang, "declaration", WELL, noon(2, 12, 9))
    tell(district.zhang, "exposure", CONTACT, noon(2, 12, 10))
    return district.zhang


def _open(district: District) -> Client:
    return browse(district.user(roles.Resident), purpose="")


def _send(client: Client, url: str = PAGE, **typed: Any) -> Any:
    form = client.get(url).context["form"]
    return client.post(url, {"seen": form["seen"].value(), "replaces": "", **typed}, follow=True)


def test_one_tap_confirms_a_well_declaration_and_moves_the_progress(district: District, yellow: Person) -> None:
    client = _open(district)
    with clock.at(noon(2, 13)):
        page = client.get(PAGE)
        assert page.context["confirms"] is not None
        done = _send(client, same="yes")
        assert done.redirect_chain[-1][0] == reverse("healthcode:check_in_done")
        (count,) = done.context["counts"]
        assert (count.done, count.of, count.left) == (1, 7, 6)
        assert not queries.owes_now(yellow)
    evidence = Evidence.objects.get(kind="check_in")
    assert (evidence.facts, evidence.source) == ({"symptoms": [], "no_change": True}, "self")
    assert AuditRow.objects.filter(deed="check_in", subjects=[yellow.pk]).exists()


def test_whoever_checks_in_seven_days_by_one_tap_is_green_and_told_so(district: District, yellow: Person) -> None:
    client = _open(district)
    for day in range(13, 20):
        with clock.at(noon(2, day, 9)):
            done = _send(client, same="yes")
    assert CodeState.objects.get(person=yellow).state == "green"
    assert done.context["counts"] == []
    assert "绿" in done.content.decode()


def test_no_change_is_offered_only_after_something_normal_in_the_last_two_days(
    district: District, yellow: Person
) -> None:
    client = _open(district)
    with clock.at(noon(2, 15)):
        assert client.get(PAGE).context["confirms"] is None
        refused = _send(client, same="yes")
        assert refused.redirect_chain[-1][0] == PAGE
        _send(client, symptoms="cough")
    with clock.at(noon(2, 16)):
        assert client.get(PAGE).context["confirms"] is None
        _send(client, symptoms="none", celsius="36.5")
        tell(yellow, "temperature", {"celsius": 38, "confirmed": True}, noon(2, 16))
    with clock.at(noon(2, 17)):
        assert client.get(PAGE).context["confirms"] is None
    assert not Evidence.objects.filter(kind="check_in", facts__has_key="no_change").exists()


def test_an_explained_cough_that_goes_on_is_no_change_and_normal(district: District, yellow: Person) -> None:
    cough = {"symptoms": ["cough"], "explained": ["cough"], "pledged": True}
    tell(yellow, "declaration", cough, noon(2, 12, 11))
    client = _open(district)
    with clock.at(noon(2, 13)):
        _send(client, same="yes")
    assert Evidence.objects.get(kind="check_in").facts == {"symptoms": ["cough"], "no_change": True}
    assert not Event.objects.filter(kind="check_in.worse").exists()


def test_a_form_that_arrives_twice_is_kept_once_and_a_different_answer_is_kept_too(
    district: District, yellow: Person
) -> None:
    client = _open(district)
    with clock.at(noon(2, 13)):
        seen = client.get(PAGE).context["form"]["seen"].value()
        for _time in range(2):
            client.post(PAGE, {"seen": seen, "same": "yes"})
        assert Evidence.objects.filter(kind="check_in").count() == 1
        client.post(PAGE, {"seen": seen, "symptoms": "fever", "celsius": "38.4"})
        assert Evidence.objects.filter(kind="check_in").count() == 2, "a fever is never taken for a repeat"
    with clock.at(noon(2, 14)):
        client.post(PAGE, {"seen": seen, "symptoms": "none"})
        client.post(PAGE, {"seen": seen, "symptoms": "none"})
    assert Evidence.objects.filter(kind="check_in").count() == 3, "a page of yesterday counts for today, once"


def test_a_mistake_is_replaced_within_ten_minutes_and_stays_on_record(district: District, yellow: Person) -> None:
    client = _open(district)
    start = noon(2, 13)
    with clock.at(start):
        _send(client, symptoms="cough")
    with clock.at(start + dt.timedelta(minutes=9)):
        old = client.get(PAGE).context["mistake"]
        done = _send(client, symptoms="none", replaces=old.pk)
        assert done.context["counts"][0].done == 1
        assert [reason.rule for reason in Reason.objects.filter(closed_at=None)] == ["contact_of_contact"]
    new = Evidence.objects.get(withdraws=old)
    assert new.true_at == old.true_at
    with clock.at(start + dt.timedelta(minutes=20)):
        assert client.get(PAGE).context["mistake"] is None
        _send(client, symptoms="fever", replaces=new.pk)
    assert not Evidence.objects.filter(withdraws=new).exists()


def test_worsening_is_evidence_an_event_and_plain_advice_at_once(district: District, yellow: Person) -> None:
    client = _open(district)
    with clock.at(noon(2, 13)):
        done = _send(client, symptoms=["fever", "breathing"], celsius="37.3")
    assert done.context["is_worse"]
    assert "120" in done.content.decode()
    told = Event.objects.get(kind="check_in.worse")
    assert told.payload == {"evidence": Evidence.objects.get(kind="check_in").pk}


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ({"symptoms": "none", "celsius": "99"}, "celsius"),
        ({"symptoms": "none", "celsius": "hot"}, "celsius"),
        ({"symptoms": ["none", "cough"]}, "symptoms"),
        ({"celsius": "36.5"}, "symptoms"),
        ({"symptoms": "death"}, "symptoms"),
    ],
)
def test_a_wrong_answer_is_kept_on_the_page_and_told(
    district: District, yellow: Person, typed: dict[str, Any], where: str
) -> None:
    page = _send(_open(district), **typed)
    assert where in page.context["form"].errors
    assert f'value="{typed.get("celsius", "")}"' in page.content.decode() or "celsius" not in typed
    assert not Evidence.objects.filter(kind="check_in").exists()


def test_damaged_forms_are_answered_and_record_nothing(district: District, yellow: Person) -> None:
    client = _open(district)
    for damaged in ({}, {"seen": "x", "same": "yes"}, {"seen": "9" * 40, "symptoms": "none"}, {"seen": "-1"}):
        assert client.post(PAGE, damaged).status_code == 200
    assert not Evidence.objects.filter(kind="check_in").exists()


def test_whoever_owes_nothing_is_told_so_and_may_check_in_all_the_same(district: District) -> None:
    adopt()
    client = _open(district)
    assert not client.get(PAGE).context["is_watched"]
    done = _send(client, symptoms="none", celsius="36,6")
    assert Evidence.objects.get(kind="check_in").facts == {"symptoms": [], "celsius": 36.6}
    assert not done.context["is_watched"]


def test_nobody_without_a_person_and_no_stranger_to_a_family_checks_in(district: District, yellow: Person) -> None:
    assert Client().get(PAGE).status_code == 302
    nameless = browse(district.resident(None, "19900000099"), purpose="")
    assert nameless.get(PAGE).headers["Location"] == reverse("healthcode:declare")
    stranger = browse(district.resident(district.li, "19900000098"), purpose="")
    for url in (f"{PAGE}{yellow.ref}/", f"{PAGE}{yellow.ref}/done/"):
        assert stranger.get(url).status_code == 404
    assert stranger.post(f"{PAGE}{yellow.ref}/", {"seen": 0, "symptoms": "none"}).status_code == 404
    assert AuditRow.objects.filter(outcome="refused", subjects=[yellow.pk]).count() == 3
    assert browse(district.user(roles.GridWorker)).get(PAGE).status_code == 403


def test_without_rules_the_page_says_so_and_loses_nothing(district: District) -> None:
    client = _open(district)
    assert client.get(PAGE).status_code == 503
    assert client.post(PAGE, {"seen": 0, "symptoms": "none"}).status_code == 503


def test_a_missed_day_and_the_policy_are_shown_and_what_no_longer_counts(district: District, yellow: Person) -> None:
    check_in(yellow, 2, [13, 14, 16])
    client = _open(district)
    with clock.at(noon(2, 16, 20)):
        (count,) = client.get(PAGE).context["counts"]
    states = [(day.on.day, day.state) for day in count.days]
    assert states[:4] == [(13, "lost"), (14, "lost"), (15, "missed"), (16, "counts")]
    assert [state for _day, state in states[4:]] == ["to_come"] * 6
    assert (count.done, count.restarts) == (1, True)


def test_nobody_misses_a_day_before_it_was_known_that_there_is_a_reason(district: District) -> None:
    adopt()
    tell(district.zhang, "exposure", CONTACT, noon(2, 12, 10), true_at=noon(2, 6))
    with clock.at(noon(2, 12, 12)):
        (count,) = queries.counts([district.zhang.pk])[district.zhang.pk]
        assert [day.state for day in count.days] == ["today"] + ["to_come"] * 6
    with clock.at(noon(2, 13, 7)):
        known = queries.watched(Person.objects.filter(pk=district.zhang.pk)).get()
    said: Any = known
    assert said.owed_yesterday
    assert not said.had_yesterday


def test_on_the_day_of_the_reason_nothing_is_owed_yet(district: District, yellow: Person) -> None:
    with clock.at(noon(2, 12, 20)):
        assert not queries.owes_now(yellow)
        page = _open(district).get(PAGE)
        assert page.context["is_watched"]
        assert not page.context["is_owed"]
    with clock.at(noon(2, 13, 0)):
        assert queries.owes_now(yellow)


def test_a_worker_checks_in_for_somebody_of_their_grid_as_a_worker(district: District, yellow: Person) -> None:
    worker = district.user(roles.GridWorker)
    client = browse(worker, Purpose.ISOLATION_CARE)
    url = reverse("healthcode:check_in_record", args=[yellow.ref])
    with clock.at(noon(2, 13)):
        assert client.get(url).status_code == 200
        seen = client.get(url).context["form"]["seen"].value()
        for _time in range(2):
            client.post(url, {"seen": seen, "replaces": "", "symptoms": "none", "celsius": "36.4"})
    evidence = Evidence.objects.get(kind="check_in")
    assert (evidence.source, evidence.author) == ("grid_worker", worker.pk)
    assert evidence.unit.startswith("grid_worker@area:")
    elsewhere = browse(district.user(roles.GridWorker, district.other_grid), Purpose.ISOLATION_CARE)
    assert elsewhere.get(url).status_code == 404
    assert elsewhere.post(url, {"seen": 0, "symptoms": "none"}).status_code == 404
    assert browse(district.user(roles.Resident)).get(url).status_code == 403


def test_a_replacement_by_somebody_else_is_refused(district: District, yellow: Person) -> None:
    with clock.at(noon(2, 13)):
        own = actions.check_in(person=yellow, given=Given(symptoms=["cough"]), by=district.user(roles.Resident))
        assert own.evidence is not None
        worker = district.user(roles.GridWorker)
        with pytest.raises(actions.CheckInError):
            actions.check_in_for(person=yellow, given=Given(replaces=own.evidence.pk), by=worker)


def test_a_gap_is_allowed_where_the_rules_go_on(district: District) -> None:
    adopt(BODY | {"name": "gaps", "check_ins": {"normal_below": 37.3, "missed_day": "go_on"}})
    tell(district.zhang, "exposure", CONTACT, noon(2, 12, 10))
    check_in(district.zhang, 2, [13, 15])
    with clock.at(noon(2, 16)):
        (count,) = queries.counts([district.zhang.pk])[district.zhang.pk]
        assert [day.state for day in count.days[:4]] == ["counts", "missed", "counts", "today"]
        assert (count.done, count.restarts) == (2, False)
