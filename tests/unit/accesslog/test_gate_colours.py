"""The gate's answer is read in the sun: its colours keep seven to one."""

import re

from tests.repo import tree

CSS = (tree.ROOT / "static/css/gate.css").read_text()
LINEAR_UP_TO = 0.04045


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= LINEAR_UP_TO else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_ground_and_text_of_every_answer_differ_by_seven_to_one() -> None:
    pairs = re.findall(r"^\.(\w+) \{ --gate: (#\w+); --on-gate: (#\w+); \}", CSS, re.MULTILINE)
    assert {look for look, _ground, _text in pairs} == {"good", "warn", "bad"}
    for look, ground, text in pairs:
        dark, light = sorted((_luminance(ground), _luminance(text)))
        assert (light + 0.05) / (dark + 0.05) >= 7, look
