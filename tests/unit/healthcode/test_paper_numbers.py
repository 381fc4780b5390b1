"""The number below a paper code is read however it is typed, and a slip is noticed."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from healthcode.paper_numbers import serial_of, text_of

SERIALS = st.integers(-(2**63), 2**63 - 1)
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@given(serial=SERIALS)
@example(serial=0)
@example(serial=-1)
@example(serial=2**63 - 1)
def test_a_number_has_14_characters_in_groups_and_is_read_back(serial: int) -> None:
    text = text_of(serial)
    assert [len(group) for group in text.split("-")] == [4, 4, 4, 2]
    assert set(text) <= set(LETTERS + "-")
    ways = (text, text.lower(), text.replace("-", ""), text.replace("-", " "), f" {text}\n", text.replace("1", "l"))
    assert {serial_of(one) for one in ways} == {serial}
    full_width = "".join(chr(ord(one) + 0xFEE0) for one in text)
    assert serial_of(full_width) == serial
    assert serial_of(text.replace("0", "O")) == serial


@given(serial=SERIALS, place=st.integers(0, 13), letter=st.sampled_from(LETTERS))
def test_any_one_character_that_is_wrong_is_noticed(serial: int, place: int, letter: str) -> None:
    text = text_of(serial).replace("-", "")
    wrong = text[:place] + letter + text[place + 1 :]
    assume(wrong != text)
    assert serial_of(wrong) is None


@given(serial=SERIALS, first=st.integers(0, 13), second=st.integers(0, 13))
def test_any_two_characters_that_changed_places_are_noticed(serial: int, first: int, second: int) -> None:
    typed = list(text_of(serial).replace("-", ""))
    assume(typed[first] != typed[second])
    typed[first], typed[second] = typed[second], typed[first]
    assert serial_of("".join(typed)) is None


@given(text=st.text())
@example(text="")
@example(text="U" * 14)
@example(text="Z" * 14)
@example(text="1" * 200)
def test_no_other_text_is_read_as_a_number_or_fails(text: str) -> None:
    assert serial_of(text) is None or len(text) >= 14


@pytest.mark.parametrize("character", "UILO*")
def test_what_is_no_letter_of_it_is_none(character: str) -> None:
    assert character not in text_of(-1)
    assert serial_of(character) is None
