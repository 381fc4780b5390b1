"""A signed code is read by its public key alone; whatever is changed in it is refused, and why is told apart."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from citybrain.core import foreign_keys, keyring
from citybrain.core.foreign_keys import ForeignKeysError
from healthcode import base45, signed_codes, tokens
from healthcode.signed_codes import CONTEXT, Kind, SignedCode, SignedCodeError, make, published, read

FIRST, LAST = dt.date(2020, 2, 12), dt.date(2020, 8, 10)
SERIALS = st.integers(-(2**63), 2**63 - 1)
DAYS = st.dates(dt.date(2020, 1, 1), dt.date(2199, 6, 5))
ANY_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def ring(tmp_path: Path, settings: Any) -> Path:
    """A keyring of our own, in district 330103, that knows no other region."""
    path = tmp_path / "ours.json"
    keyring.make(path)
    settings.KEYRING_FILE, settings.CODE_ISSUER, settings.FOREIGN_KEYS = path, "330103", {}
    return path


def _fault(text: str, day: dt.date = FIRST) -> str:
    with pytest.raises(SignedCodeError) as refused:
        read(text, day)
    return refused.value.fault


def _make(serial: int = 7, first: dt.date = FIRST, last: dt.date = LAST) -> str:
    return make(Kind.PAPER, serial, first, last)


@ANY_FIXTURE
@given(serial=SERIALS, first=DAYS, life=st.integers(0, signed_codes.MOST_DAYS), day=st.integers(0, 4095))
@example(serial=-1, first=FIRST, life=0, day=0)
def test_a_code_says_what_it_was_made_of_in_120_characters_of_base45(
    serial: int, first: dt.date, life: int, day: int
) -> None:
    last = first + dt.timedelta(days=life)
    text = _make(serial, first, last)
    assert len(text) == 120
    assert set(text) <= set(base45.ALPHABET)
    assert read(text, first + dt.timedelta(days=min(day, life))) == SignedCode(
        Kind.PAPER, "330103", serial, first, last
    )


@pytest.mark.parametrize("province", [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55)])
def test_no_code_of_a_district_begins_or_ends_with_a_space(province: int, settings: Any) -> None:
    for rest in ("0000", "0101", "1282", "9999"):
        settings.CODE_ISSUER = f"{province}{rest}"
        text = _make()
        assert text == text.strip()
        assert read(text, FIRST).issuer == settings.CODE_ISSUER


@ANY_FIXTURE
@given(serial=SERIALS, place=st.integers(0, 119), character=st.sampled_from(base45.ALPHABET) | st.characters())
def test_a_code_with_any_one_character_changed_is_refused(serial: int, place: int, character: str) -> None:
    text = _make(serial)
    changed = text[:place] + character + text[place + 1 :]
    assume(changed != text)
    assert _fault(changed) in {"unreadable", "version", "forged", "unknown_issuer"}


@ANY_FIXTURE
@given(bit=st.integers(0, 639))
def test_a_code_with_any_one_bit_flipped_is_refused_and_never_called_stale(bit: int) -> None:
    raw = bytearray(base45.decode(_make()))
    raw[bit // 8] ^= 128 >> bit % 8
    expected = "version" if bit < 8 else "unknown_issuer" if bit < 28 else "forged"
    assert _fault(base45.encode(bytes(raw)), LAST + dt.timedelta(days=1)) == expected


@ANY_FIXTURE
@given(text=st.text() | st.text(base45.ALPHABET, min_size=120, max_size=120))
@example(text=":" * 120)
@example(text="0" * 120)
@example(text="\ud800" * 120)
def test_no_text_whatever_is_read_or_raises_anything_but_its_own_error(text: str) -> None:
    assert _fault(text) in {"unreadable", "version", "forged", "unknown_issuer"}


@pytest.mark.parametrize(
    ("day", "is_read"),
    [(dt.date(2020, 2, 11), False), (FIRST, True), (LAST, True), (dt.date(2020, 8, 11), False)],
)
def test_it_holds_from_its_first_through_its_last_day(day: dt.date, is_read: bool) -> None:
    if is_read:
        assert read(_make(), day).serial == 7
    else:
        assert _fault(_make(), day) == "stale"


def test_a_code_of_another_region_is_told_apart_by_what_is_known_of_its_keys(tmp_path: Path, settings: Any) -> None:
    ours = settings.KEYRING_FILE
    theirs = tmp_path / "theirs.json"
    keyring.make(theirs)
    settings.KEYRING_FILE, settings.CODE_ISSUER = theirs, "330104"
    text, told = _make(), published()
    settings.KEYRING_FILE = ours
    assert _fault(text) == "forged", "it says it is ours, and is not"
    settings.CODE_ISSUER = "330103"
    assert _fault(text) == "unknown_issuer"
    file = tmp_path / "foreign.json"
    file.write_text(json.dumps([told]))
    settings.FOREIGN_KEYS = foreign_keys.load(file)
    assert _fault(text) == "wrong_issuer"
    assert _fault(text[:-3] + "000") == "forged"
    with pytest.raises(SignedCodeError) as refused:
        read(text, FIRST)
    assert refused.value.issuer == "330104"


@pytest.mark.parametrize(
    "content",
    [
        "{",
        '{"issuer": "330104"}',
        "[1]",
        '[{"issuer": "1", "keys": []}]',
        '[{"issuer": "330104", "keys": [{"id": 1, "public_key": "00"}]}]',
        '[{"issuer": "330104", "keys": [{"id": 0, "public_key": "' + "00" * 32 + '"}]}]',
    ],
)
def test_a_damaged_file_of_other_regions_keys_is_refused_with_a_remedy(tmp_path: Path, content: str) -> None:
    file = tmp_path / "foreign.json"
    file.write_text(content)
    with pytest.raises(ForeignKeysError, match="take them anew"):
        foreign_keys.load(file)


def test_a_code_is_checked_with_what_is_published_and_nothing_else() -> None:
    told = published()
    assert told["issuer"] == "330103"
    assert {one["algorithm"] for one in told["keys"]} == {"Ed25519"}
    raw = base45.decode(_make())
    (known,) = told["keys"]
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(known["public_key"]))
    key.verify(raw[16:], CONTEXT + raw[:16])
    # As the module's text says: version 4, kind 4, issuer 20, key 8, serial 64, day of issue 16, life 12.
    bits = f"{int.from_bytes(raw[:16]):0128b}"
    fields = [int(bits[start:end], 2) for start, end in ((0, 4), (4, 8), (8, 28), (28, 36), (36, 100), (100, 116))]
    assert fields == [1, 1, 330103, known["id"], 7, 42]
    assert int(bits[116:], 2) == 180


def test_codes_outlive_a_rotation_which_is_published_and_die_with_their_key(ring: Path) -> None:
    text = _make()
    keyring.rotate(ring, "signing")
    assert read(text, FIRST).serial == 7
    assert [one["id"] for one in published()["keys"]] == [2, 1]
    assert _make() != text
    keyring.retire(ring, "signing", 1)
    assert _fault(text) == "forged"


def test_a_phones_token_is_no_signed_code_and_a_signed_code_no_token() -> None:
    now = dt.datetime(2020, 2, 12, 12, tzinfo=dt.UTC)
    assert _fault(tokens.make(7, now)) == "unreadable"
    with pytest.raises(tokens.TokenError):
        tokens.read(_make(), now)


@pytest.mark.parametrize(
    ("first", "last"), [(LAST, FIRST), (dt.date(2019, 12, 31), FIRST), (FIRST, dt.date(2040, 1, 1))]
)
def test_days_that_a_code_cannot_say_are_refused_when_it_is_made(first: dt.date, last: dt.date) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        _make(7, first, last)
