"""The wiring: which event kind wakes which handlers, each once per event."""

FLOWS: dict[str, tuple[str, ...]] = {
    "alert.opened": ("community.actions.orders.open_for_alert",),
    "code.changed": (),
    "look.refused": ("citybrain.core.actions.watch_refusals.count_refusal",),
}
