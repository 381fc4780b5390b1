"""What a program signs says one request and no other."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcode.api import signing

PARTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST"]) | st.text(max_size=4),
        "target": st.text(max_size=12),
        "body": st.binary(max_size=8),
        "time": st.text(max_size=4),
        "nonce": st.text(max_size=4),
        "key": st.text(max_size=4),
    }
)


@given(one=PARTS, other=PARTS)
def test_two_different_requests_never_have_the_same_text_to_sign(one: dict[str, str], other: dict[str, str]) -> None:
    try:
        texts = [signing.string_to_sign(**parts) for parts in (one, other)]  # type: ignore[arg-type]
    except ValueError:
        assert any("\n" in str(value) for parts in (one, other) for name, value in parts.items() if name != "body")
    else:
        assert (texts[0] == texts[1]) == (one == other)


@given(parts=PARTS, cut=st.integers(0, 11))
def test_nothing_can_be_moved_from_one_part_to_the_next(parts: dict[str, str], cut: int) -> None:
    whole = f"{parts['target']}{parts['time']}"
    moved = {**parts, "target": whole[:cut], "time": whole[cut:]}
    try:
        same = signing.string_to_sign(**parts) == signing.string_to_sign(**moved)  # type: ignore[arg-type]
    except ValueError:
        return
    assert same == (moved == parts)


def test_the_text_and_the_signature_are_those_that_the_documentation_shows() -> None:
    said = {"method": "POST", "target": "/api/v1/health-code/health-query/", "body": b"{}", "time": "1606000000"}
    text = signing.string_to_sign(**said, nonce="0123456789abcdef", key="k")  # type: ignore[arg-type]
    assert text.split("\n") == [
        "CITYBRAIN-HMAC-SHA256",
        "POST",
        "/api/v1/health-code/health-query/",
        hashlib.sha256(b"{}").hexdigest(),
        "1606000000",
        "0123456789abcdef",
        "k",
    ]
    signature = hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest()
    assert signing.sign("secret", text) == signature
    assert signing.is_signed("secret", text, signature)
    assert not signing.is_signed("secret", text, signature.upper())
    assert not signing.is_signed("secret", text, "")


def test_a_line_break_in_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="line break"):
        signing.string_to_sign(method="POST", target="/a\nb", body=b"", time="1", nonce="n", key="k")
