"""The wiring of retention: each app's part, from the top of the house down, as foreign keys want it."""

PARTS: tuple[str, ...] = (
    "accesslog.actions.retention.erase",
    "community.actions.retention.erase",
    "healthcode.actions.retention.erase",
    "citybrain.core.retention.erase_smoke_persons",
)
