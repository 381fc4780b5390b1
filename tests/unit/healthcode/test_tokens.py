"""A phone token is accepted for two minutes when our own keys made it, and nothing else ever is."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from citybrain.core import clock, keyring
from healthcode import base45, tokens
from healthcode.models.token import draw_number
from healthcode.tokens import LIFE, PERIOD, Token, TokenError, make, read

NOON = dt.datetime(2020, 2, 12, 12, tzinfo=clock.SHANGHAI)
SECOND = dt.timedelta(seconds=1)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.integers(0, 4_000_000_000).map(lambda seconds: dt.datetime.fromtimestamp(seconds, tz=dt.UTC))
# The keyring is the same in every example.
ANY_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def ring(tmp_path: Path, settings: Any) -> Path:
    """A keyring of our own."""
    path = tmp_path / "ours.json"
    keyring.make(path)
    settings.KEYRING_FILE = path
    return path


def _fault(text: str, at: dt.datetime = NOON) -> str:
    with pytest.raises(TokenError) as refused:
        read(text, at)
    return refused.value.fault


def _raw(text: str) -> bytes:
    return base45.decode(text)


@ANY_FIXTURE
@given(number=NUMBERS, at=MOMENTS)
@example(number=-1, at=NOON)
@example(number=-(2**63), at=NOON)
@example(number=2**63 - 1, at=NOON)
def test_a_token_has_48_characters_of_base45_and_says_whose_and_when(number: int, at: dt.datetime) -> None:
    text = make(number, at)
    assert len(text) == 48
    assert set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert read(text, at) == Token(number, int(at.timestamp()) // PERIOD)


def test_the_bytes_are_laid_out_as_the_design_says(ring: Path) -> None:
    raw = _raw(make(-2, NOON))
    counter = int(NOON.timestamp()) // 30
    assert raw[:2] == bytes([1, keyring.load(ring).current("token").id])
    assert raw[2:10] == (-2).to_bytes(8, "big", signed=True)
    assert raw[10:16] == counter.to_bytes(6, "big")
    assert len(raw) == 32


def test_it_is_the_same_for_30_seconds_and_another_afterwards() -> None:
    first = make(7, NOON)
    assert make(7, NOON + 29 * SECOND) == first
    assert make(7, NOON + 30 * SECOND) != first


@pytest.mark.parametrize(("late", "is_read"), [(0, True), (120, True), (121, False), (86400, False)])
def test_it_is_stale_after_120_seconds(late: int, is_read: bool) -> None:
    text = make(7, NOON)
    if is_read:
        assert read(text, NOON + late * SECOND).number == 7
    else:
        assert _fault(text, NOON + late * SECOND) == "stale"
    assert dt.timedelta(seconds=120) == LIFE


@pytest.mark.parametrize(("ahead", "is_read"), [(30, True), (31, False), (60, False), (86400, False)])
def test_it_is_stale_when_it_comes_from_more_than_one_period_ahead(ahead: int, is_read: bool) -> None:
    text = make(7, NOON)
    if is_read:
        assert read(text, NOON - ahead * SECOND).number == 7
    else:
        assert _fault(text, NOON - ahead * SECOND) == "stale"


@ANY_FIXTURE
@given(text=st.text())
@example(text="")
@example(text=" " * 48)
@example(text=":" * 48)
@example(text="0" * 48)
@example(text="\ud800" * 48)
@example(text="\x00" * 48)
@example(text="０" * 48)
def test_no_text_whatever_is_read_or_raises_anything_but_a_token_error(text: str) -> None:
    assert _fault(text) in {"unreadable", "forged"}


@ANY_FIXTURE
@given(text=st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", min_size=48, max_size=48))
def test_no_48_characters_of_base45_are_read_by_chance(text: str) -> None:
    assert _fault(text) in {"unreadable", "forged"}


@ANY_FIXTURE
@given(rest=st.binary(min_size=30, max_size=30), head=st.sampled_from([b"\x01\x01", b"\x01\x02", b"\x02\x01"]))
@example(rest=b"\xff" * 30, head=b"\x01\x01")
@example(rest=b"\x00" * 30, head=b"\x01\x01")
def test_no_32_bytes_are_read_by_chance_however_far_away_their_time_lies(rest: bytes, head: bytes) -> None:
    expected = "unreadable" if head[0] != 1 else "forged"
    assert _fault(base45.encode(head + rest)) == expected


@ANY_FIXTURE
@given(number=NUMBERS, bit=st.integers(0, 255))
def test_a_genuine_token_with_any_one_bit_flipped_is_refused(number: int, bit: int) -> None:
    raw = bytearray(_raw(make(number, NOON)))
    raw[bit // 8] ^= 1 << bit % 8
    assert _fault(base45.encode(bytes(raw))) == ("unreadable" if bit < 8 else "forged")


@ANY_FIXTURE
@given(number=NUMBERS, place=st.integers(0, 47), character=st.characters())
def test_a_genuine_token_with_any_one_character_changed_is_refused(number: int, place: int, character: str) -> None:
    text = make(number, NOON)
    changed = text[:place] + character + text[place + 1 :]
    assume(changed != text)
    assert _fault(changed) in {"unreadable", "forged"}


def test_cut_lengthened_lower_case_and_stripped_tokens_are_refused() -> None:
    text = make(7, NOON)
    for other in (text[:-1], text[:-3], text + "0", text + "000", f" {text}", text.lower(), f"{text}\n"):
        assert _fault(other) == "unreadable"


def test_a_token_that_begins_with_a_space_is_read_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    # Only key ids that are never given out do so.
    assert 5 in keyring.TOKEN_IDS_WITH_LEADING_SPACE
    key = keyring.Key(5, b"k" * 32)
    monkeypatch.setattr(keyring.Keyring, "current", lambda *_: key)
    monkeypatch.setattr(keyring.Keyring, "key", lambda *_: key)
    text = make(7, NOON)
    assert text.startswith(" ")
    assert read(text, NOON).number == 7
    assert _fault(text.strip()) == "unreadable"


def test_tokens_of_another_issuer_are_forged(tmp_path: Path, settings: Any) -> None:
    theirs = tmp_path / "theirs.json"
    keyring.make(theirs)
    ours, settings.KEYRING_FILE = settings.KEYRING_FILE, theirs
    text = make(7, NOON)
    assert read(text, NOON).number == 7
    settings.KEYRING_FILE = ours
    assert _fault(text) == "forged"


def test_tokens_outlive_a_rotation_and_die_with_their_key(ring: Path) -> None:
    text = make(7, NOON)
    keyring.rotate(ring, "token")
    assert read(text, NOON).number == 7
    assert _raw(make(7, NOON))[1] == 2
    keyring.retire(ring, "token", 1)
    assert _fault(text) == "forged"


def test_a_key_serves_one_person_for_one_day_in_shanghai(ring: Path) -> None:
    key = keyring.load(ring).current("token")
    day = dt.date(2020, 2, 12)
    keys = {tokens.day_key(number, on, key) for number in (7, 8) for on in (day, day + dt.timedelta(days=1))}
    assert len(keys) == 4
    midnight = dt.datetime(2020, 2, 13, tzinfo=clock.SHANGHAI)
    for at, on in ((midnight - SECOND, day), (midnight, day + dt.timedelta(days=1))):
        raw = _raw(make(7, at))
        assert tokens._tag(raw[:16], tokens.day_key(7, on, key)) == raw[16:]


def test_a_code_number_is_64_random_bits_in_both_signs() -> None:
    drawn = [draw_number() for _turn in range(200)]
    assert len(set(drawn)) == 200
    assert min(drawn) < 0 < max(drawn)
    assert all(-(2**63) <= number < 2**63 for number in drawn)


# Examples of RFC 9285, those of odd length cut to whole pairs.
@pytest.mark.parametrize(
    ("plain", "text"), [(b"AB", "BB8"), (b"Hello!", "%69 VD92E"), (b"base-4", "UJCLQE7W5"), (b"\xff\xff", "FGW")]
)
def test_base45_is_that_of_the_standard(plain: bytes, text: str) -> None:
    assert base45.encode(plain) == text


@pytest.mark.parametrize("triple", [":::", "GGW", "FGX"])
def test_three_characters_that_say_more_than_two_bytes_hold_are_refused(triple: str) -> None:
    assert _fault(make(7, NOON)[:-3] + triple) == "unreadable"
