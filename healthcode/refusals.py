"""Refusals of the services for programs: stable codes, each with a status and one line for people."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

PROBLEMS: Mapping[str, tuple[int, StrOrPromise]] = {
    "signature_missing": (401, _("Sign the request: key, time, nonce and signature stand in its headers.")),
    "unknown_key": (401, _("There is no such key.")),
    "bad_signature": (401, _("The signature does not fit the request. Compare the text that you signed.")),
    "stale": (401, _("The time of the request is more than 5 minutes away from ours. Set your clock.")),
    "replayed": (401, _("This request was sent before. Draw a new nonce for each request.")),
    "not_in_use": (401, _("This key is not in use yet.")),
    "revoked": (401, _("This key was revoked.")),
    "key_expired": (401, _("The time of this key is over.")),
    "scope_missing": (403, _("This key may not do that.")),
    "no_consent": (403, _("The person has not agreed to this, or nobody is known by this number.")),
    "consent_wrong": (403, _("This is not the code that the person was sent.")),
    "consent_spent": (
        403,
        _("This consent was used, has run out, or had too many wrong codes. Ask for a new one."),
    ),
    "invalid": (400, _("Something in the request is wrong.")),
    "not_json": (400, _("The body is not JSON.")),
    "not_found": (404, _("There is nothing here.")),
    "method_not_allowed": (405, _("This address takes another method.")),
    "conflict": (409, _("This was not done: something like it is under way, or has been done.")),
    "too_large": (413, _("The request is too large.")),
    "media_type": (415, _("Send the body as application/json.")),
    "rate_minute": (429, _("Too many requests in one minute.")),
    "rate_day": (429, _("Too many requests in one day.")),
    "no_rules": (503, _("No rules are in force, so nothing can be recorded.")),
}


class RefusalError(Exception):
    """A request that is refused; `key` is the id of the key it named, where that is known."""

    def __init__(self, code: str, *, key: int | None = None, fields: Mapping[str, object] | None = None) -> None:
        super().__init__(code)
        self.code, self.key, self.fields = code, key, fields

    @property
    def status(self) -> int:
        """The status of the answer."""
        return PROBLEMS[self.code][0]

    @property
    def message(self) -> str:
        """One line for people."""
        return str(PROBLEMS[self.code][1])
