import pytest

from citybrain.core import names


@pytest.mark.parametrize(
    ("name", "masked"),
    [("张三", "张*"), ("欧阳修文", "欧***"), ("Maria Silva", "M***"), ("王", "王"), ("", "")],
)
def test_a_masked_name_keeps_its_first_character_only(name: str, masked: str) -> None:
    assert names.mask(name) == masked


def test_names_sort_by_pinyin_and_by_tone_within_a_syllable() -> None:
    assert sorted(["张三", "李四", "阿强", "王五", "黎四"], key=names.sort_key) == [
        "阿强",
        "黎四",
        "李四",
        "王五",
        "张三",
    ]
