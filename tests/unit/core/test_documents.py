import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from citybrain.core import clock, documents

GOOD = "330199198001010017"


def test_a_valid_resident_identity_number_is_taken_in_any_spelling() -> None:
    assert documents.check("resident_id", GOOD) == GOOD
    assert documents.check("resident_id", " 330199 1980-0101 0017 ") == GOOD
    assert documents.check("resident_id", "３３０１９９１９８００１０１００１７") == GOOD


def test_a_county_code_that_nobody_assigned_is_no_error() -> None:
    assert documents.check("resident_id", GOOD)[:6] == "330199"


@given(st.integers(min_value=0, max_value=16), st.integers(min_value=1, max_value=9))
def test_one_wrong_digit_is_always_noticed(place: int, shift: int) -> None:
    digits = list(GOOD)
    digits[place] = str((int(digits[place]) + shift) % 10)
    with pytest.raises(ValidationError):
        documents.check("resident_id", "".join(digits))


@given(st.integers(min_value=0, max_value=15))
def test_two_swapped_neighbours_are_always_noticed(place: int) -> None:
    digits = list(GOOD)
    digits[place], digits[place + 1] = digits[place + 1], digits[place]
    if "".join(digits) != GOOD:
        with pytest.raises(ValidationError):
            documents.check("resident_id", "".join(digits))


@pytest.mark.parametrize("birthday", ["19800230", "18991231", "20300101", "19801301"])
def test_an_impossible_birth_date_is_refused(birthday: str) -> None:
    body = f"330199{birthday}001"
    with clock.at(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)), pytest.raises(ValidationError, match="7"):
        documents.check("resident_id", body + documents.check_digit(body))


@given(st.sampled_from(documents.Type.values), st.text(max_size=60))
def test_any_text_is_either_taken_or_refused_with_a_message(kind: str, text: str) -> None:
    try:
        assert documents.check(kind, text) == documents.normalise(text)
    except ValidationError as error:
        assert error.messages


@pytest.mark.parametrize("number", ["13900000000", "139 0000 0000", "+86 139-0000-0000", "8613900000000"])
def test_a_mobile_number_is_taken_in_any_spelling(number: str) -> None:
    assert documents.check_phone(number) == "13900000000"


@pytest.mark.parametrize("number", ["", "0571-88880000", "1390000000", "23900000000", "139000000001"])
def test_what_is_no_mobile_number_is_refused(number: str) -> None:
    with pytest.raises(ValidationError, match="13900000000"):
        documents.check_phone(number)
