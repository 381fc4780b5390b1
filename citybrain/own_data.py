"""The wiring of a person's copy of their own data: each app's part, from the ground up."""

PARTS: tuple[str, ...] = (
    "citybrain.core.own_data.ground",
    "healthcode.own_data.health",
    "community.own_data.community",
    "accesslog.own_data.passes",
)
