"""Base45 (RFC 9285) of whole pairs of bytes: the characters that a QR code holds in its dense alphanumeric mode.

Written out here: it is twenty lines, and what the libraries treat each in their own way decides what a gate accepts:
three characters that say more than two bytes hold (":::" is 91124), lengths that say no whole bytes, lower case. All of
these are refused, so each text that is read is the only one that says its bytes. A space is one of the characters.
"""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_DIGIT = {character: digit for digit, character in enumerate(ALPHABET)}
_BASE = len(ALPHABET)


def encode(raw: bytes) -> str:
    """Return an even number of bytes as text."""
    text = []
    for start in range(0, len(raw), 2):
        rest, first = divmod(int.from_bytes(raw[start : start + 2]), _BASE)
        third, second = divmod(rest, _BASE)
        text += [ALPHABET[first], ALPHABET[second], ALPHABET[third]]
    return "".join(text)


def decode(text: str) -> bytes:
    """Return the bytes that a text of whole triples says; raise ValueError, and nothing else, when it is none."""
    try:
        digits = [_DIGIT[character] for character in text]
        triples = zip(digits[::3], digits[1::3], digits[2::3], strict=True)
        return b"".join((a + b * _BASE + c * _BASE**2).to_bytes(2) for a, b, c in triples)
    except (KeyError, OverflowError):
        raise ValueError(text) from None
