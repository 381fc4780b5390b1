"""The picture that a gate reads: black on white whatever the colour, which is said around it."""

import io

from PIL import Image
from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_M

# Modules of white around it, as the standard asks; pixels of a module: browsers enlarge it without blur.
MARGIN, MODULE = 4, 10


def png(text: str) -> bytes:
    """Return a QR code of a text in base45 as PNG."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=MARGIN)
    # In one piece: base45 has the characters of the alphanumeric mode.
    code.add_data(text, optimize=0)
    code.make()
    rows = code.get_matrix()
    picture = Image.new("1", (len(rows), len(rows)))
    picture.putdata([not is_dark for row in rows for is_dark in row])
    side = len(rows) * MODULE
    out = io.BytesIO()
    picture.resize((side, side), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()
