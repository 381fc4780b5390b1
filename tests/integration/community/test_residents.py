"""Whose data a grid worker reaches: the same answer from list, search, export, map, detail and API."""

import io
import uuid
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from citybrain.core import access, roles
from citybrain.core.models import AuditRow, Event, Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act, CommunityStaff, DistrictCommander, GridWorker, HealthOfficer, Resident, Role
from community.views import residents
from tests.people import LI_ID, ZHANG_ID, ZHANG_PHONE, District, browse, make_person

pytestmark = pytest.mark.django_db


def _listed(client: Client, **filters: str) -> set[uuid.UUID]:
    return {person.ref for person in client.get(reverse("community:residents"), filters).context["page"].rows}


def _found(client: Client, number: str) -> set[uuid.UUID]:
    response: Any = client.post(reverse("community:find"), {"number": number})
    if response.status_code == 302:
        return {uuid.UUID(response.url.strip("/").rpartition("/")[2])}
    return {person.ref for person in response.context["found"]}


def _exported(client: Client) -> list[str]:
    response = client.post(reverse("community:export"))
    sheet = load_workbook(io.BytesIO(response.content)).active
    return [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)]


def _mapped(client: Client, **filters: str) -> int:
    total: int = client.get(reverse("community:map"), filters).context["total"]
    return total


def _api_listed(client: Client) -> set[uuid.UUID]:
    return {uuid.UUID(row["ref"]) for row in client.get(reverse("community:api_residents")).json()["results"]}


def _api_mapped(client: Client) -> int:
    features = client.get(reverse("community:api_map")).json()["features"]
    return sum(feature["properties"]["residents"] for feature in features)


# Owner: the grid's own worker. Member: staff above. Strangers: the other grid's worker, other roles, nobody.


def test_a_grid_worker_sees_their_own_grid_and_nobody_else_in_every_way(district: District) -> None:
    zhang, li = district.zhang, district.li
    client = browse(district.user(GridWorker))
    assert _listed(client) == {zhang.ref}
    assert _listed(client, name="李") == set()
    assert _listed(client, area=str(district.other_grid.pk)) == set(), "an area that is not theirs shows nobody"
    assert _found(client, ZHANG_ID) == {zhang.ref}
    assert _found(client, LI_ID) == set()
    assert _found(client, "5678") == set()
    assert _exported(client) == ["张*"]
    assert _mapped(client) == 1
    assert client.get(reverse("community:map"), {"area": district.other_grid.pk}).status_code == 404
    assert _api_listed(client) == {zhang.ref}
    assert _api_mapped(client) == 1
    assert client.get(reverse("community:resident", args=[zhang.ref])).status_code == 200
    assert client.get(reverse("community:api_resident", args=[zhang.ref])).status_code == 200
    assert not AuditRow.objects.filter(subjects__contains=[li.pk], outcome="done").exists()


NAMING = [
    (method, page)
    for page in ("community:resident", "community:unmask", "community:api_resident")
    for method in ("get", "post", "head", "options", "put", "delete")
]


@pytest.mark.parametrize("purpose", ["visit", ""])
@pytest.mark.parametrize(("method", "page"), NAMING)
def test_any_request_that_names_a_person_of_another_grid_is_not_found_and_on_record(
    district: District, method: str, page: str, purpose: str
) -> None:
    worker = district.user(GridWorker)
    response = getattr(browse(worker, purpose), method)(reverse(page, args=[district.li.ref]))
    assert response.status_code == 404
    assert "李" not in response.content.decode()
    row = AuditRow.objects.get(outcome="refused")
    assert (row.actor, row.subjects, row.purpose) == (worker.pk, [district.li.pk], purpose)
    assert Event.objects.get().payload == {"row": row.pk}


@pytest.mark.parametrize(
    "address",
    [
        "/residents/{REF}/",
        "/residents/?after={ref}",
        "/residents/?after={REF}",
        "/api/v1/residents/?after={ref}",
        "/api/v1/residents/{REF}/?format=xml",
    ],
)
def test_no_spelling_of_the_address_slips_past_the_record(district: District, address: str) -> None:
    url = address.format(ref=district.li.ref, REF=str(district.li.ref).upper())
    client = browse(district.user(GridWorker))
    assert client.get(url, headers={"accept": "text/html"}).status_code == 404
    assert AuditRow.objects.get(outcome="refused").subjects == [district.li.pk]


def test_finding_by_the_document_of_a_person_of_another_grid_is_on_record_as_refused(district: District) -> None:
    client = browse(district.user(GridWorker))
    assert _found(client, LI_ID) == set()
    assert AuditRow.objects.get(outcome="refused").subjects == [district.li.pk]
    assert _found(client, "330199190001010000") == set()
    assert AuditRow.objects.filter(outcome="refused").count() == 1


@pytest.mark.parametrize(("method", "page"), NAMING)
def test_a_person_who_does_not_exist_gets_the_same_answer_as_one_who_is_elsewhere(
    district: District, method: str, page: str
) -> None:
    client = browse(district.user(GridWorker))
    there = getattr(client, method)(reverse(page, args=[district.li.ref]))
    nowhere = getattr(client, method)(reverse(page, args=[uuid.uuid4()]))
    assert (there.status_code, _without_token(there)) == (nowhere.status_code, _without_token(nowhere))


def _without_token(response: Any) -> str:
    return "\n".join(
        line for line in response.content.decode().splitlines() if "csrf" not in line and 'name="next"' not in line
    )


@pytest.mark.django_db(transaction=True)
def test_the_refused_look_is_kept_although_the_views_transaction_rolled_back(
    district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = access.load_person

    def inside_a_transaction(*args: Any) -> Person:
        with transaction.atomic():
            Person.objects.filter(pk=district.zhang.pk).update(address="changed in the refused request")
            return load(*args)

    monkeypatch.setattr(access, "load_person", inside_a_transaction)
    client = browse(district.user(GridWorker))
    assert client.get(reverse("community:resident", args=[district.li.ref])).status_code == 404
    district.zhang.refresh_from_db()
    assert district.zhang.address == "1幢101室"
    assert AuditRow.objects.get(outcome="refused").subjects == [district.li.pk]


@pytest.mark.parametrize("role", [CommunityStaff, DistrictCommander, HealthOfficer], ids=lambda role: role.codename)
def test_staff_above_see_both_grids(district: District, role: type[Role]) -> None:
    client = browse(district.user(role))
    assert _listed(client) == _api_listed(client) == {district.zhang.ref, district.li.ref}
    assert _mapped(client) == _api_mapped(client) == 2
    assert _listed(client, area=str(district.grid.pk)) == {district.zhang.ref}


PAGES = [
    ("get", "community:residents", Act.SEE_PEOPLE),
    ("post", "community:find", Act.SEE_PEOPLE),
    ("get", "community:map", Act.SEE_PEOPLE),
    ("post", "community:export", Act.EXPORT_PEOPLE),
    ("get", "community:resident", Act.SEE_PEOPLE),
    ("post", "community:unmask", Act.UNMASK_PERSON),
    ("get", "community:api_residents", Act.SEE_PEOPLE),
    ("get", "community:api_map", Act.SEE_PEOPLE),
    ("get", "community:api_resident", Act.SEE_PEOPLE),
]


@pytest.mark.parametrize("role", [Resident, *roles.STAFF_ROLES], ids=lambda role: role.codename)
@pytest.mark.parametrize(("method", "page", "act"), PAGES)
def test_each_role_reaches_what_it_may_and_is_refused_the_rest_on_record(
    district: District, role: type[Role], method: str, page: str, act: Act
) -> None:
    user = district.user(role)
    url = reverse(page, args=[district.zhang.ref] if page.endswith(("resident", "unmask")) else [])
    response = getattr(browse(user), method)(url)
    if act in role.may:
        assert response.status_code in {200, 302}
        assert not AuditRow.objects.filter(outcome="refused").exists()
    else:
        assert response.status_code == 403
        row = AuditRow.objects.get(outcome="refused")
        assert row.actor == user.pk
        assert row.target == f"page:{page}"
        assert row.subjects == ([district.zhang.pk] if str(district.zhang.ref) in url else [])


@pytest.mark.parametrize(("method", "page", "act"), PAGES)
def test_nobody_is_let_in_without_signing_in(district: District, method: str, page: str, act: Act) -> None:
    url = reverse(page, args=[district.zhang.ref] if page.endswith(("resident", "unmask")) else [])
    response = getattr(browse(None), method)(url)
    if "api" in page:
        assert response.status_code == 403
    else:
        assert response.url.startswith(reverse("core:sign_in"))


@pytest.mark.parametrize(("method", "page", "act"), PAGES)
def test_without_a_purpose_nobody_is_named(district: District, method: str, page: str, act: Act) -> None:
    url = reverse(page, args=[district.zhang.ref] if page.endswith(("resident", "unmask")) else [])
    response = getattr(browse(district.user(GridWorker), purpose=""), method)(url)
    if "api" in page:
        assert response.status_code == 403
    else:
        assert response.url.startswith(reverse("core:purpose"))
    assert not AuditRow.objects.filter(subjects__contains=[district.zhang.pk]).exists()


def test_a_list_is_one_row_of_the_trail_with_the_persons_it_named(district: District) -> None:
    worker = district.user(CommunityStaff)
    browse(worker).get(reverse("community:residents"), {"name": "三"})
    row = AuditRow.objects.get(deed=Deed.SEE_LIST)
    assert (row.actor, row.purpose, row.subjects) == (worker.pk, "visit", [district.zhang.pk])
    assert (row.role, row.holding) == ("community_staff", f"area:{district.community.pk}")
    assert row.detail == {"by": ["name"]}, "the record says that a name was searched for, not which"


def test_looking_at_a_person_names_the_household_too(district: District) -> None:
    child = make_person("张小宝", district.grid)
    district.zhang.household_membership.household.members.create(person=child, relation="child")
    response = browse(district.user(GridWorker)).get(reverse("community:resident", args=[district.zhang.ref]))
    assert AuditRow.objects.get(deed=Deed.SEE_PERSON).subjects == sorted([district.zhang.pk, child.pk])
    assert "张小宝" not in response.content.decode()


def test_a_housemate_whose_present_address_is_in_another_grid_is_not_named(district: District) -> None:
    son = make_person("赵小宝", district.other_grid)
    district.zhang.household_membership.household.members.create(person=son, relation="child")
    response = browse(district.user(GridWorker)).get(reverse("community:resident", args=[district.zhang.ref]))
    assert "赵" not in response.content.decode()
    assert AuditRow.objects.get(deed=Deed.SEE_PERSON).subjects == [district.zhang.pk]


def test_pages_show_masked_names_and_no_numbers(district: District) -> None:
    client = browse(district.user(GridWorker))
    for url in [reverse("community:residents"), reverse("community:resident", args=[district.zhang.ref])]:
        text = client.get(url).content.decode()
        assert "张*" in text
        assert "张三" not in text
        assert ZHANG_ID not in text
        assert ZHANG_PHONE not in text


def test_unmasking_shows_the_numbers_once_and_is_on_record(district: District) -> None:
    client = browse(district.user(GridWorker))
    url = reverse("community:unmask", args=[district.zhang.ref])
    assert client.get(url).status_code == 405
    text = client.post(url).content.decode()
    assert {ZHANG_ID, ZHANG_PHONE, "张三"} <= {word for word in (ZHANG_ID, ZHANG_PHONE, "张三") if word in text}
    row = AuditRow.objects.get(deed=Deed.UNMASK)
    assert row.subjects == [district.zhang.pk]
    assert ZHANG_ID not in str(row.__dict__)


def test_a_commander_sees_masked_names_and_cannot_unmask(district: District) -> None:
    client = browse(district.user(DistrictCommander))
    assert client.get(reverse("community:resident", args=[district.zhang.ref])).context["may_unmask"] is False
    assert client.post(reverse("community:unmask", args=[district.zhang.ref])).status_code == 403


def test_a_search_takes_characters_and_pinyin(district: District) -> None:
    client = browse(district.user(CommunityStaff))
    assert _listed(client, name="张三") == {district.zhang.ref}
    assert _listed(client, name="zhang") == {district.zhang.ref}
    assert _listed(client, name="zzz") == set()


def test_a_number_is_found_in_any_spelling_and_by_the_end_of_a_phone(district: District) -> None:
    client = browse(district.user(CommunityStaff))
    assert _found(client, f" {ZHANG_ID[:6]} {ZHANG_ID[6:]}") == {district.zhang.ref}
    assert _found(client, ZHANG_PHONE[-4:]) == {district.zhang.ref}


@pytest.mark.parametrize("number", ["", " ", "x" * 41, "\x00", "'; DROP TABLE core_person; --", "😀", "0000"])
def test_a_number_that_is_none_is_answered_with_a_page(district: District, number: str) -> None:
    response = browse(district.user(CommunityStaff)).post(reverse("community:find"), {"number": number})
    assert response.status_code == 200
    assert response.context["found"] == []


@pytest.mark.parametrize("query", ["area=x", "area=999999999999999999999", "name=%00", "name=" + "a" * 500])
def test_a_filter_that_is_none_shows_nobody_and_says_what_is_wrong(district: District, query: str) -> None:
    client = browse(district.user(CommunityStaff))
    response = client.get(f"{reverse('community:residents')}?{query}")
    assert response.context["page"].rows == []
    assert response.context["form"].errors
    assert client.get(f"{reverse('community:api_residents')}?{query}").status_code == 400
    exported = client.post(reverse("community:export"), dict(parse_qsl(query)))
    assert exported.status_code == 400
    assert not AuditRow.objects.filter(subjects__contains=[district.zhang.pk]).exists()


def test_a_damaged_page_link_begins_anew(district: District) -> None:
    assert _listed(browse(district.user(CommunityStaff)), after="x") == {district.zhang.ref, district.li.ref}


def test_the_map_finds_nobody_by_name(district: District) -> None:
    client = browse(district.user(DistrictCommander))
    assert _mapped(client, name="张三") == 2
    assert b'name="name"' not in client.get(reverse("community:map")).content


def test_an_export_that_is_too_large_is_refused_not_cut(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residents, "EXPORT_ROWS", 1)
    response: Any = browse(district.user(CommunityStaff)).post(reverse("community:export"))
    assert response.url == reverse("community:residents")
    assert not AuditRow.objects.filter(deed=Deed.EXPORT).exists()


def test_pages_follow_one_another_without_holes_or_repeats(district: District) -> None:
    for number in range(120):
        make_person(f"王{number:03}", district.grid)
    client = browse(district.user(GridWorker))
    seen: list[uuid.UUID] = []
    after = ""
    for _page in range(5):
        page = client.get(reverse("community:residents"), {"after": after}).context["page"]
        seen += [person.ref for person in page.rows]
        if page.next_after is None:
            break
        after = str(page.next_after.ref)
    assert len(seen) == len(set(seen)) == 121


def test_no_cell_of_an_export_is_a_formula(district: District) -> None:
    make_person("=HYPERLINK(1)", district.grid)
    Person.objects.filter(pk=district.zhang.pk).update(address="=1+1")
    response = browse(district.user(GridWorker)).post(reverse("community:export"))
    sheet = load_workbook(io.BytesIO(response.content)).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}
    assert AuditRow.objects.get(deed=Deed.EXPORT).detail == {"rows": 2}


def test_pages_with_residents_are_kept_by_no_cache(district: District) -> None:
    response = browse(district.user(GridWorker)).get(reverse("community:residents"))
    assert "no-store" in response["Cache-Control"]
