"""Settings from the environment: each helper fails loudly and says what to do.

Every name read here is listed in docs/operations.md; a test compares the two.
"""

import os
from pathlib import Path


class SettingError(SystemExit):
    """A setting is missing or malformed; printed as one line, the process exits with 1."""

    def __init__(self, name: str, problem: str, remedy: str) -> None:
        super().__init__(f"{name} {problem}: {remedy}")


def text(name: str, default: str = "") -> str:
    """Return the variable, or `default` when it is unset or empty."""
    return os.environ.get(name) or default


def required(name: str, remedy: str) -> str:
    """Return the variable; without it the process ends with `remedy` as the hint."""
    value = os.environ.get(name)
    if not value:
        raise SettingError(name, "is not set", remedy)
    return value


def flag(name: str, *, default: bool = False) -> bool:
    """Read yes/no: 1, true, yes, on or 0, false, no, off."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise SettingError(name, f"is {value!r}", "use 1 or 0")


def number(name: str, default: int) -> int:
    """Read a whole number."""
    value = text(name)
    if not value:
        return default
    try:
        return int(value)
    except ValueError:
        raise SettingError(name, f"is {value!r}", "use a whole number") from None


def names(name: str, default: str = "") -> list[str]:
    """Read a comma-separated list; blanks are dropped."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def path(name: str, default: Path) -> Path:
    """Read a file or folder, made absolute."""
    value = text(name)
    return Path(value).expanduser().resolve() if value else default
