"""Lists from Excel and CSV: every fault is named, nothing is lost, and the whole list is recorded or waits."""

import datetime as dt
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook

from citybrain.core import clock, roles
from citybrain.core.models import AuditRow, Photo
from healthcode import recording_lists
from healthcode.models import CodeState, Evidence, Hold
from tests.codes import adopt
from tests.people import LI_ID, ZHANG_ID, District, browse
from tests.recording import hidden, picture

pytestmark = pytest.mark.django_db
CONTACTS = "/evidence/lists/exposure/"
HEADS = ["证件类型", "证件号码", "接触类型", "日期"]


@pytest.fixture
def officer(district: District) -> Client:
    adopt()
    return browse(district.user(roles.HealthOfficer))


def workbook(*rows: list[Any]) -> SimpleUploadedFile:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    return SimpleUploadedFile("list.xlsx", written.getvalue())


def text_file(text: str, encoding: str = "utf-8") -> SimpleUploadedFile:
    return SimpleUploadedFile("list.csv", text.encode(encoding))


def upload(client: Client, file: SimpleUploadedFile, url: str = CONTACTS, **more: Any) -> Any:
    return client.post(url, {"file": file, "document": picture(), "go": "check", **hidden(client.get(url)), **more})


def record(client: Client, review: Any, url: str = CONTACTS) -> Any:
    return client.post(url, {"list": review.context["packed"], "go": "record", **hidden(review)})


def faults(answer: Any) -> list[tuple[int, str]]:
    return [(fault.row, fault.column) for fault in answer.context["faults"]]


def test_a_list_is_read_once_more_and_recorded_as_one_with_its_paper(officer: Client) -> None:
    day = clock.today()
    file = workbook(
        ["密接名单", None],
        HEADS,
        ["居民身份证", ZHANG_ID, "密切接触者", dt.datetime.combine(day, dt.time())],
        [None, LI_ID, "次密接", day.strftime("%Y/%m/%d")],
        [None, None, None, None],
    )
    review = upload(officer, file)
    assert (review.context["count"], review.context["foreseen"].worse) == (2, 2)
    assert not Evidence.objects.exists()
    done = record(officer, review)
    assert sorted(CodeState.objects.values_list("state", flat=True)) == ["red", "yellow"]
    assert {row.document for row in Evidence.objects.all()} == {Photo.objects.get()}
    page = officer.get(done.headers["Location"])
    assert (page.context["count"], page.context["worse"]) == (2, 2)
    # Sent once more it is the same list.
    assert record(officer, review).headers["Location"] == done.headers["Location"]
    assert Evidence.objects.count() == 2


def test_every_fault_of_every_row_is_named_and_nothing_is_recorded(officer: Client, district: District) -> None:
    far = (clock.today() + dt.timedelta(days=2)).isoformat()
    file = workbook(
        HEADS,
        ["居民身份证", 3.30199198001010e17, "密切接触者", "2020-02-11"],
        ["居民身份证", "1.1E+17", "密切接触者", "2020-02-11"],
        ["居民身份证", ZHANG_ID[:-1] + "0", "密切接触者", "2020-02-11"],
        ["会员卡", ZHANG_ID, "密切接触者", "2020-02-11"],
        ["居民身份证", "33019919800101005X", "密切接触者", "2020-02-11"],
        ["居民身份证", ZHANG_ID, "朋友", far],
        ["居民身份证", LI_ID, "密接", "2020-02-11"],
        ["居民身份证", LI_ID, "密接", "2020-02-11"],
    )
    answer = upload(officer, file)
    named = faults(answer)
    assert [row for row, _column in named] == [2, 3, 4, 5, 6, 7, 7, 9]
    assert {column for row, column in named if row == 7} == {"接触类型", "日期"}
    assert not Evidence.objects.exists()
    # The picture is kept: only the file is chosen again.
    mended = text_file(f"证件号码,接触类型,日期\n{LI_ID},密接,2020-02-11\n", "gb18030")
    again = officer.post(CONTACTS, {"file": mended, "go": "check", **hidden(answer)})
    assert again.context["count"] == 1


@pytest.mark.parametrize(
    "file",
    [
        text_file(""),
        text_file("姓名,电话\n张三,1\n"),
        text_file("证件号码,接触类型,日期\n"),
        SimpleUploadedFile("list.xlsx", b"PK\x03\x04 damaged"),
        SimpleUploadedFile("list.xlsx", b"no workbook"),
        SimpleUploadedFile("list.csv", b"\x00\x01\x02\xff"),
        text_file("证件号码,接触类型,日期\n" + f"{ZHANG_ID},密接,2020-02-11\n" * (recording_lists.MOST_ROWS + 1)),
    ],
    ids=["empty", "other columns", "no rows", "damaged", "no workbook", "binary", "too many"],
)
def test_a_file_that_is_no_such_list_is_refused_in_words(officer: Client, file: SimpleUploadedFile) -> None:
    file.seek(0)
    answer = upload(officer, file)
    assert answer.status_code == 200
    assert answer.context["form"].errors or faults(answer) == [(0, "")]


def test_without_the_signed_paper_no_list_is_taken(officer: Client) -> None:
    file = text_file(f"证件号码,接触类型,日期\n{ZHANG_ID},密接,2020-02-11\n")
    answer = officer.post(CONTACTS, {"file": file, "go": "check"})
    assert list(answer.context["form"].errors) == ["document"]


def test_the_example_is_a_list_that_is_taken(officer: Client) -> None:
    for kind in recording_lists.COLUMNS:
        url = reverse("healthcode:record_list", args=[kind])
        example = officer.get(reverse("healthcode:record_list_example", args=[kind])).content
        assert upload(officer, SimpleUploadedFile("list.csv", example), url).context["count"] == 1


def test_a_list_beyond_the_limits_waits_as_a_whole(officer: Client, settings: Any) -> None:
    settings.HOLD_LIMITS = {**settings.HOLD_LIMITS, "burst": 1}
    rows = "".join(f"{number},密接,{clock.today()}\n" for number in (ZHANG_ID, LI_ID))
    review = upload(officer, text_file(f"证件号码,接触类型,日期\n{rows}"))
    assert review.context["because"]
    done = record(officer, review)
    hold = Hold.objects.get()
    assert (done.headers["Location"], hold.worse) == (reverse("healthcode:held", args=[hold.ref]), 2)
    assert not Evidence.objects.exists()


def test_lists_name_nobody_outside_the_area_and_are_for_those_who_may(officer: Client, district: District) -> None:
    near = browse(district.user(roles.HealthOfficer, district.grid))
    answer = upload(near, text_file(f"证件号码,接触类型,日期\n{LI_ID},密接,2020-02-11\n"))
    assert faults(answer) == [(2, "证件号码")]
    assert AuditRow.objects.filter(outcome="refused", subjects=[district.li.pk]).exists()
    clinic = browse(district.user(roles.ClinicStaff))
    assert clinic.get("/evidence/lists/test_result/").status_code == 200
    assert clinic.get(CONTACTS).status_code == 403
    for role in (roles.GridWorker, roles.GateStaff, roles.DistrictCommander, roles.Auditor):
        assert browse(district.user(role)).post(CONTACTS, {"go": "record"}).status_code == 403
    assert officer.get("/evidence/lists/other/").status_code == 404
    # What the page carries on is nobody else's, and no other kind's.
    review = upload(officer, text_file(f"证件号码,接触类型,日期\n{LI_ID},密接,2020-02-11\n"))
    assert record(near, review).status_code == 200
    assert record(officer, review, "/evidence/lists/case/").status_code == 200
    for damaged in ("", "x", "AAAA", review.context["packed"][:-8]):
        assert officer.post(CONTACTS, {"list": damaged, "go": "record", **hidden(review)}).status_code == 200
    assert not Evidence.objects.exists()
