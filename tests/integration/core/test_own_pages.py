"""A resident's own page and who looked at it."""

import pytest
from django.urls import reverse

from citybrain.core.models import AuditRow
from citybrain.core.roles import CommunityStaff, GridWorker, Resident
from tests.people import ZHANG_ID, ZHANG_PHONE, District, browse

pytestmark = pytest.mark.django_db


def test_a_resident_reads_their_own_data_in_the_clear(district: District) -> None:
    text = browse(district.user(Resident)).get(reverse("core:me")).content.decode()
    assert "张三" in text
    assert ZHANG_ID in text
    assert ZHANG_PHONE in text


def test_a_resident_without_a_person_is_told_what_to_do(district: District) -> None:
    newcomer = district.resident(None, "19900009999")
    for page in ("dashboard:home", "core:me", "core:looks"):
        assert browse(newcomer).get(reverse(page)).status_code == 200


def test_staff_have_no_resident_page_and_strangers_are_asked_to_sign_in(district: District) -> None:
    for page in ("core:me", "core:looks"):
        assert browse(district.user(GridWorker)).get(reverse(page)).status_code == 403
        assert browse(None).get(reverse(page)).status_code == 302


def test_a_resident_sees_every_look_with_role_place_purpose_and_staff_number(district: District) -> None:
    worker = district.user(CommunityStaff)
    browse(worker, "complaint").get(reverse("community:resident", args=[district.zhang.ref]))
    looks = browse(district.user(Resident)).get(reverse("core:looks")).context["looks"]
    assert len(looks) == 1
    assert looks[0].row.purpose == "complaint"
    assert (looks[0].where, looks[0].staff_number) == ("东新园社区", worker.username)


def test_a_refused_look_is_shown_to_the_resident_it_was_about(district: District) -> None:
    browse(district.user(GridWorker)).get(reverse("community:resident", args=[district.li.ref]))
    li = district.resident(district.li, "19900005678")
    looks = browse(li).get(reverse("core:looks")).context["looks"]
    assert [look.row.outcome for look in looks] == ["refused"]
    assert browse(district.user(Resident)).get(reverse("core:looks")).context["looks"] == []


def test_looks_come_newest_first_in_pages(district: District) -> None:
    client = browse(district.user(GridWorker))
    for _time in range(55):
        client.get(reverse("community:api_resident", args=[district.zhang.ref]))
    resident = browse(district.user(Resident))
    first = resident.get(reverse("core:looks"))
    second = resident.get(reverse("core:looks"), {"after": first.context["next_after"].pk})
    ids = [look.row.pk for page in (first, second) for look in page.context["looks"]]
    assert len(ids) == 55
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize("after", ["x", "-1", "99999999999999999999", "", "1; DROP"])
def test_a_damaged_page_link_shows_the_first_page(district: District, after: str) -> None:
    assert browse(district.user(Resident)).get(reverse("core:looks"), {"after": after}).status_code == 200


def test_paging_from_the_row_of_another_resident_shows_ones_own_looks_only(district: District) -> None:
    staff = browse(district.user(CommunityStaff))
    staff.get(reverse("community:api_resident", args=[district.li.ref]))
    staff.get(reverse("community:api_resident", args=[district.zhang.ref]))
    of_zhang = AuditRow.objects.get(subjects=[district.zhang.pk])
    li = district.resident(district.li, "19900005678")
    looks = browse(li).get(reverse("core:looks"), {"after": of_zhang.pk}).context["looks"]
    assert [look.row.subjects for look in looks] == [[district.li.pk]]
