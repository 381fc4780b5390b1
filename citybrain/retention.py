"""The wiring of retention: each app's part, from the top of the house down, as foreign keys want it."""

PARTS: tuple[str, ...] = (
    "accesslog.actions.retention.erase",
    "community.actions.retention.erase",
    "healthcode.actions.retention.erase",
    "citybrain.core.retention.erase_smoke_persons",
    # What persons asked for, when nothing has to be kept any more.
    "healthcode.actions.erasure.erase_on_request",
    "community.actions.erasure.erase_on_request",
    "citybrain.core.erasing.erase_on_request",
)
