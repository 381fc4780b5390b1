"""The picture that a gate reads: black on white whatever the colour, which is said around it."""

import io
import itertools
from collections.abc import Iterator

from PIL import Image
from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_M, ERROR_CORRECT_Q

# Modules of white around it, as the standard asks; pixels of a module: browsers enlarge it without blur.
MARGIN, MODULE = 4, 10


def png(text: str) -> bytes:
    """Return a QR code of a text in base45 as PNG."""
    rows = _matrix(text, ERROR_CORRECT_M)
    picture = Image.new("1", (len(rows), len(rows)))
    picture.putdata([not is_dark for row in rows for is_dark in row])
    side = len(rows) * MODULE
    out = io.BytesIO()
    picture.resize((side, side), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def outline(text: str) -> tuple[int, str]:
    """Return a QR code in base45 for paper, which is folded and worn: its side in modules, and an SVG path."""
    rows = _matrix(text, ERROR_CORRECT_Q)
    runs = [f"M{x} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for x, length in _runs(row)]
    return len(rows), "".join(runs)


def _matrix(text: str, correction: int) -> list[list[bool]]:
    code = QRCode(error_correction=correction, border=MARGIN)
    # In one piece: base45 has the characters of the alphanumeric mode.
    code.add_data(text, optimize=0)
    code.make()
    rows: list[list[bool]] = code.get_matrix()
    return rows


def _runs(row: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield where dark modules begin that stand side by side, and how many they are."""
    start = 0
    for is_dark, modules in itertools.groupby(row):
        length = len(list(modules))
        if is_dark:
            yield start, length
        start += length
