import pytest
from django.urls import reverse

from citybrain.core.models import Organisation
from citybrain.core.roles import DistrictCommander, Employer, GridWorker, PropertyCompany
from community.models import Building, Estate
from tests.people import District, browse

pytestmark = pytest.mark.django_db


def _buildings(district: District, role: type, on: Organisation | None = None) -> set[str]:
    return {
        building.name
        for building in browse(district.user(role, on)).get(reverse("community:estates")).context["buildings"]
    }


def test_a_property_company_sees_the_estates_it_serves_and_no_other(district: District) -> None:
    other = Organisation.objects.create(kind="property_company", name="别家物业", area=district.community)
    estate = Estate.objects.create(name="别家小区", area=district.community, property_company=other)
    Building.objects.create(estate=estate, area=district.grid, name="9幢")
    assert _buildings(district, PropertyCompany) == {"1幢", "2幢"}
    assert _buildings(district, PropertyCompany, other) == {"9幢"}


def test_a_property_company_reads_no_residents_name(district: District) -> None:
    client = browse(district.user(PropertyCompany))
    assert "张" not in client.get(reverse("community:estates")).content.decode()
    assert client.get(reverse("community:resident", args=[district.zhang.ref])).status_code == 403


def test_a_grid_worker_sees_the_buildings_of_the_grid_and_a_commander_all(district: District) -> None:
    assert _buildings(district, GridWorker) == {"1幢"}
    assert _buildings(district, DistrictCommander) == {"1幢", "2幢"}


def test_rooms_and_residents_are_counted_each_once(district: District) -> None:
    building = browse(district.user(GridWorker)).get(reverse("community:estates")).context["buildings"][0]
    assert (building.room_count, building.resident_count) == (1, 1)


def test_an_employer_and_a_stranger_are_kept_out(district: District) -> None:
    assert browse(district.user(Employer)).get(reverse("community:estates")).status_code == 403
    assert browse(None).get(reverse("community:estates")).status_code == 302
