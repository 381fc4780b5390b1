"""What the gate says of each result: the word on the screen, and what to do."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from accesslog.models import ADMITTING, Result


@dataclass(frozen=True)
class Words:
    """A result: whether to let through, why in a word, what to do; `look` is the colour and shape: good, warn, bad."""

    verdict: StrOrPromise
    headline: StrOrPromise
    # "" when nothing is left to say.
    advice: StrOrPromise
    look: str


LET_THROUGH, DO_NOT = _("Let through"), _("Do not let through")
_SAID: dict[Result, tuple[StrOrPromise, StrOrPromise]] = {
    Result.GREEN: (_("Green code"), ""),
    Result.YELLOW_ADMITTED: (_("Yellow code, admitted here"), _("This gate admits yellow.")),
    Result.CERTIFICATE: (_("Certificate accepted"), ""),
    Result.YELLOW: (_("Yellow code"), _("Why, and how the code becomes green, stands on their own phone.")),
    Result.RED: (
        _("Red code"),
        _("Keep a distance, ask them to wait aside, and call the community office."),
    ),
    Result.NOT_KNOWN: (
        _("No declaration"),
        _("They declare on a phone, which takes some minutes; then check again."),
    ),
    Result.EXPIRED: (
        _("Declaration has run out"),
        _("They declare anew on a phone, which takes a minute; then check again."),
    ),
    Result.UNREADABLE: (
        _("Not a code of this district"),
        _("Ask for the code of this district, for the ID document, or for a certificate."),
    ),
    Result.FORGED: (
        _("Forged code"),
        _("Ask for the ID document and check it with “ID document”; tell your shift leader."),
    ),
    Result.STALE: (
        _("Old code"),
        _("It is a picture, or an old screen: they open the code anew on their phone."),
    ),
    Result.REPLAYED: (
        _("Shown at another gate a moment ago"),
        _("Ask for the ID document and check it with “ID document”."),
    ),
    Result.REVOKED: (
        _("Replaced code"),
        _("There is a newer code: they open it anew on their phone."),
    ),
    Result.NO_PERSON: (
        _("Nobody is known by this document"),
        _("Compare the number once more; if it is right, they declare on a phone first."),
    ),
    Result.CERTIFICATE_REFUSED: (_("Certificate not accepted"), ""),
    Result.PAPER_EXPIRED: (
        _("Paper code has run out"),
        _("Check with “ID document”. They make a new paper on a phone, or at the office of the community."),
    ),
    Result.PAPER_VOID: (
        _("Paper code is not valid any more"),
        _("It was lost or replaced. Ask for the ID document and check it with “ID document”."),
    ),
    Result.NOT_THE_HOLDER: (
        _("Not the holder of this paper"),
        _("Keep the paper and tell your shift leader. Who they are is checked with “ID document”."),
    ),
    Result.WRONG_ISSUER: (
        _("Code of another region"),
        _("Ask for a certificate and check it with “Certificate of another region”."),
    ),
}
_BAD = frozenset({Result.RED, Result.FORGED, Result.NOT_THE_HOLDER})
LOOKS = ("good", "warn", "bad")


def of(result: Result) -> Words:
    """Return how a result is shown."""
    headline, advice = _SAID[result]
    is_admitted = result in ADMITTING
    look = "good" if is_admitted else "bad" if result in _BAD else "warn"
    return Words(LET_THROUGH if is_admitted else DO_NOT, headline, advice, look)
