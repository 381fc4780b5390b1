"""The wiring: which event kind wakes which handlers, each once per event."""

FLOWS: dict[str, tuple[str, ...]] = {
    "alert.opened": ("community.actions.orders.open_for_alert",),
    "code.changed": (),
    "declaration.address_not_found": ("community.actions.alerts.tell_address_not_found",),
    "declaration.document_taken": ("community.actions.alerts.tell_document_taken",),
    "look.refused": ("citybrain.core.actions.watch_refusals.count_refusal",),
}
