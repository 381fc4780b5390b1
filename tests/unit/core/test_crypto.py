import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from citybrain.core import crypto


@given(st.text(max_size=40))
def test_what_is_sealed_can_be_read_again_and_is_never_the_same_twice(plain: str) -> None:
    first, second = crypto.seal("document", plain), crypto.seal("document", plain)
    assert crypto.unseal("document", first) == plain
    assert first != second


def test_a_phone_cannot_be_passed_off_as_a_document() -> None:
    with pytest.raises(InvalidTag):
        crypto.unseal("document", crypto.seal("phone", "19900001234"))


def test_what_is_bound_to_an_owner_opens_for_nobody_else() -> None:
    sealed = crypto.seal("document", "E12345", owner="zhang")
    assert crypto.unseal("document", sealed, owner="zhang") == "E12345"
    for owner in ("li", ""):
        with pytest.raises(InvalidTag):
            crypto.unseal("document", sealed, owner=owner)
    with pytest.raises(InvalidTag):
        crypto.unseal("phone", sealed, owner="zhang")


@pytest.mark.parametrize("length", [0, 1, 8, 13, 28])
def test_a_value_cut_short_is_noticed(length: int) -> None:
    with pytest.raises(InvalidTag):
        crypto.unseal("document", crypto.seal("document", "E12345")[:length])


@given(st.integers(min_value=1, max_value=28))
def test_a_changed_byte_is_noticed(position: int) -> None:
    sealed = bytearray(crypto.seal("document", "330199198001010017"))
    sealed[position] ^= 1
    with pytest.raises(InvalidTag):
        crypto.unseal("document", bytes(sealed))


def test_a_blind_index_is_stable_and_depends_on_the_type() -> None:
    assert crypto.blind_index("passport", "E12345") == crypto.blind_index("passport", "E12345")
    assert crypto.blind_index("passport", "E12345") != crypto.blind_index("resident_id", "E12345")
    assert crypto.blind_index("passport", "E12345") in crypto.blind_indexes("passport", "E12345")
