"""What the gate says of each result: the word on the screen, and what to do."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from accesslog.models import ADMITTING, Result


@dataclass(frozen=True)
class Words:
    """A result in a word and an advice; `look` is the colour and shape: good, warn or bad."""

    headline: StrOrPromise
    advice: StrOrPromise
    look: str


_SAID: dict[Result, tuple[StrOrPromise, StrOrPromise]] = {
    Result.GREEN: (_("Green code"), _("Let through.")),
    Result.YELLOW_ADMITTED: (_("Yellow code, admitted here"), _("Let through: this gate admits yellow.")),
    Result.CERTIFICATE: (_("Certificate accepted"), _("Let through.")),
    Result.YELLOW: (
        _("Yellow code"),
        _("Do not let through. Why, and how the code becomes green, stands on their own phone."),
    ),
    Result.RED: (
        _("Red code"),
        _("Do not let through. Keep a distance, ask them to wait aside, and call the community office."),
    ),
    Result.NOT_KNOWN: (
        _("No declaration"),
        _("Do not let through yet. They declare on a phone, which takes some minutes; then check again."),
    ),
    Result.EXPIRED: (
        _("Declaration has run out"),
        _("Do not let through yet. They declare anew on a phone; then check again."),
    ),
    Result.UNREADABLE: (
        _("Not a code of this district"),
        _("Do not let through by this. Ask for the code of this district, for the ID document, or for a certificate."),
    ),
    Result.FORGED: (
        _("Forged code"),
        _("Do not let through. Ask for the ID document and check it with “ID document”; tell your shift leader."),
    ),
    Result.STALE: (
        _("Old code"),
        _("Do not let through by this. It is a picture, or an old screen: they open the code anew on their phone."),
    ),
    Result.REPLAYED: (
        _("Shown at another gate a moment ago"),
        _("Do not let through by this. Ask for the ID document and check it with “ID document”."),
    ),
    Result.REVOKED: (
        _("Replaced code"),
        _("Do not let through by this. There is a newer code: they open it anew on their phone."),
    ),
    Result.NO_PERSON: (
        _("Nobody is known by this document"),
        _("Do not let through yet. Compare the number once more; if it is right, they declare on a phone first."),
    ),
    Result.CERTIFICATE_REFUSED: (_("Certificate not accepted"), _("Do not let through.")),
}
_BAD = frozenset({Result.RED, Result.FORGED})
LOOKS = ("good", "warn", "bad")


def of(result: Result) -> Words:
    """Return how a result is shown."""
    headline, advice = _SAID[result]
    look = "good" if result in ADMITTING else "bad" if result in _BAD else "warn"
    return Words(headline, advice, look)
