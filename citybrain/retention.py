"""The wiring of retention: each app's part, from the top of the house down, as foreign keys want it."""

PARTS: tuple[str, ...] = ()
