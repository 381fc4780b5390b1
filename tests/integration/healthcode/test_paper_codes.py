"""A code on paper: made, printed, lost and made anew by its holder or by staff of the area, one in use at a time."""

import datetime as dt
import io
import threading
from typing import Any

import pytest
import zxingcpp
from django.db import connection
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageDraw

from citybrain.core import clock, roles
from citybrain.core.models import AuditRow, Document, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import CommunityStaff, GateStaff, GridWorker, HealthOfficer, Resident, StreetStaff
from healthcode import paper_queries, qr, signed_codes
from healthcode.actions import correction
from healthcode.actions.paper import issue, void
from healthcode.models import PaperCode
from tests.codes import adopt
from tests.people import ZHANG_ID, District, browse, make_person

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
OWN = "/paper/"


def _own(district: District) -> Client:
    return browse(district.user(Resident), purpose="")


def _of(person: Person, page: str = "", *more: str) -> str:
    return reverse(f"healthcode:paper_of{page}", args=[person.ref, *more])


def _rows(deed: Deed) -> list[AuditRow]:
    return list(AuditRow.objects.filter(deed=deed).order_by("id"))


# One's own


def test_a_resident_makes_a_paper_code_that_holds_for_180_days_and_that_is_on_record(district: District) -> None:
    client = _own(district)
    assert "张*" not in client.get(OWN).content.decode()
    response = client.post("/paper/make/", follow=True)
    paper = PaperCode.objects.get()
    assert (paper.person, paper.expires_on) == (district.zhang, clock.today() + 180 * DAY)
    assert paper_queries.number_of(paper) in response.content.decode()
    (row,) = _rows(Deed.ISSUE_PAPER_CODE)
    assert (row.actor, row.subjects) == (paper.issued_by, [district.zhang.pk])
    assert row.target == f"paper_code:{paper.pk}"


@pytest.mark.parametrize("size", ["a4", "card"])
def test_the_sheet_names_its_holder_masked_and_carries_no_colour_and_no_state(district: District, size: str) -> None:
    client = _own(district)
    client.post("/paper/make/")
    text = client.get(f"/paper/print/{size}/", headers={"accept-language": "en"}).content.decode()
    sheet = text[text.index("<article") : text.index("</article>")]
    paper = PaperCode.objects.get()
    for shown in ("张*", ZHANG_ID[-4:], "Resident identity card", paper.expires_on.isoformat(), "下城区"):
        assert shown in sheet
    assert paper_queries.number_of(paper) in sheet
    assert not [word for word in ("张三", ZHANG_ID[:-4], "green", "red", "yellow", "color", "style=") if word in sheet]
    side, squares = qr.outline(paper_queries.text_of(paper))
    assert squares in sheet
    assert signed_codes.read(_scanned(side, squares), clock.today()).serial == paper.serial


def _scanned(side: int, squares: str) -> str:
    """Return what a camera reads from the path that is printed."""
    picture = Image.new("L", (side * 8, side * 8), "white")
    draw = ImageDraw.Draw(picture)
    for run in squares.split("z")[:-1]:
        x, rest = run[1:].split(" ")
        y, rest = rest.split("h", 1)
        length = int(rest.split("v")[0])
        draw.rectangle((int(x) * 8, int(y) * 8, (int(x) + length) * 8 - 1, int(y) * 8 + 7), "black")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    (found,) = zxingcpp.read_barcodes(Image.open(buffer))
    return str(found.text)


def test_a_new_paper_makes_the_old_one_worthless_in_the_same_moment(district: District) -> None:
    client = _own(district)
    client.post("/paper/make/")
    client.post("/paper/make/")
    old, new = PaperCode.objects.order_by("id")
    assert (old.voided_because, new.voided_at) == ("reissued", None)
    assert old.voided_at is not None
    assert old.serial != new.serial
    assert [row.detail for row in _rows(Deed.VOID_PAPER_CODE)] == [{"because": "reissued"}]


@pytest.mark.parametrize(("page", "because"), [("lost", "lost"), ("give-up", "by_holder")])
def test_a_paper_that_is_reported_is_worthless_at_once_and_for_good(
    district: District, page: str, because: str
) -> None:
    client = _own(district)
    client.post("/paper/make/")
    text = paper_queries.text_of(PaperCode.objects.get())
    assert paper_queries.shown(text).fault is None
    for _twice in range(2):
        assert client.post(f"/paper/{page}/", follow=True).status_code == 200
    assert PaperCode.objects.get().voided_because == because
    assert paper_queries.shown(text).fault == "void"
    assert len(_rows(Deed.VOID_PAPER_CODE)) == 1
    assert client.get("/paper/print/a4/").headers["Location"] == OWN


def test_the_paper_says_of_itself_what_it_is_worth(district: District, settings: Any) -> None:
    by = district.user(Resident)
    paper = issue(person=district.zhang, by=by)
    text, number = paper_queries.text_of(paper), paper_queries.number_of(paper)
    for shown in (text, number, number.lower().replace("-", "")):
        found = paper_queries.shown(shown)
        assert found.fault is None
        assert found.holder
        assert (found.holder.person_id, found.holder.masked_name) == (district.zhang.pk, "张*")
    with clock.at(clock.now() + 181 * DAY):
        assert {paper_queries.shown(one).fault for one in (text, number)} == {"expired"}
        assert browse(by, purpose="").get("/paper/print/card/").headers["Location"] == OWN
        assert browse(by, purpose="").get(OWN).context["is_over"]
    settings.PAPER_CODE_DAYS = 14
    assert issue(person=district.zhang, by=by).expires_on == clock.today() + 14 * DAY
    assert {paper_queries.shown(one).fault for one in (text, number)} == {"void"}
    PaperCode.objects.all().delete()
    assert {paper_queries.shown(one).fault for one in (text, number)} == {"void"}


def test_somebody_without_a_person_declares_first_and_somebody_without_a_document_may_have_a_paper(
    district: District,
) -> None:
    nobody = browse(district.resident(None, "19900007777"), purpose="")
    answers = [nobody.get(OWN), nobody.get("/paper/print/a4/")]
    answers += [nobody.post(f"/paper/{page}/") for page in ("make", "lost", "give-up")]
    assert {answer.headers["Location"] for answer in answers} == {reverse("healthcode:declare")}
    assert not PaperCode.objects.exists()
    child = make_person("王小", district.grid)
    client = browse(district.resident(child, "19900007778"), purpose="")
    client.post("/paper/make/")
    assert "none on record" in client.get("/paper/print/a4/", headers={"accept-language": "en"}).content.decode()
    assert client.get("/paper/print/wall/").status_code == 404


def test_a_compared_document_is_named_first_and_an_identity_card_before_another(district: District) -> None:
    Document.objects.all().delete()
    assert paper_queries.document_of(district.zhang.pk) is None
    Document.of(district.zhang, "passport", "E12345678").save()
    Document.of(district.zhang, "resident_id", ZHANG_ID).save()
    named = paper_queries.document_of(district.zhang.pk)
    assert named
    assert named.last_four == "0017"
    Document.objects.filter(type="passport").update(verified_at=clock.now())
    named = paper_queries.document_of(district.zhang.pk)
    assert named
    assert named.last_four == "5678"


@pytest.mark.parametrize(("field", "new", "is_void"), [("name", "张叁", True), ("sex", "1", False)])
def test_a_paper_is_worthless_once_what_stands_on_it_is_corrected(
    district: District, field: str, new: str, is_void: bool
) -> None:
    adopt()
    by, staff = district.user(Resident), district.user(CommunityStaff)
    paper = issue(person=district.zhang, by=by)
    asked = correction.ask_correction(person=district.zhang, field=field, new=[new], jpeg=b"jpeg", by=by)
    assert paper_queries.shown(paper_queries.text_of(paper)).fault is None
    correction.approve(correction=asked, compared="picture", by=staff)
    assert PaperCode.objects.get().voided_because == ("corrected" if is_void else "")
    assert paper_queries.shown(paper_queries.text_of(paper)).fault == ("void" if is_void else None)


def test_everybody_may_read_the_public_keys(client: Client) -> None:
    answer = client.get("/code/keys.json")
    assert (answer.status_code, answer.json()) == (200, signed_codes.published())


# Somebody else's. Owner: the grid worker, community and street of the address. Strangers: others and other roles.


@pytest.mark.parametrize("role", [GridWorker, CommunityStaff, StreetStaff], ids=lambda role: role.codename)
def test_staff_of_the_area_makes_prints_and_voids_a_paper_and_every_step_is_on_record(
    district: District, role: type[roles.Role]
) -> None:
    user = district.user(role)
    client = browse(user)
    assert client.get(_of(district.zhang)).status_code == 200
    assert client.post(_of(district.zhang, "_make"), follow=True).status_code == 200
    paper = PaperCode.objects.get()
    assert (paper.person, paper.issued_by) == (district.zhang, user.pk)
    for size in ("a4", "card"):
        assert paper_queries.number_of(paper) in client.get(_of(district.zhang, "_print", size)).content.decode()
    assert client.post(_of(district.zhang, "_void"), {"because": "lost"}).status_code == 302
    assert PaperCode.objects.get().voided_because == "lost"
    rows = AuditRow.objects.filter(actor=user.pk, subjects=[district.zhang.pk]).exclude(deed=Deed.SEE_PAPER_CODE)
    assert [(row.deed, row.purpose, row.role) for row in rows.order_by("id")] == [
        (deed, "visit", role.codename) for deed in ("issue_paper_code", "void_paper_code")
    ]
    assert len(_rows(Deed.SEE_PAPER_CODE)) == 4


def test_a_void_without_a_reason_is_asked_for_one_and_the_paper_stays_in_use(district: District) -> None:
    issue(person=district.zhang, by=district.user(Resident))
    client = browse(district.user(GridWorker))
    for because in ("", "reissued", "x"):
        assert client.post(_of(district.zhang, "_void"), {"because": because}).context["form"].errors
    assert PaperCode.objects.get().voided_at is None


@pytest.mark.parametrize("role", [GateStaff, HealthOfficer, Resident], ids=lambda role: role.codename)
def test_other_roles_and_staff_of_another_grid_reach_nobodys_paper_and_that_is_on_record(
    district: District, role: type[roles.Role]
) -> None:
    paper = issue(person=district.zhang, by=district.user(Resident))
    strangers = [browse(district.user(role)), browse(district.user(GridWorker, district.other_grid))]
    for client in strangers:
        answers: list[Any] = [client.get(_of(district.zhang)), client.get(_of(district.zhang, "_print", "a4"))]
        answers += [client.post(_of(district.zhang, page), {"because": "lost"}) for page in ("_make", "_void")]
        assert {answer.status_code for answer in answers} <= {403, 404}
        assert not any("张*" in answer.content.decode() for answer in answers)
    refused = AuditRow.objects.filter(outcome="refused")
    assert [row.subjects for row in refused] == [[district.zhang.pk]] * 8
    assert PaperCode.objects.get() == paper
    assert PaperCode.objects.get().voided_at is None


def test_without_a_purpose_nobodys_paper_is_shown_or_made(district: District) -> None:
    client = browse(district.user(GridWorker), purpose="")
    for answer in (client.get(_of(district.zhang)), client.post(_of(district.zhang, "_make"))):
        assert answer.headers["Location"].startswith(reverse("core:purpose"))
    assert not PaperCode.objects.exists()


# At the same moment


@pytest.mark.django_db(transaction=True)
def test_of_papers_made_at_the_same_moment_one_is_in_use(district: District) -> None:
    by = district.user(Resident)
    ready = threading.Barrier(5)

    def run(number: int) -> None:
        try:
            ready.wait()
            if number:
                issue(person=district.zhang, by=by)
            else:
                void(person=district.zhang, because=PaperCode.Because.LOST, by=by)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert PaperCode.objects.count() == 4
    assert PaperCode.objects.filter(voided_at=None).count() <= 1
    assert len(_rows(Deed.VOID_PAPER_CODE)) == PaperCode.objects.exclude(voided_at=None).count()
