"""The frame of every page: which places a user may go to, and the purpose they work under."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from citybrain.core import access, scope
from citybrain.core.purposes import Purpose
from citybrain.core.roles import Act

# URL name, title, permission; in the order shown.
PLACES = (
    ("dashboard:home", _("Home"), Act.SIGNED_IN),
    ("core:me", _("My data"), Act.SEE_OWN_DATA),
    ("core:looks", _("Who looked"), Act.SEE_OWN_DATA),
    ("community:residents", _("Residents"), Act.SEE_PEOPLE),
    ("community:map", _("Map"), Act.SEE_PEOPLE),
    ("community:estates", _("Estates"), Act.SEE_ESTATES),
    ("core:areas", _("Areas"), Act.SEE_AREAS),
    ("core:audit", _("Trail"), Act.READ_AUDIT),
    ("core:status", _("System"), Act.RUN_SYSTEM),
)


def page_frame(request: HttpRequest) -> dict[str, Any]:
    """Return navigation and purpose for the base template (a context processor)."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"places": [], "purpose_label": "", "here": ""}
    held = scope.of(user)
    purpose = access.purpose_of(request)
    return {
        "places": [(name, title) for name, title, act in PLACES if held.may(act)],
        "purpose_label": Purpose(purpose).label if purpose else "",
        "here": request.resolver_match.view_name if request.resolver_match else "",
    }
