"""Pages of orders. Owner: whom the order is given to. Member: staff of the same area. Strangers: everyone else."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from citybrain.core import clock
from citybrain.core.models import AuditRow, Photo
from citybrain.core.models.audit import Deed
from citybrain.core.roles import (
    Auditor,
    CommunityStaff,
    DistrictCommander,
    GateStaff,
    GridWorker,
    HealthOfficer,
    Resident,
    Role,
    StreetStaff,
)
from community.actions import orders
from community.models import OrderStep, Visit, VisitPhoto, WorkOrder
from community.order_forms import COLDEST, HOTTEST
from healthcode import kinds
from tests.orders import FOUND, bring_to, order_for, picture
from tests.people import District, browse, make_person

pytestmark = pytest.mark.django_db

GOOD = {"seen": "0", "outcome": "met", "feedback": "在家，体温正常", "celsius": "36.8", "needs": "买药"}
WORKER_PAGES = ["community:orders", "community:orders_state", "community:orders_ticket"]
OF_AN_ORDER = [
    ("get", "community:order"),
    ("post", "community:accept"),
    ("post", "community:arrive"),
    ("post", "community:report"),
    ("post", "community:take_back"),
    ("get", "community:verify"),
    ("post", "community:close"),
    ("post", "community:return"),
    ("post", "community:assign"),
]
NAMES_SOMEONE = ["community:order", "community:verify"]


@pytest.fixture
def order(district: District) -> WorkOrder:
    """An order about 张三, given to the worker of the grid."""
    district.user(GridWorker)
    return order_for(district.zhang, district.grid)


def _open(district: District, order: WorkOrder, state: str) -> Client:
    bring_to(order, state, worker=district.user(GridWorker), verifier=district.user(CommunityStaff))
    return browse(district.user(GridWorker))


def _send(client: Client, order: WorkOrder, **changes: Any) -> Any:
    form = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return client.post(reverse("community:report", args=[order.ref]), form)


def _send_wrong(client: Client, order: WorkOrder, **changes: Any) -> Any:
    """Send a report with a mistake; return the page that it leads to, which can be left and opened again."""
    response = _send(client, order, **changes)
    assert response.url == reverse("community:order", args=[order.ref]) + "#report"
    return client.get(response.url)


# The list


def test_the_list_shows_ones_own_orders_the_longest_due_first_and_is_on_record(
    district: District, order: WorkOrder
) -> None:
    with clock.at(clock.now() - dt.timedelta(hours=3)):
        late = order_for(None, district.grid)
    order_for(district.li, district.other_grid)
    worker = district.user(GridWorker)
    response = browse(worker).get(reverse("community:orders"))
    assert response.context["page"].rows == [late, order]
    text = response.content.decode()
    assert "张*" in text
    assert "张三" not in text
    assert "李" not in text
    assert text.count("is-overdue") == 1
    row = AuditRow.objects.get(deed=Deed.SEE_LIST)
    assert (row.actor, row.subjects, row.holding) == (worker.pk, [district.zhang.pk], f"area:{district.grid.pk}")


def test_what_is_handed_in_moves_from_what_is_to_be_done_to_what_is_done(district: District, order: WorkOrder) -> None:
    client = _open(district, order, "reported")
    assert client.get(reverse("community:orders")).context["page"].rows == []
    assert client.get(reverse("community:orders"), {"show": "done"}).context["page"].rows == [order]
    orders.return_to_worker(order=order, note="再去一次", by=district.user(CommunityStaff))
    assert client.get(reverse("community:orders"), {"show": "open"}).context["page"].rows == [order]


@pytest.mark.parametrize("query", ["show=x", "show=%00", "show=" + "a" * 300])
def test_a_filter_that_is_none_shows_no_order(district: District, order: WorkOrder, query: str) -> None:
    response = browse(district.user(GridWorker)).get(f"{reverse('community:orders')}?{query}")
    assert response.status_code == 200
    assert response.context["page"].rows == []


@pytest.mark.steady
@pytest.mark.parametrize("show", ["open", "done"])
def test_lists_of_orders_page_without_holes_or_repeats(district: District, show: str) -> None:
    worker = district.user(GridWorker)
    for number in range(60):
        made = order_for(None, district.grid, subject=f"point:{number}")
        if show == "done":
            bring_to(made, "reported", worker=worker, verifier=worker)
    client, seen, after = browse(worker), [], ""
    for _page in range(3):
        page: Any = client.get(reverse("community:orders"), {"show": show, "after": after}).context["page"]
        seen += [one.pk for one in page.rows]
        if page.next_after is None:
            break
        after = str(page.next_after.ref)
    assert len(seen) == len(set(seen)) == 60


def test_a_worker_without_orders_is_told_that_new_ones_come_by_themselves(district: District) -> None:
    text = browse(district.user(GridWorker)).get(reverse("community:orders")).content.decode()
    assert text.count("data-order=") == 0
    assert "lead" in text


def test_the_state_is_numbers_and_names_nobody(district: District, order: WorkOrder) -> None:
    told = json.loads(browse(district.user(GridWorker), purpose="").get(reverse("community:orders_state")).content)
    assert (told["open"], told["overdue"], told["newest"]) == (1, 0, str(order.ref))
    assert not AuditRow.objects.filter(deed=Deed.SEE_LIST).exists()


# Who reaches what


@pytest.mark.parametrize(("method", "page"), OF_AN_ORDER)
def test_another_grids_order_is_not_found_and_the_attempt_is_on_record(
    district: District, order: WorkOrder, method: str, page: str
) -> None:
    role = (
        CommunityStaff
        if page in {"community:verify", "community:close", "community:return", "community:assign"}
        else GridWorker
    )
    stranger = district.user(role, district.other_grid)
    response = getattr(browse(stranger), method)(reverse(page, args=[order.ref]))
    assert response.status_code == 404
    assert "张" not in response.content.decode()
    row = AuditRow.objects.get(outcome="refused")
    assert (row.actor, row.subjects) == (stranger.pk, [district.zhang.pk])
    assert OrderStep.objects.count() == 1
    nowhere = getattr(browse(stranger), method)(reverse(page, args=[uuid.uuid4()]))
    assert nowhere.status_code == 404


@pytest.mark.parametrize("role", [DistrictCommander, HealthOfficer, Auditor, GateStaff, Resident])
@pytest.mark.parametrize(("method", "page"), [*OF_AN_ORDER, *(("get", page) for page in WORKER_PAGES)])
def test_roles_that_handle_no_orders_are_refused_on_record(
    district: District, order: WorkOrder, role: type[Role], method: str, page: str
) -> None:
    user = district.user(role)
    args = [] if page in WORKER_PAGES else [order.ref]
    response = getattr(browse(user), method)(reverse(page, args=args))
    assert response.status_code == 403
    assert AuditRow.objects.get(outcome="refused").actor == user.pk
    assert OrderStep.objects.count() == 1


@pytest.mark.parametrize("page", ["community:to_verify", "community:verify", "community:close"])
def test_a_grid_worker_verifies_nothing(district: District, order: WorkOrder, page: str) -> None:
    args = [] if page == "community:to_verify" else [order.ref]
    client = browse(district.user(GridWorker))
    response = (
        client.post(reverse(page, args=args)) if page == "community:close" else client.get(reverse(page, args=args))
    )
    assert response.status_code == 403


@pytest.mark.parametrize(("method", "page"), [*OF_AN_ORDER, *(("get", page) for page in WORKER_PAGES)])
def test_nobody_reaches_an_order_without_signing_in(
    district: District, order: WorkOrder, method: str, page: str
) -> None:
    response = getattr(browse(None), method)(reverse(page, args=[] if page in WORKER_PAGES else [order.ref]))
    assert response.url.startswith(reverse("core:sign_in"))
    assert OrderStep.objects.count() == 1


@pytest.mark.parametrize("page", ["community:orders", "community:to_verify", *NAMES_SOMEONE])
def test_without_a_purpose_no_page_of_orders_names_anybody(district: District, order: WorkOrder, page: str) -> None:
    args = [order.ref] if page in NAMES_SOMEONE else []
    response: Any = browse(district.user(CommunityStaff), purpose="").get(reverse(page, args=args))
    assert response.url.startswith(reverse("core:purpose"))
    assert not AuditRow.objects.filter(subjects__contains=[district.zhang.pk]).exists()


def test_a_colleague_of_the_grid_reads_the_order_and_is_offered_no_step(district: District, order: WorkOrder) -> None:
    client = browse(district.user(CommunityStaff))
    response = client.get(reverse("community:order", args=[order.ref]))
    assert response.context["is_mine"] is False
    assert reverse("community:accept", args=[order.ref]) not in response.content.decode()
    assert client.post(reverse("community:accept", args=[order.ref])).status_code == 409
    order.refresh_from_db()
    assert order.state == "open"


def test_opening_an_order_is_a_look_at_the_person_it_is_about(district: District, order: WorkOrder) -> None:
    worker = district.user(GridWorker)
    response = browse(worker).get(reverse("community:order", args=[order.ref]))
    assert reverse("community:resident", args=[district.zhang.ref]) in response.content.decode()
    row = AuditRow.objects.get(deed=Deed.SEE_ORDER)
    assert (row.actor, row.subjects, row.target) == (worker.pk, [district.zhang.pk], f"order:{order.pk}")


def test_a_person_who_lives_elsewhere_is_named_and_their_page_is_not_offered(district: District) -> None:
    guest = make_person("王五", district.other_grid)
    district.user(GridWorker)
    order = order_for(guest, district.grid)
    text = browse(district.user(GridWorker)).get(reverse("community:order", args=[order.ref])).content.decode()
    assert "王*" in text
    assert str(guest.ref) not in text


# The steps


def test_one_button_after_another_leads_from_the_list_to_the_report(district: District, order: WorkOrder) -> None:
    client = browse(district.user(GridWorker))
    accept, arrive = (reverse(f"community:{step}", args=[order.ref]) for step in ("accept", "arrive"))
    assert accept in client.get(reverse("community:orders")).content.decode()
    response: Any = client.post(accept)
    assert response.url == reverse("community:order", args=[order.ref])
    assert arrive in client.get(response.url).content.decode()
    client.post(arrive)
    text = client.get(response.url).content.decode()
    assert reverse("community:report", args=[order.ref]) in text
    response = _send(client, order, photo_1=SimpleUploadedFile("1.png", picture(kind="PNG")))
    assert response.url == reverse("community:orders")
    visit = Visit.objects.get()
    assert (visit.outcome, str(visit.celsius), visit.needs, visit.feedback) == ("met", "36.8", "买药", GOOD["feedback"])
    assert VisitPhoto.objects.get().photo.reveal().startswith(b"\xff\xd8")
    shown = client.get(reverse("community:order", args=[order.ref])).content.decode()
    assert GOOD["feedback"] in shown
    assert reverse("community:visit_photo", args=[VisitPhoto.objects.get().photo.ref]) in shown


def test_somebody_who_was_slower_is_told_so_on_the_order_as_it_is_now(district: District, order: WorkOrder) -> None:
    client = browse(district.user(GridWorker))
    url = reverse("community:accept", args=[order.ref])
    assert client.post(url).status_code == 302
    response = client.post(url)
    assert response.status_code == 409
    assert response.context["order"].state == "accepted"
    assert response.context["problem"]
    assert reverse("community:arrive", args=[order.ref]) in response.content.decode()


def test_the_address_of_a_report_opened_again_leads_to_the_order(district: District, order: WorkOrder) -> None:
    response: Any = browse(district.user(GridWorker)).get(reverse("community:report", args=[order.ref]))
    assert response.url == reverse("community:order", args=[order.ref])


def test_a_report_sent_twice_makes_one_visit(district: District, order: WorkOrder) -> None:
    client = _open(district, order, "arrived")
    assert _send(client, order).status_code == 302
    assert _send(client, order).status_code == 409
    assert Visit.objects.count() == 1


def test_the_page_of_a_returned_order_says_why_and_takes_the_next_report(district: District, order: WorkOrder) -> None:
    client = _open(district, order, "returned")
    text = client.get(reverse("community:order", args=[order.ref])).content.decode()
    assert "照片看不清" in text
    assert 'name="seen" value="1"' in text
    assert _send(client, order, seen="1").status_code == 302
    assert Visit.objects.count() == 2


# Bad input


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"feedback": ""}, "feedback"),
        ({"feedback": "很" * 501}, "feedback"),
        ({"feedback": "x\x00y"}, "feedback"),
        ({"outcome": None}, "outcome"),
        ({"outcome": "painted"}, "outcome"),
        ({"outcome": "no_person"}, "outcome"),
        ({"celsius": "99"}, "celsius"),
        ({"celsius": "29.9"}, "celsius"),
        ({"celsius": "36.85"}, "celsius"),
        ({"celsius": "hot"}, "celsius"),
        ({"celsius": "NaN"}, "celsius"),
        ({"celsius": "1e999"}, "celsius"),
        ({"outcome": "not_at_home"}, "celsius"),
        ({"symptoms": ["plague"]}, "symptoms"),
        ({"needs": "药" * 201}, "needs"),
    ],
)
def test_a_report_with_a_mistake_is_kept_on_the_page_and_made_no_visit(
    district: District, order: WorkOrder, changes: dict[str, Any], field: str
) -> None:
    client = _open(district, order, "arrived")
    response = _send_wrong(client, order, **changes)
    assert field in response.context["form"].errors
    text = response.content.decode()
    if "needs" not in changes:
        assert "买药" in text
    if "feedback" not in changes:
        assert GOOD["feedback"] in text
    assert not Visit.objects.exists()
    order.refresh_from_db()
    assert order.state == "arrived"


def test_a_file_that_is_no_picture_is_refused_and_the_words_are_kept(district: District, order: WorkOrder) -> None:
    client = _open(district, order, "arrived")
    response = _send_wrong(client, order, photo_3=SimpleUploadedFile("a.jpg", b"this is text"))
    assert set(response.context["form"].errors) == {"photo_3"}
    assert GOOD["feedback"] in response.content.decode()
    assert not Photo.objects.exists()


def test_a_file_that_is_too_large_is_dropped_with_a_word_about_it_and_the_rest_is_kept(
    district: District, order: WorkOrder, settings: Any
) -> None:
    settings.UPLOAD_LIMIT = 1000
    client = _open(district, order, "arrived")
    large = SimpleUploadedFile("a.jpg", b"\xff\xd8" + b"x" * 200_000)
    response = _send_wrong(client, order, photo_1=large, photo_2=SimpleUploadedFile("b.jpg", picture()[:900]))
    assert "10 MB" in str(response.context["form"].errors["photo_1"])
    assert GOOD["feedback"] in response.content.decode()
    assert not Visit.objects.exists()


def test_a_report_sent_after_the_purpose_ran_out_is_kept_and_asks_for_one_before_it_names_anybody(
    district: District, order: WorkOrder
) -> None:
    _open(district, order, "arrived")
    client = browse(district.user(GridWorker), purpose="")
    response = client.post(reverse("community:report", args=[order.ref]), {**GOOD, "celsius": "99"}, follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("core:purpose"))
    assert not AuditRow.objects.filter(deed=Deed.SEE_ORDER).exists()
    page = browse(district.user(GridWorker)).get(reverse("community:order", args=[order.ref])).content.decode()
    assert GOOD["feedback"] in page
    assert _send(client, order).status_code == 302
    assert Visit.objects.get().feedback == GOOD["feedback"]


def test_what_can_be_found_depends_on_whether_somebody_was_recognised(district: District, order: WorkOrder) -> None:
    client = _open(district, order, "arrived")
    codes = [
        code
        for code, _label in client.get(reverse("community:order", args=[order.ref]))
        .context["form"]
        .fields["outcome"]
        .choices
    ]
    assert codes == ["met", "not_at_home", "wrong_address", "refused"]
    place = order_for(None, district.grid)
    client = _open(district, place, "arrived")
    page = client.get(reverse("community:order", args=[place.ref]), headers={"accept-language": "en"})
    form = page.context["form"]
    assert [code for code, _label in form.fields["outcome"].choices] == ["refused", "no_person"]
    assert not form.fields.keys() & {"celsius", "symptoms", "needs"}
    assert "go to the gate" in page.content.decode()
    assert _send_wrong(client, place, outcome="met").context["form"].errors.keys() == {"outcome"}
    response = _send(client, place, outcome="no_person", celsius="36.8", needs="药")
    assert response.status_code == 302
    visit = Visit.objects.get()
    assert (visit.outcome, visit.celsius, visit.symptoms, visit.needs) == ("no_person", None, [], "")


def test_symptoms_and_degrees_are_those_that_evidence_knows() -> None:
    assert tuple(Visit.Symptom.values) == kinds.SYMPTOMS
    assert (COLDEST, HOTTEST) == (kinds.COLDEST, kinds.HOTTEST)


# Photos


def test_a_photo_is_opened_by_whoever_may_open_its_order_and_each_look_is_on_record(
    district: District, order: WorkOrder
) -> None:
    client = _open(district, order, "arrived")
    _send(client, order, photo_1=SimpleUploadedFile("1.jpg", picture()))
    url = reverse("community:visit_photo", args=[Photo.objects.get().ref])
    for reader in (GridWorker, CommunityStaff):
        response = browse(district.user(reader)).get(url)
        assert response["Content-Type"] == "image/jpeg"
        assert "no-store" in response["Cache-Control"]
        row = AuditRow.objects.get(deed=Deed.SEE_PHOTO, actor=district.user(reader).pk)
        assert (row.subjects, row.purpose) == ([district.zhang.pk], "visit")
    stranger = district.user(GridWorker, district.other_grid)
    assert browse(stranger).get(url).status_code == 404
    assert browse(district.user(DistrictCommander)).get(url).status_code == 403
    assert browse(stranger).get(reverse("community:visit_photo", args=[uuid.uuid4()])).status_code == 404
    refused = AuditRow.objects.filter(deed=Deed.SEE_PHOTO, outcome="refused", actor=stranger.pk)
    assert refused.count() == 2
    response = browse(district.user(GridWorker), purpose="").get(url)
    assert response.url.startswith(reverse("core:purpose"))  # type: ignore[attr-defined]


# Verification


def test_staff_find_what_is_reported_and_close_it(district: District, order: WorkOrder) -> None:
    _open(district, order, "reported")
    client = browse(district.user(CommunityStaff))
    assert client.get(reverse("community:to_verify")).context["page"].rows == [order]
    text = client.get(reverse("community:verify", args=[order.ref])).content.decode()
    assert FOUND.feedback in text
    response: Any = client.post(reverse("community:close", args=[order.ref]))
    assert response.url == reverse("community:to_verify")
    order.refresh_from_db()
    assert (order.state, order.alert.closed_at) == ("closed", order.closed_at)
    assert client.get(reverse("community:to_verify")).context["page"].rows == []
    assert client.post(reverse("community:close", args=[order.ref])).status_code == 409


def test_ones_own_report_has_no_button_but_the_reason_why(district: District) -> None:
    staff = district.user(CommunityStaff)
    order = order_for(district.zhang, district.grid)
    orders.assign(order=order, to=staff, by=district.user(StreetStaff))
    bring_to(order, "reported", worker=staff, verifier=staff)
    client, close = browse(staff), reverse("community:close", args=[order.ref])
    listed = client.get(reverse("community:to_verify"))
    assert [one.is_own for one in listed.context["page"].rows] == [True]
    response = client.get(reverse("community:verify", args=[order.ref]))
    assert response.context["is_own"]
    assert close not in response.content.decode()
    assert client.post(close).status_code == 409
    assert client.post(reverse("community:return", args=[order.ref]), {"note": "x"}).status_code == 409
    order.refresh_from_db()
    assert order.state == "reported"
    assert (
        close in browse(district.user(StreetStaff)).get(reverse("community:verify", args=[order.ref])).content.decode()
    )


@pytest.mark.parametrize("note", ["", "  ", "长" * 501, "\x00"])
def test_an_order_is_returned_with_a_note_only(district: District, order: WorkOrder, note: str) -> None:
    _open(district, order, "reported")
    client, url = browse(district.user(CommunityStaff)), reverse("community:return", args=[order.ref])
    response = client.post(url, {"note": note})
    assert response.status_code == 200
    assert response.context["form"].errors
    assert note.strip("\x00 ") in response.content.decode()
    order.refresh_from_db()
    assert order.state == "reported"
    assert client.post(url, {"note": "照片看不清"}).status_code == 302
    order.refresh_from_db()
    assert order.state == "returned"


def test_orders_that_nobody_has_stand_on_top_and_are_given_out(district: District) -> None:
    order = order_for(district.zhang, district.grid)
    worker, client = district.user(GridWorker), browse(district.user(CommunityStaff))
    response = client.get(reverse("community:to_verify"))
    assert [one for one, _form in response.context["lost"]] == [order]
    assert response.context["lost_count"] == 1
    url = reverse("community:assign", args=[order.ref])
    stranger = district.user(GridWorker, district.other_grid)
    for wrong in ("", "x", "0", str(stranger.pk), "9" * 40, "\x00"):
        answer = client.post(url, {"worker": wrong})
        assert answer.status_code == 200, wrong
        assert answer.context["assign_form"].errors
    assert client.post(url, {"worker": str(worker.pk)}).status_code == 302
    order.refresh_from_db()
    assert order.assignee == worker
    assert order in WorkOrder.objects.of_worker(worker)
    assert not client.get(reverse("community:to_verify")).context["lost"]


def test_the_home_page_of_a_worker_says_how_many_orders_wait(district: District, order: WorkOrder) -> None:
    response = browse(district.user(GridWorker)).get(reverse("dashboard:home"))
    assert response.context["orders"]["open"] == 1
    assert reverse("community:orders") in response.content.decode()
    commander = browse(district.user(DistrictCommander)).get(reverse("dashboard:home"))
    assert commander.context["orders"] is None
