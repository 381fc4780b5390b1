"""Codes change and are re-used: a day is always asked for."""

import csv
import datetime as dt
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from citybrain.core import queries
from citybrain.core.actions.areas import create_area, recode_area
from citybrain.core.models import Area, AreaCode
from citybrain.demo.city import tables
from citybrain.demo.city.areas import Areas
from tests.people import District as SmallDistrict

RECODING = dt.date(2023, 6, 30)
FILE = Path(__file__).parents[2] / "data" / "gongshu-2023-06-30.csv"

pytestmark = pytest.mark.django_db


def test_a_code_of_2019_resolves_by_2019_and_no_longer_by_2024(district: SmallDistrict) -> None:
    recode_area(area=district.community, code="330105013001", on=RECODING, by=None)
    assert Area.objects.coded("330103008008", dt.date(2019, 12, 31)).get() == district.community
    assert not Area.objects.coded("330103008008", RECODING).exists()
    assert Area.objects.coded("330105013001", RECODING).get() == district.community
    assert not Area.objects.coded("330105013001", dt.date(2019, 12, 31)).exists()


def test_a_re_used_code_names_the_area_of_the_day(district: SmallDistrict) -> None:
    recode_area(area=district.community, code="330105013001", on=RECODING, by=None)
    later = create_area(
        level=Area.Level.COMMUNITY,
        code="330103008008",
        name="新社区",
        parent=district.street,
        valid_from=dt.date(2024, 1, 1),
        by=None,
    )
    assert Area.objects.coded("330103008008", dt.date(2020, 1, 1)).get() == district.community
    assert Area.objects.coded("330103008008", dt.date(2024, 6, 1)).get() == later


def test_one_code_cannot_name_two_areas_on_one_day(district: SmallDistrict) -> None:
    with pytest.raises(IntegrityError, match="area_code_names_one_area_a_day"), transaction.atomic():
        AreaCode.objects.create(
            area=district.grid, code=district.community.code, name="x", valid_from=dt.date(2020, 1, 1)
        )


def test_one_area_cannot_have_two_codes_on_one_day(district: SmallDistrict) -> None:
    with pytest.raises(IntegrityError, match="area_has_one_code_a_day"), transaction.atomic():
        AreaCode.objects.create(area=district.grid, code="330103008008009", name="x", valid_from=dt.date(2020, 1, 1))


def test_moving_an_area_moves_everything_below_and_keeps_the_tree_of_the_past(district: SmallDistrict) -> None:
    elsewhere = create_area(
        level=Area.Level.STREET,
        code="330103007000",
        name="文晖街道",
        parent=district.district,
        valid_from=dt.date(2018, 10, 31),
        by=None,
    )
    recode_area(area=district.community, code="330103007010", on=RECODING, parent=elsewhere, by=None)
    district.grid.refresh_from_db()
    assert district.grid.path.startswith(elsewhere.path)
    now = queries.area_tree(RECODING)[0]
    before = queries.area_tree(dt.date(2020, 1, 1))[0]
    assert {street.name: len(street.below) for street in now.below} == {"文晖街道": 1, "东新街道": 0}
    assert {street.name: len(street.below) for street in before.below} == {"文晖街道": 0, "东新街道": 1}


def test_the_new_code_knows_its_predecessor_and_the_old_one_its_successor(district: SmallDistrict) -> None:
    opened = recode_area(area=district.community, code="330105013001", on=RECODING, by=None)
    before = opened.predecessors.get()
    assert (before.code, before.valid_to) == ("330103008008", RECODING)
    assert before.successors.get() == opened


@pytest.mark.steady
@pytest.mark.django_db(databases=["default", "owner"], transaction=True)
def test_the_whole_district_of_2019_finds_its_codes_of_2023_by_street_and_name() -> None:
    """下城区 was abolished: all 74 communities reappear under 拱墅区; by name alone 华丰社区 would be ambiguous."""
    tables.write(Areas.read().tables(), "owner", lambda _line: None)
    listed = {row["code"]: row for row in csv.DictReader(FILE.read_text(encoding="utf-8").splitlines())}
    new_codes = {
        (listed[row["parent_code"]]["name"], row["name"]): row["code"]
        for row in listed.values()
        if row["level"] == "community"
    }
    by_name_alone = [row["name"] for row in listed.values() if row["level"] == "community"]
    assert by_name_alone.count("华丰社区") == 2
    communities = Area.objects.filter(level="community").select_related("parent")
    assert communities.count() == 74
    for community in communities:
        assert community.parent is not None
        recode_area(area=community, code=new_codes[community.parent.name, community.name], on=RECODING, by=None)
    old = Area.objects.coded("330103002051", dt.date(2019, 12, 31)).get()
    assert old.code == "330105013001"
    assert AreaCode.objects.valid_on(RECODING).filter(area__level="community", code__startswith="330105").count() == 74
