"""Identity documents: types, normal form and checks.

The check digit of a resident identity card follows GB 11643 (ISO 7064 MOD 11-2). The area part is not checked: county
codes are younger than most of their residents, so an unknown one proves nothing.
"""

import datetime as dt
import re
import unicodedata

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from citybrain.core import clock


class Type(models.TextChoices):
    """Document types that a declaration takes."""

    RESIDENT_ID = "resident_id", _("Resident identity card")
    PASSPORT = "passport", _("Passport")
    HK_MACAO_PERMIT = "hk_macao_permit", _("Mainland travel permit for Hong Kong and Macao residents")
    TAIWAN_PERMIT = "taiwan_permit", _("Mainland travel permit for Taiwan residents")
    FOREIGN_RESIDENT_ID = "foreign_resident_id", _("Foreign permanent resident identity card")


SHAPES = {
    Type.RESIDENT_ID: r"\d{17}[\dX]",
    Type.PASSPORT: r"[A-Z0-9]{5,15}",
    Type.HK_MACAO_PERMIT: r"[HM]\d{8}(\d{2})?",
    Type.TAIWAN_PERMIT: r"\d{8}|\d{10}[A-Z]?",
    Type.FOREIGN_RESIDENT_ID: r"[A-Z]{3}\d{12}|9\d{16}[\dX]",
}
_WEIGHTS = [2**exponent % 11 for exponent in range(17, 0, -1)]
_CHECK_DIGITS = "10X98765432"
OLDEST_BIRTH_YEAR = 1900


def normalise(number: str) -> str:
    """Return the number without spaces and hyphens, half-width, in capitals."""
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", number)).upper()


def normalise_phone(number: str) -> str:
    """Return the digits of a phone number, without +86."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", number))
    return digits[2:] if len(digits) == len("8613900000000") and digits.startswith("86") else digits


def check_phone(number: str) -> str:
    """Return the normalised mobile number; raise ValidationError saying what to do."""
    plain = normalise_phone(number)
    if not re.fullmatch(r"1[3-9]\d{9}", plain):
        raise ValidationError(_("Enter a mobile number of 11 digits that begins with 1, such as 13900000000."))
    return plain


def check(kind: str, number: str) -> str:
    """Return the normalised number; raise ValidationError saying what is wrong and what to do."""
    plain = normalise(number)
    if not re.fullmatch(SHAPES[Type(kind)], plain):
        raise ValidationError(_("This does not look like a number of that document. Compare it with the document."))
    if kind == Type.RESIDENT_ID or (kind == Type.FOREIGN_RESIDENT_ID and plain.startswith("9")):
        # A foreigner's card of the present form is numbered like a resident's, and begins with 9.
        birth_date(plain)
        if plain[-1] != check_digit(plain[:17]):
            raise ValidationError(_("The last digit does not fit the rest. Compare all 18 places with the card."))
    return plain


def check_digit(first_seventeen: str) -> str:
    """Return the 18th place of a resident identity number (GB 11643)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_seventeen, _WEIGHTS, strict=True))
    return _CHECK_DIGITS[total % 11]


def birth_date(resident_id: str) -> dt.date:
    """Return the birth date in a resident identity number; raise ValidationError when there is no such day."""
    try:
        born = dt.date(int(resident_id[6:10]), int(resident_id[10:12]), int(resident_id[12:14]))
    except ValueError:
        raise ValidationError(_("Places 7 to 14 are not a date. Compare them with the card.")) from None
    if not born.year >= OLDEST_BIRTH_YEAR or born > clock.today():
        raise ValidationError(_("Places 7 to 14 are not a possible birth date. Compare them with the card."))
    return born
