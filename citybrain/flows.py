"""The wiring: which event kind wakes which handlers, each once per event."""

FLOWS: dict[str, tuple[str, ...]] = {
    "alert.opened": ("community.actions.orders.open_for_alert",),
    "check_in.missed": ("community.actions.care.tell_missed",),
    "check_in.worse": ("community.actions.care.tell_worse",),
    "code.changed": (),
    "consent.asked": ("healthcode.actions.consent.send_code",),
    "declaration.address_not_found": ("community.actions.alerts.tell_address_not_found",),
    "declaration.document_taken": ("community.actions.alerts.tell_document_taken",),
    "erasure.asked": ("healthcode.actions.erasure.drop_drafts",),
    "family.asked": ("community.actions.alerts.tell_family_to_check",),
    "hold.decided": (
        "healthcode.actions.appeal_case.follow_hold",
        "healthcode.actions.check_in.follow_hold",
        "healthcode.actions.isolation.follow_hold",
    ),
    "isolation.ended": ("healthcode.actions.remind.tell_ended",),
    "look.refused": ("citybrain.core.actions.watch_refusals.count_refusal",),
}
