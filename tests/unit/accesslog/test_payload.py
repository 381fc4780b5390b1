"""What a gate's page sends is read without trust: a scan, or an error that says what to do."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accesslog.payload import LARGEST, PayloadError, read_scan

GOOD = {
    "lane": "token",
    "token": " A%TOKEN WITH SPACES ",
    "nonce": "0d9488d0-8a6e-4bb0-9a3c-5a2b9a9a0001",
    "scanned_at": "2026-11-22T09:00:00.123Z",
    "sent_at": "2026-11-22T17:00:01+08:00",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def _read(**changes: Any) -> Any:
    return read_scan(json.dumps({**GOOD, **changes}).encode())


def test_a_scan_is_read_as_it_was_sent_and_no_space_of_a_token_is_lost() -> None:
    scan = _read()
    assert scan.text == " A%TOKEN WITH SPACES "
    assert scan.nonce == uuid.UUID(GOOD["nonce"])
    assert scan.scanned_at == dt.datetime(2026, 11, 22, 9, 0, 0, 123_000, dt.UTC)
    assert scan.sent_at == dt.datetime(2026, 11, 22, 9, 0, 1, 0, dt.UTC)


@pytest.mark.parametrize("name", GOOD)
def test_each_part_is_needed_and_must_be_a_text(name: str) -> None:
    without = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(PayloadError, match=name) as missing:
        read_scan(json.dumps(without).encode())
    assert missing.value.code == "missing"
    values: tuple[object, ...] = (None, 1, True, [], {}, ["x"])
    for value in values:
        with pytest.raises(PayloadError, match=name) as wrong:
            _read(**{name: value})
        assert wrong.value.code == "wrong"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lane", "document"),
        ("token", ""),
        ("nonce", "x"),
        ("nonce", ""),
        ("scanned_at", "today"),
        ("scanned_at", "2026-11-22T09:00:00"),
        ("scanned_at", "2026-13-22T09:00:00Z"),
        ("scanned_at", "0001-01-01T00:00:00+14:00"),
        ("scanned_at", "9999-12-31T23:59:59-14:00"),
        ("sent_at", "9999-01-01T00:00:00Z"),
        ("sent_at", "1969-12-31T23:59:59Z"),
    ],
)
def test_what_cannot_be_a_scan_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(PayloadError, match=name) as problem:
        _read(**{name: value})
    assert (problem.value.code, problem.value.status) == ("wrong", 400)


def test_a_clock_that_is_years_off_is_no_error_here() -> None:
    assert _read(scanned_at="1970-01-01T00:00:00Z").scanned_at.year == 1970
    assert _read(sent_at="2099-01-01T00:00:00Z").sent_at.year == 2099


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"1", b"null", b"NaN", b"\xff", b'{"lane":', b"[" * LARGEST, b"9" * LARGEST]
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError) as problem:
        read_scan(body)
    assert problem.value.code == "not_json"


def test_a_body_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(PayloadError) as problem:
        read_scan(b"{" * (LARGEST + 1))
    assert (problem.value.code, problem.value.status) == ("too_large", 413)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_with_a_reason_and_nothing_else_is_raised(body: bytes) -> None:
    with pytest.raises(PayloadError) as problem:
        read_scan(body)
    assert str(problem.value)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), JSON, max_size=3))
def test_any_change_of_a_good_scan_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        scan = _read(**changes)
    except PayloadError as problem:
        assert problem.code in {"wrong", "too_large"}
    else:
        assert isinstance(scan.text, str)
