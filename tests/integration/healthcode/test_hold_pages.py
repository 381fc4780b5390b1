"""Pages of held evidence: the second person's, and the auditor's."""

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse

from citybrain.core import clock, roles
from citybrain.core.models import AuditRow
from citybrain.core.models.audit import Deed
from healthcode.models import CodeState, Evidence, Hold, Impact
from tests.codes import adopt
from tests.people import District, browse
from tests.recording import record_url, send, today

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(district: District, settings: Any) -> District:
    adopt()
    settings.HOLD_LIMITS = {**settings.HOLD_LIMITS, "burst": 0}
    return district


@pytest.fixture
def hold(people: District) -> Hold:
    """A close contact that a health officer of the street has sent, with its paper."""
    officer = browse(people.user(roles.HealthOfficer, people.street))
    send(officer, record_url(people.zhang, "exposure"), {"grade": "close", "day": today()})
    return Hold.objects.get()


def decide(user: Any, hold: Hold, go: str, note: str = "") -> Any:
    return browse(user).post(reverse("healthcode:decide_hold", args=[hold.ref]), {"go": go, "note": note})


def test_the_second_person_reads_numbers_words_and_papers_and_no_full_name(people: District, hold: Hold) -> None:
    commander = browse(people.user(roles.DistrictCommander))
    assert [line["hold"] for line in commander.get("/holds/").context["lines"]] == [hold]
    page = commander.get(reverse("healthcode:hold", args=[hold.ref]))
    text = page.content.decode()
    assert "张*" in text
    assert "张三" not in text
    assert page.context["streets"] == [("东新街道", 1)]
    assert page.context["organisations"] == [("东新电子", 1)]
    assert page.context["line"]["unit"].endswith("东新街道")
    look = AuditRow.objects.filter(deed=Deed.SEE_HELD).latest("id")
    assert (look.subjects, look.purpose) == ([people.zhang.pk], "visit")
    item = hold.items.get()
    paper = commander.get(reverse("healthcode:hold_paper", args=[hold.ref, item.pk]))
    assert paper.headers["Content-Type"] == "image/jpeg"
    assert AuditRow.objects.filter(deed=Deed.SEE_PHOTO, subjects=[people.zhang.pk]).count() == 1
    assert commander.get(reverse("healthcode:hold_paper", args=[hold.ref, item.pk + 1])).status_code == 404


def test_letting_in_makes_it_evidence_and_a_second_click_changes_nothing(people: District, hold: Hold) -> None:
    commander = people.user(roles.DistrictCommander)
    assert decide(commander, hold, "approve").headers["Location"] == "/holds/"
    assert CodeState.objects.get().state == "red"
    for go in ("approve", "refuse"):
        late = decide(commander, hold, go, "x")
        assert late.status_code == 409
        assert late.context["problem"]
    assert Evidence.objects.count() == 1
    sender = browse(people.user(roles.HealthOfficer, people.street))
    assert sender.get(reverse("healthcode:held", args=[hold.ref])).status_code == 200


def test_a_refusal_says_why_and_its_sender_reads_it(people: District, hold: Hold) -> None:
    commander = people.user(roles.DistrictCommander)
    assert decide(commander, hold, "refuse", "  ").context["form"].errors
    hold.refresh_from_db()
    assert hold.state == "waiting"
    decide(commander, hold, "refuse", "没有流调报告")
    assert not Evidence.objects.exists()
    sender = browse(people.user(roles.HealthOfficer, people.street))
    assert "没有流调报告" in sender.get(reverse("healthcode:held", args=[hold.ref])).content.decode()


def test_the_sender_and_their_unit_are_told_that_somebody_else_decides(people: District, hold: Hold) -> None:
    sender = people.user(roles.HealthOfficer, people.street)
    page = browse(sender).get(reverse("healthcode:hold", args=[hold.ref]))
    assert page.context["why_not"]
    assert 'value="approve"' not in page.content.decode()
    assert decide(sender, hold, "approve").status_code == 409
    assert not Evidence.objects.exists()


def test_who_may_not_let_in_has_no_page(people: District, hold: Hold) -> None:
    urls = ["/holds/", reverse("healthcode:hold", args=[hold.ref])]
    assert browse(None).get(urls[0]).status_code == 302
    for role in (roles.Resident, roles.GridWorker, roles.StreetStaff, roles.ClinicStaff, roles.Auditor):
        client = browse(people.user(role))
        assert [client.get(url).status_code for url in urls] == [403, 403]
        assert decide(people.user(role), hold, "approve").status_code == 403
    far = people.user(roles.DistrictCommander, people.other_grid)
    assert browse(far).get("/holds/").context["lines"] == []
    assert browse(far).get(urls[1]).status_code == 404
    assert decide(far, hold, "approve").status_code == 404
    assert AuditRow.objects.filter(deed=Deed.SEE_HELD, outcome="refused").count() == 2


def test_the_auditor_sees_every_hold_and_who_changed_most_codes_and_names_nobody(
    people: District, hold: Hold, settings: Any
) -> None:
    settings.HOLD_LIMITS = {**settings.HOLD_LIMITS, "burst": 9}
    officer = browse(people.user(roles.HealthOfficer))
    send(officer, record_url(people.li, "exposure"), {"grade": "close", "day": today()})
    auditor = browse(people.user(roles.Auditor))
    page = auditor.get("/holds/trail/")
    assert [line["hold"] for line in page.context["lines"]] == [hold]
    assert [(row["name"], row["worse"], row["alone"]) for row in page.context["authors"]] == [("health_officer", 1, 1)]
    assert page.context["units"][0]["name"].endswith("下城区")
    for name in ("张", "李*", "李四"):
        assert name not in page.content.decode()
    # What a second person has let in is told apart.
    decide(people.user(roles.DistrictCommander), hold, "approve")
    rows = auditor.get("/holds/trail/").context["authors"]
    assert sorted((row["worse"], row["alone"]) for row in rows) == [(1, 0), (1, 1)]
    for role in (roles.HealthOfficer, roles.DistrictCommander, roles.SystemAdministrator, roles.Resident):
        assert browse(people.user(role)).get("/holds/trail/").status_code == 403
    with clock.at(clock.now() + dt.timedelta(days=1, minutes=1)):
        assert browse(people.user(roles.Auditor)).get("/holds/trail/").context["authors"] == []
    assert Impact.objects.count() == 2
