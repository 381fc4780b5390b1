"""Numbers of paper codes as people read and type them: `7K3F-9QX2-M4RT-8A`.

13 characters of Crockford's base32 (no I, L, O, U) say the 64 bits of the serial number, the 14th is a check character:
any one character read wrong, and any two that changed places, are noticed. The check is a sum over GF(32), each place
with a weight of its own.
"""

import re
import unicodedata

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DIGIT = {character: digit for digit, character in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_PLACES, _BITS, _GROUP = 13, 5, 4
LENGTH = _PLACES + 1
# With a space or hyphen between any two of them; a phone's token is longer.
_LONGEST = 2 * LENGTH
# x⁵ + x² + 1, by which GF(32) is made.
_POLYNOMIAL, _OVERFLOW = 0b100101, 0b100000
_SERIAL_BYTES = 8


def text_of(serial: int) -> str:
    """Return the number of a serial number (64 bits, signed), in groups."""
    whole = int.from_bytes(serial.to_bytes(_SERIAL_BYTES, signed=True))
    digits = [whole >> _BITS * place & 31 for place in reversed(range(_PLACES))]
    text = "".join(_ALPHABET[digit] for digit in [*digits, _check(digits)])
    return "-".join(text[start : start + _GROUP] for start in range(0, LENGTH, _GROUP))


def serial_of(text: str) -> int | None:
    """Return the serial number that a text says, however it is grouped; None for what is no such number."""
    if len(text) > _LONGEST:
        return None
    plain = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text)).upper()
    try:
        *digits, check = (_DIGIT[character] for character in plain)
    except (KeyError, ValueError):
        return None
    whole = sum(digit << _BITS * place for place, digit in enumerate(reversed(digits)))
    if len(plain) != LENGTH or check != _check(digits) or whole >= 1 << 8 * _SERIAL_BYTES:
        return None
    return int.from_bytes(whole.to_bytes(_SERIAL_BYTES), signed=True)


def _check(digits: list[int]) -> int:
    total = 0
    for digit in digits:
        total = (total ^ digit) << 1
        if total & _OVERFLOW:
            total ^= _POLYNOMIAL
    return total
