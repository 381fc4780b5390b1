"""What the access log keeps; one file per thing in the world."""

from accesslog.models.passage import (
    ADMITTING,
    Certificate,
    Lane,
    Pass,
    PassCount,
    PassCursor,
    QuarantinedPass,
    Result,
    TokenUse,
)
from accesslog.models.place import Device, Place, Point

__all__ = [
    "ADMITTING",
    "Certificate",
    "Device",
    "Lane",
    "Pass",
    "PassCount",
    "PassCursor",
    "Place",
    "Point",
    "QuarantinedPass",
    "Result",
    "TokenUse",
]
