"""The pages of appeals: for the person, for whoever decides, and for everybody."""

import datetime as dt
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from citybrain.core import clock
from citybrain.core.models import AuditRow
from citybrain.core.roles import GridWorker, HealthOfficer, Resident, StreetStaff
from healthcode import appeal_figures, queries
from healthcode.actions import appeal as making
from healthcode.actions import appeal_case
from healthcode.models import Appeal, AppealPaper
from tests.appeals import ANSWER, NOW, appeal_of, close_contact, decide
from tests.codes import WELL, adopt, tell
from tests.orders import picture
from tests.people import LI_PHONE, District, browse

pytestmark = pytest.mark.django_db

NEW = "/appeal/new/"


@pytest.fixture
def people(district: District) -> District:
    """The district under the shipped rules."""
    adopt()
    return district


def _in_english(client: Client) -> Client:
    client.cookies["django_language"] = "en"
    return client


def _zhang(people: District) -> Client:
    return _in_english(browse(people.user(Resident), purpose=""))


def _officer(people: District, on: Any = None) -> Client:
    return _in_english(browse(people.user(HealthOfficer, on), "complaint"))


def _file(name: str, content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture() if content is None else content, "image/jpeg")


def _post(client: Client, **typed: Any) -> Any:
    return client.post(NEW, {"rule": "", "about": "colour", "text": "", **typed}, follow=True)


@pytest.mark.parametrize("state", ["not_known", "green", "yellow", "red"])
def test_in_any_colour_the_explanation_leads_to_an_appeal_that_is_taken(people: District, state: str) -> None:
    if state != "not_known":
        tell(people.zhang, "declaration", WELL, clock.now())
    if state in {"yellow", "red"}:
        tell(people.zhang, "exposure", {"grade": {"yellow": "secondary", "red": "close"}[state]}, clock.now())
    client = _zhang(people)
    why = client.get("/code/why/").content.decode()
    assert f'href="{NEW}"' in why
    assert (f"{NEW}?rule=" in why) == (state in {"yellow", "red"})
    assert client.get(NEW).status_code == 200
    page = _post(client, text="不对").content.decode()
    assert Appeal.objects.get().number in page
    assert "不对" in page


def test_a_reason_is_preselected_and_a_second_appeal_leads_to_the_first_and_loses_nothing(people: District) -> None:
    close_contact(people.zhang, people.user(HealthOfficer))
    client = _zhang(people)
    page = client.get(f"{NEW}?rule=close_contact")
    assert page.context["form"]["rule"].value() == "close_contact"
    _post(client, rule="close_contact", about="reason", text="第一次")
    appeal = Appeal.objects.get()
    assert client.get(f"{NEW}?rule=close_contact").headers["Location"] == f"/appeal/{appeal.ref}/"
    assert client.get(NEW).status_code == 200
    page = _post(client, rule="close_contact", about="reason", text="第二次")
    assert "第二次" in page.content.decode()
    again = _post(client, rule="close_contact", about="reason", text="第一次")
    assert again.status_code == 200
    assert [step.did for step in appeal.steps.all()] == ["made", "added"]
    assert Appeal.objects.count() == 1


def test_a_damaged_picture_never_stands_in_the_way_of_an_appeal(people: District) -> None:
    page = _post(_zhang(people), text="看图", photo_1=_file("a.jpg"), photo_2=_file("b.jpg", b"damaged"))
    text = page.content.decode()
    assert "could not be read" in text
    assert AppealPaper.objects.count() == 1
    picture_url = reverse(
        "healthcode:appeal_photo", args=[Appeal.objects.get().ref, AppealPaper.objects.get().photo.ref]
    )
    assert picture_url in text
    assert _zhang(people).get(picture_url).headers["Content-Type"] == "image/jpeg"


def test_what_is_typed_is_kept_when_something_is_missing(people: District) -> None:
    client = _zhang(people)
    page = client.post(NEW, {"rule": "", "text": "我的话" * 400, "about": ""})
    text = page.content.decode()
    assert page.status_code == 200
    assert "我的话我的话" in text
    assert "1,000" in text
    assert not Appeal.objects.exists()
    assert client.post(NEW, {"rule": "gone", "about": "x", "text": "a"}).status_code == 200


def test_one_press_asks_for_a_review_by_a_human_being(people: District) -> None:
    client = _zhang(people)
    first = client.post("/appeal/review/", follow=True)
    again = client.post("/appeal/review/", follow=True)
    appeal = Appeal.objects.get()
    assert (appeal.about, appeal.rule) == ("machine", "")
    assert first.redirect_chain == again.redirect_chain == [(f"/appeal/{appeal.ref}/", 302)]


def test_the_person_answers_a_question_and_takes_the_appeal_back(people: District) -> None:
    tell(people.zhang, "declaration", WELL, clock.now())
    appeal = appeal_of(people.zhang, people.user(Resident), "")
    first = people.user(HealthOfficer)
    appeal_case.take(appeal=appeal, by=first)
    appeal_case.ask(appeal=appeal, question="您那天几点下班？", by=first)
    client = _zhang(people)
    page = client.get(f"/appeal/{appeal.ref}/").content.decode()
    assert "您那天几点下班？" in page
    assert "Send my answer" in page
    page = client.post(f"/appeal/{appeal.ref}/add/", {"text": "六点"}, follow=True).content.decode()
    assert "Send my answer" not in page
    assert client.post(f"/appeal/{appeal.ref}/add/", {"text": ""}).status_code == 409
    page = client.post(f"/appeal/{appeal.ref}/take-back/", follow=True).content.decode()
    assert "taken back" in page
    assert client.post(f"/appeal/{appeal.ref}/add/", {"text": "再"}).status_code == 409


def test_nobody_else_sees_a_case(people: District) -> None:
    appeal = appeal_of(people.zhang, people.user(Resident), "", pictures=[picture()])
    photo = appeal.papers.get().photo.ref
    own = (f"/appeal/{appeal.ref}/", f"/appeal/{appeal.ref}/photos/{photo}/")
    staff = (f"/appeals/{appeal.ref}/", f"/appeals/{appeal.ref}/photos/{photo}/")
    li = browse(people.resident(people.li, LI_PHONE), purpose="")
    other = browse(people.user(StreetStaff, people.other_grid), "complaint")
    for urls, stranger in ((own, li), (staff, other)):
        for url in urls:
            assert stranger.get(url).status_code == 404, url
    assert li.post(f"/appeal/{appeal.ref}/take-back/").status_code == 404
    assert other.post(f"/appeals/{appeal.ref}/take/").status_code == 404
    assert browse(people.user(GridWorker), "complaint").get("/appeals/").status_code == 403
    assert browse(people.user(StreetStaff), purpose="").get(staff[0]).headers["Location"].startswith("/purpose/")
    assert not AuditRow.objects.filter(deed="see_appeal", outcome="done").exists()
    assert AuditRow.objects.filter(outcome="refused", target=f"appeal:{appeal.ref}").count() >= 4


def test_the_lists_have_as_many_rows_as_their_tabs_say_and_the_overdue_ones_come_first(people: District) -> None:
    first = people.user(HealthOfficer, people.street)
    with clock.at(NOW):
        close_contact(people.zhang, people.user(HealthOfficer))
        mine = appeal_of(people.zhang, people.user(Resident))
        appeal_case.take(appeal=mine, by=first)
    with clock.at(NOW + dt.timedelta(days=4)):
        appeal_of(people.zhang, people.user(Resident), "", about="colour")
        appeal_of(people.li, people.resident(people.li, LI_PHONE), "")
    client = _officer(people, people.street)
    with clock.at(NOW + dt.timedelta(days=6)):
        page = client.get("/appeals/?show=open")
        counts = {name: count for name, _label, count in page.context["tabs"]}
        assert counts == {"take": 2, "mine": 1, "second": 0, "late": 1, "open": 3, "closed": None}
        for show, count in counts.items():
            rows = client.get(f"/appeals/?show={show}").context["rows"]
            assert len(rows) == (count or 0)
        assert page.context["rows"][0].appeal == mine
        assert "overdue by 1 working days 0 h" in page.content.decode()
        assert client.get("/appeals/?show=nonsense").status_code == 200


def test_the_case_shows_evidence_with_source_and_author_and_the_look_is_on_record(people: District) -> None:
    author = people.user(HealthOfficer)
    close_contact(people.zhang, author)
    appeal = appeal_of(people.zhang, people.user(Resident))
    page = _officer(people, people.street).get(f"/appeals/{appeal.ref}/").content.decode()
    for said in ("close contact of a case", "disease control", author.username, "Health officer · 下城区", "张*"):
        assert said in page, said
    assert "张三" not in page
    row = AuditRow.objects.get(deed="see_appeal", outcome="done")
    assert (row.subjects, row.purpose) == ([people.zhang.pk], "complaint")
    own = _officer(people).get(f"/appeals/{appeal.ref}/").content.decode()
    assert "You recorded some of the evidence" in own
    assert "Take this case" not in own


def test_a_decision_needs_words_and_mistakes_keep_them(people: District) -> None:
    close_contact(people.zhang, people.user(HealthOfficer))
    appeal = appeal_of(people.zhang, people.user(Resident))
    client, url = _officer(people, people.street), f"/appeals/{appeal.ref}/"
    client.post(f"{url}take/")
    short = client.post(f"{url}propose/", {"outcome": "granted", "answer": "不行", "withdraws": appeal.contested})
    assert "at least 20 characters" in short.content.decode()
    wrong = client.post(f"{url}propose/", {"outcome": "granted", "answer": ANSWER, "withdraws": []})
    assert wrong.status_code == 409
    assert ANSWER in wrong.content.decode()
    right = client.post(f"{url}propose/", {"outcome": "rejected", "answer": ANSWER}, follow=True)
    assert "waits for a second person" in right.content.decode()
    street = _in_english(browse(people.user(StreetStaff), "complaint"))
    assert client.post(f"{url}confirm/").status_code == 409
    assert "Write what your colleague" in street.post(f"{url}send-back/", {"note": ""}).content.decode()
    street.post(f"{url}confirm/")
    page = _zhang(people).get(f"/appeal/{appeal.ref}/").content.decode()
    assert ANSWER in page
    assert "12345" in page
    assert "court" in page


def test_the_public_figures_count_what_happened_and_hide_small_numbers(people: District) -> None:
    first, second = people.user(HealthOfficer, people.street), people.user(StreetStaff)
    with clock.at(NOW):
        close_contact(people.zhang, people.user(HealthOfficer))
        resident = people.user(Resident)
        appeal = appeal_of(people.zhang, resident)
        for _time in range(5):
            making.take_back(appeal=appeal_of(people.zhang, resident, ""), by=resident)
        appeal_of(people.zhang, resident, "")
    with clock.at(NOW + dt.timedelta(hours=4)):
        decide(appeal, first, second)
        assert queries.state_of(people.zhang).state == "green"
        found = appeal_figures.figures()
        text = _in_english(browse(None)).get("/appeals/figures/").content.decode()
    (month,) = found.months
    assert (month.made, month.granted, month.taken_back, month.open) == (7, 1, 5, 1)
    assert (found.ages.open, found.ages.within_a_day, found.ages.overdue) == (1, 1, 0)
    assert (found.taken.median, found.taken.ninetieth, found.taken.share_in_time) == (4.0, 4.0, 100)
    assert [one.made for one in found.rules] == [6, None]
    assert "fewer than 5" in text
    assert "张" not in text
