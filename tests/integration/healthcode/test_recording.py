"""Recording pages: who finds whom, what each form takes, and what becomes of it."""

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse

from citybrain.core import clock, roles
from citybrain.core.models import AuditRow, Organisation, Photo, User
from citybrain.core.models.audit import Deed
from healthcode import queries
from healthcode.models import Evidence, Hold
from healthcode.recording import DOCUMENTS_A_MINUTE
from healthcode.recording_forms import FORMS
from tests.codes import adopt, tell
from tests.people import LI_ID, ZHANG_ID, District, browse
from tests.recording import check, hidden, record_url, send, today

pytestmark = pytest.mark.django_db
START = "/evidence/"
TESTED = {"result": "negative", "method": "nucleic_acid", "time": "00:01"}


@pytest.fixture
def people(district: District) -> District:
    adopt()
    return district


@pytest.fixture
def clinic(people: District) -> User:
    hospital = Organisation.objects.create(kind="hospital", name="东新医院", area=people.community)
    return people.user(roles.ClinicStaff, hospital)


def find(client: Any, number: str, kind: str = "resident_id") -> Any:
    return client.post(START, {"type": kind, "number": number})


def every_form() -> dict[str, dict[str, Any]]:
    """Return what is typed into each form; days are today's."""
    day = {"day": today()}
    return {
        "exposure": {"grade": "secondary", **day},
        "case": {"status": "suspected", **day},
        "released": {"basis": "ruled_out", **day},
        "test_result": {**TESTED, **day},
        "temperature": {"celsius": "37，6℃", "confirmed": "yes"},
        "fever_clinic_visit": {"finding": "to_observe", "celsius": "38.1", **day},
        "trip": {"origin": "湖北武汉", "transport": "train", "number": "G1", **day},
        "risk_area_stay": {"code": "420000000000", "first": "2020-01-20", "day": "2020-02-01"},
        "vaccination": {"vaccine": "灭活疫苗", "dose": "2", **day},
        "recovery": {"diagnosed_on": "2020-02-01", **day},
    }


def test_staff_find_who_lives_in_their_area_and_a_clinic_whoever_shows_a_document(
    people: District, clinic: User
) -> None:
    worker = browse(people.user(roles.GridWorker))
    assert find(worker, ZHANG_ID).headers["Location"] == reverse("healthcode:record_person", args=[people.zhang.ref])
    # Somebody of another grid is nobody, on record; the answer is that for a number that nobody has.
    answers = [find(worker, number).content.decode() for number in (LI_ID, "33019919800101005X")]
    assert "Nobody of whom" in answers[0] or "没有" in answers[0]
    row = AuditRow.objects.filter(deed=Deed.SEE_PERSON).order_by("id")[1]
    assert (row.subjects, row.outcome) == ([people.li.pk], "refused")
    at_desk = browse(clinic)
    page = at_desk.get(find(at_desk, ZHANG_ID).headers["Location"])
    assert page.status_code == 200
    text = page.content.decode()
    assert "张*" in text
    assert "张三" not in text
    # What a clinic may record, and nothing of what is not its own.
    kinds = [kind for kind, _label, _lead in page.context["kinds"]]
    assert kinds == ["test_result", "temperature", "fever_clinic_visit", "vaccination", "recovery"]


def test_without_the_document_a_clinic_and_a_guard_open_nobody(people: District, clinic: User) -> None:
    for user in (clinic, people.user(roles.GateStaff, people.district)):
        client = browse(user)
        for url in (
            reverse("healthcode:record_person", args=[people.zhang.ref]),
            record_url(people.zhang, "temperature"),
        ):
            assert client.get(url).status_code == 404
        find(client, ZHANG_ID)
        assert client.get(url).status_code == 200
        # It stands before them for a while only.
        with clock.at(clock.now() + dt.timedelta(minutes=31)):
            session = client.session
            session["purpose"] = {"code": "visit", "until": clock.now().timestamp() + 60}
            session.save()
            assert client.get(url).status_code == 404
    assert AuditRow.objects.filter(outcome="refused", subjects=[people.zhang.pk]).count() == 6


def test_documents_are_asked_for_no_faster_than_at_a_gate(people: District, clinic: User) -> None:
    client = browse(clinic)
    for _one in range(DOCUMENTS_A_MINUTE):
        find(client, "33019919800101005X")
    assert find(client, ZHANG_ID).status_code == 200
    assert "before_me" not in client.session


def test_who_may_not_record_has_no_page(people: District) -> None:
    person = reverse("healthcode:record_person", args=[people.zhang.ref])
    assert browse(None).get(START).status_code == 302
    for role in (roles.Resident, roles.DistrictCommander, roles.Auditor, roles.SystemAdministrator, roles.Employer):
        client = browse(people.user(role))
        for url in (START, person, record_url(people.zhang, "case")):
            assert client.get(url).status_code == 403
            assert client.post(url).status_code == 403
    elsewhere = browse(people.user(roles.GridWorker, people.other_grid))
    assert elsewhere.get(person).status_code == 404
    # A permission for one kind is none for another, and there is no kind without one.
    worker = browse(people.user(roles.GridWorker))
    assert worker.get(record_url(people.zhang, "case")).status_code == 403
    for kind in ("other", "correction", "declaration", "county_confirmation", "isolation_order"):
        assert worker.get(record_url(people.zhang, kind)).status_code == 404
        assert browse(people.user(roles.HealthOfficer)).post(record_url(people.zhang, kind)).status_code == 404


@pytest.mark.parametrize("kind", list(FORMS))
def test_every_kind_is_filled_in_read_once_more_and_recorded(people: District, clinic: User, kind: str) -> None:
    user = clinic if kind in {"fever_clinic_visit", "vaccination", "recovery"} else people.user(roles.HealthOfficer)
    client = browse(user)
    find(client, ZHANG_ID)
    url, data = record_url(people.zhang, kind), every_form()[kind]
    assert set(every_form()) == set(FORMS)
    review = check(client, url, data)
    assert review.status_code == 200
    assert review.templates[0].name == "healthcode/recording/review.html", review.context["form"].errors
    assert not Evidence.objects.exists()
    done = client.post(url, {**data, **hidden(review), "go": "record"})
    row = Evidence.objects.get()
    assert (row.kind, row.person, row.author) == (kind, people.zhang, user.pk)
    assert row.source == ("clinic" if user is clinic else "disease_control")
    assert (row.document is not None) == FORMS[kind].takes_document
    page = client.get(done.headers["Location"])
    assert page.status_code == 200
    # A second click gets the answer of the first, and keeps no second picture.
    again = client.post(url, {**data, **hidden(review), "go": "record"})
    assert again.headers["Location"] == done.headers["Location"]
    assert (Evidence.objects.count(), Photo.objects.count()) == (1, int(FORMS[kind].takes_document))


def test_the_review_says_what_would_change_and_why(people: District) -> None:
    tell(people.zhang, "exposure", {"grade": "secondary"}, clock.now())
    officer = browse(people.user(roles.HealthOfficer))
    review = check(officer, record_url(people.zhang, "exposure"), {"grade": "close", "day": today()})
    meaning = review.context["meaning"]
    assert (meaning.before, meaning.after, meaning.closed) == ("yellow", "red", [])
    assert meaning.opened in (["密切接触者"], ["Close contact of a case"])
    review = check(officer, record_url(people.zhang, "exposure"), {"grade": "secondary", "day": "2020-01-02"})
    assert review.context["meaning"].is_nothing


def test_whatever_is_wrong_is_said_and_nothing_that_was_typed_is_lost(people: District) -> None:
    officer = browse(people.user(roles.HealthOfficer))
    url = record_url(people.zhang, "test_result")
    tomorrow = (clock.today() + dt.timedelta(days=1)).isoformat()
    # The picture stays, although the day is wrong.
    wrong = check(officer, url, {**TESTED, "day": tomorrow})
    assert list(wrong.context["form"].errors) == ["day"]
    assert wrong.context["form"].keeper.jpeg
    review = officer.post(url, {**TESTED, "day": today(), **hidden(wrong), "go": "check"})
    assert review.templates[0].name == "healthcode/recording/review.html"
    # Going back shows it all again.
    back = officer.post(url, {**TESTED, "day": today(), **hidden(review), "go": "change"})
    assert back.context["form"]["day"].value() == today()
    # Without a picture it is not taken; nor is somebody else's.
    bare = check(officer, url, {**TESTED, "day": today()}, paper=False)
    assert list(bare.context["form"].errors) == ["document"]
    other = browse(people.user(roles.HealthOfficer, people.street))
    stolen = other.post(url, {**TESTED, "day": today(), **hidden(review), "go": "record"})
    assert list(stolen.context["form"].errors) == ["document"]
    # A first measurement, no number, a temperature of the dead.
    url = record_url(people.zhang, "temperature")
    for typed in ({"celsius": "38"}, {"celsius": "", "confirmed": "yes"}, {"celsius": "12", "confirmed": "yes"}):
        assert check(officer, url, typed).context["form"].errors
    assert not Evidence.objects.exists()


def test_a_form_that_was_open_for_too_long_is_read_once_more(people: District) -> None:
    officer = browse(people.user(roles.HealthOfficer))
    url, data = record_url(people.zhang, "temperature"), {"celsius": "38", "confirmed": "yes"}
    review = check(officer, url, data)
    with clock.at(clock.now() + dt.timedelta(minutes=31)):
        again = officer.post(url, {**data, **hidden(review), "go": "record"})
        assert again.templates[0].name == "healthcode/recording/review.html"
        assert not Evidence.objects.exists()
        assert officer.post(url, {**data, **hidden(again), "go": "record"}).status_code == 302


def test_an_author_and_a_health_officer_take_evidence_back_and_nobody_else(people: District) -> None:
    worker, officer = browse(people.user(roles.GridWorker)), browse(people.user(roles.HealthOfficer))
    send(worker, record_url(people.zhang, "temperature"), {"celsius": "38", "confirmed": "yes"}, paper=False)
    row = Evidence.objects.get()
    url = reverse("healthcode:withdraw", args=[row.pk])
    assert queries.state_of(people.zhang).state == "yellow"
    for role, where in ((roles.CommunityStaff, None), (roles.GridWorker, people.other_grid)):
        assert browse(people.user(role, where)).get(url).status_code == 404
    assert officer.get(url).status_code == 200
    review = check(worker, url, {"because": "entered_in_error"}, paper=False)
    assert review.context["meaning"].closed
    worker.post(url, {"because": "entered_in_error", **hidden(review), "go": "record"})
    assert queries.state_of(people.zhang).state == "not_known"
    assert worker.get(url).status_code == 302
    withdrawal = Evidence.objects.latest("pk")
    assert officer.get(reverse("healthcode:withdraw", args=[withdrawal.pk])).status_code == 404


def test_what_would_change_too_many_codes_waits_and_its_sender_reads_why(people: District, settings: Any) -> None:
    settings.HOLD_LIMITS = {**settings.HOLD_LIMITS, "burst": 0}
    officer = browse(people.user(roles.HealthOfficer))
    url, data = record_url(people.zhang, "exposure"), {"grade": "close", "day": today()}
    assert check(officer, url, data).context["because"]
    done = send(officer, url, data)
    hold = Hold.objects.get()
    assert done.headers["Location"] == reverse("healthcode:held", args=[hold.ref])
    page = officer.get(done.headers["Location"])
    assert page.status_code == 200
    assert str(Hold.Because.BURST.label) in page.content.decode()
    assert hold in officer.get(START).context["holds"]
    # The picture waits with it.
    assert hold.items.get().document == Photo.objects.get()
    # Nobody else reads it here.
    other = browse(people.user(roles.HealthOfficer, people.street))
    assert other.get(done.headers["Location"]).status_code == 404
    assert queries.state_of(people.zhang).state == "not_known"


def test_without_rules_nothing_is_recorded_and_the_page_says_so(district: District) -> None:
    officer = browse(district.user(roles.HealthOfficer))
    url = record_url(district.zhang, "temperature")
    answer = officer.post(url, {"celsius": "38", "confirmed": "yes", "go": "check"})
    assert answer.status_code == 503
