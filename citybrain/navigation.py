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
    ("healthcode:check_in", _("Check in"), Act.CHECK_IN),
    ("healthcode:why", _("My code explained"), Act.SHOW_CODE),
    ("healthcode:own_appeals", _("My appeals"), Act.APPEAL),
    ("healthcode:family", _("My family"), Act.ACT_FOR_FAMILY),
    ("healthcode:paper", _("Paper code"), Act.SHOW_CODE),
    ("core:me", _("My data"), Act.SEE_OWN_DATA),
    ("healthcode:corrections", _("Correct my data"), Act.SEE_OWN_DATA),
    ("core:looks", _("Who looked"), Act.SEE_OWN_DATA),
    ("accesslog:own_passes", _("My passes"), Act.SEE_OWN_DATA),
    ("accesslog:gate", _("Gate"), Act.CHECK_AT_GATE),
    ("healthcode:recording", _("Record evidence"), Act.RECORD_TEMPERATURE),
    ("healthcode:holds", _("To let in"), Act.APPROVE_HELD),
    ("healthcode:present", _("Declare for somebody here"), Act.DECLARE_FOR_PRESENT),
    ("community:orders", _("My orders"), Act.HANDLE_ORDERS),
    ("healthcode:family_to_check", _("Families to check"), Act.VERIFY_FAMILY),
    ("community:care", _("People to care for"), Act.CARE_FOR_ISOLATED),
    ("healthcode:isolations", _("Isolation"), Act.ORDER_ISOLATION),
    ("community:to_verify", _("To verify"), Act.VERIFY_ORDERS),
    ("community:alerts", _("Alerts"), Act.HANDLE_ORDERS),
    ("community:duty", _("Duty"), Act.SET_DUTY),
    ("healthcode:appeals", _("Appeals"), Act.DECIDE_APPEALS),
    ("core:erasures", _("Requests to erase"), Act.DECIDE_APPEALS),
    ("healthcode:corrections_to_decide", _("Corrections"), Act.CORRECT_DATA),
    ("community:residents", _("Residents"), Act.SEE_PEOPLE),
    ("community:map", _("Map"), Act.SEE_PEOPLE),
    ("community:estates", _("Estates"), Act.SEE_ESTATES),
    ("accesslog:places", _("Gates"), Act.SET_UP_GATES),
    ("healthcode:rule_changes", _("Change the rules"), Act.PROPOSE_RULES),
    ("healthcode:rule_proposals", _("Approve rules"), Act.APPROVE_RULES),
    ("core:areas", _("Areas"), Act.SEE_AREAS),
    ("core:audit", _("Trail"), Act.READ_AUDIT),
    ("healthcode:holds_trail", _("Held evidence"), Act.READ_AUDIT),
    ("healthcode:app_key_proposals", _("Let keys in"), Act.APPROVE_KEYS),
    ("core:status", _("System"), Act.RUN_SYSTEM),
    ("healthcode:app_keys", _("Keys for programs"), Act.RUN_SYSTEM),
)
# Those that are opened seldom stand behind “More”, so that the others stay in one row.
SELDOM = frozenset(
    {
        "accesslog:places",
        "community:duty",
        "core:areas",
        "core:erasures",
        "healthcode:corrections_to_decide",
        "healthcode:family_to_check",
        "healthcode:present",
        "healthcode:rule_changes",
    }
)


def page_frame(request: HttpRequest) -> dict[str, Any]:
    """Return mode, navigation, purpose and the way to the declaration for every template (a context processor)."""
    mode = display.mode_of(request)
    user = getattr(request, "user", None)
    # For the pages of signing in, which may not name what lies above them.
    always = {"display_mode": mode, "rules_url": reverse("healthcode:rules")}
    if user is None or not user.is_authenticated:
        nobody = dict.fromkeys(("purpose_label", "here", "here_title", "declare_url", "correct_url", "care_url"), "")
        return {**always, **nobody, "places": [], "seldom": [], "rows_behind": {}}
    held = scope.of(user)
    purpose = access.purpose_of(request)
    here = request.resolver_match.view_name if request.resolver_match else ""
    return {
        **always,
        "places": [(name, title) for name, title, act in PLACES if held.may(act) and name not in SELDOM],
        "seldom": [(name, title) for name, title, act in PLACES if held.may(act) and name in SELDOM],
        "purpose_label": Purpose(purpose).label if purpose else "",
        "here": here,
        "here_title": next((title for name, title, _act in PLACES if name == here), ""),
        # For pages of the ground, which may not name what lies above it.
        "declare_url": reverse("healthcode:declare"),
        "correct_url": reverse("healthcode:corrections"),
        "why_url": reverse("healthcode:why"),
        "appeals_url": reverse("healthcode:own_appeals"),
        "review_url": reverse("healthcode:appeal_review"),
        # For the check-in, which may not name what the community does: where one asks for food and the like.
        "care_url": reverse("community:ask"),
        # For the map, likewise: the lists of the cockpit; an area's rows are `in=` it.
        "rows_behind": {
            "not_green": f"{reverse('dashboard:cockpit_persons')}?state=not_green&",
            "alerts": f"{reverse('dashboard:cockpit_alerts')}?",
            "orders": f"{reverse('dashboard:cockpit_orders')}?",
        },
    }
