"""The frame of every page: which places a user may go to, and the purpose they work under."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from citybrain.core import access, display, scope
from citybrain.core.purposes import Purpose
from citybrain.core.roles import Act

# URL name, title, permission; in the order shown.
PLACES = (
    ("dashboard:home", _("Home"), Act.SIGNED_IN),
    ("dashboard:cockpit", _("Cockpit"), Act.SEE_COCKPIT),
    ("healthcode:declare", _("Declare"), Act.DECLARE),
    ("healthcode:code", _("My code"), Act.SHOW_CODE),
    ("healthcode:why", _("My code explained"), Act.SHOW_CODE),
    ("core:me", _("My data"), Act.SEE_OWN_DATA),
    ("core:looks", _("Who looked"), Act.SEE_OWN_DATA),
    ("accesslog:own_passes", _("My passes"), Act.SEE_OWN_DATA),
    ("accesslog:gate", _("Gate"), Act.CHECK_AT_GATE),
    ("community:orders", _("My orders"), Act.HANDLE_ORDERS),
    ("community:to_verify", _("To verify"), Act.VERIFY_ORDERS),
    ("community:alerts", _("Alerts"), Act.HANDLE_ORDERS),
    ("community:duty", _("Duty"), Act.SET_DUTY),
    ("community:residents", _("Residents"), Act.SEE_PEOPLE),
    ("community:map", _("Map"), Act.SEE_PEOPLE),
    ("community:estates", _("Estates"), Act.SEE_ESTATES),
    ("accesslog:places", _("Gates"), Act.SET_UP_GATES),
    ("core:areas", _("Areas"), Act.SEE_AREAS),
    ("core:audit", _("Trail"), Act.READ_AUDIT),
    ("core:status", _("System"), Act.RUN_SYSTEM),
)


def page_frame(request: HttpRequest) -> dict[str, Any]:
    """Return mode, navigation, purpose and the way to the declaration for every template (a context processor)."""
    mode = display.mode_of(request)
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        nobody = {"places": [], "purpose_label": "", "here": "", "here_title": "", "declare_url": "", "rows_behind": {}}
        return {"display_mode": mode, **nobody}
    held = scope.of(user)
    purpose = access.purpose_of(request)
    here = request.resolver_match.view_name if request.resolver_match else ""
    return {
        "display_mode": mode,
        "places": [(name, title) for name, title, act in PLACES if held.may(act)],
        "purpose_label": Purpose(purpose).label if purpose else "",
        "here": here,
        "here_title": next((title for name, title, _act in PLACES if name == here), ""),
        # For pages of the ground, which may not name what lies above it.
        "declare_url": reverse("healthcode:declare"),
        # For the map, likewise: the lists of the cockpit; an area's rows are `in=` it.
        "rows_behind": {
            "not_green": f"{reverse('dashboard:cockpit_persons')}?state=not_green&",
            "alerts": f"{reverse('dashboard:cockpit_alerts')}?",
            "orders": f"{reverse('dashboard:cockpit_orders')}?",
        },
    }
