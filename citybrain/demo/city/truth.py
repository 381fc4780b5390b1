"""The truth of the outbreak in a file of its own, to judge tracing and warning by; the product never reads it."""

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from citybrain.demo.city.days import Lived
from citybrain.demo.city.register import City
from citybrain.demo.city.world import NOBODY, NOWHERE, Route


def file() -> Path:
    """Return where the truth is kept."""
    return Path(settings.VAR) / "truth" / "infections.ndjson"


def write(city: City, lived: Lived, *, days: int, control: bool) -> Path:
    """Write a line that says of which city, then one per infection in the order of time; only its owner reads it."""
    path = file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    header = {
        "seed": city.seed,
        "residents": len(city.residents),
        "days": days,
        "control": control,
        "began_at": lived.world.began_at.isoformat(),
        "generated_at": lived.world.now.isoformat(),
    }
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        for line in (header, *_lines(city, lived)):
            written.write(json.dumps(line, ensure_ascii=False) + "\n")
    return path


def _lines(city: City, lived: Lived) -> list[dict[str, Any]]:
    """Name persons and places as the product's addresses do, so that the truth can be joined from outside."""
    infections, venues = lived.world.infections, city.venues
    columns = (
        infections.person, infections.infector, infections.route, lived.venues, infections.is_missed,
        infections.at, infections.infectious_at, infections.onset_at, infections.found_at,
    )  # fmt: skip
    return [
        {
            "person": city.refs[person],
            "infector": None if infector == NOBODY else city.refs[infector],
            "route": Route(route).name.lower(),
            "place": venues.ref_of(int(venue)),
            "place_name": venues.names[venue] if venue != NOWHERE else None,
            "is_missed": bool(is_missed),
            "at": _text(at),
            "infectious_at": _text(infectious_at),
            "onset_at": _text(onset_at),
            "found_at": _text(found_at),
        }
        for person, infector, route, venue, is_missed, at, infectious_at, onset_at, found_at in zip(
            *columns, strict=True
        )
    ]


def _text(instant: np.datetime64) -> str | None:
    """Return an instant in UTC as ISO 8601, None for never."""
    if np.isnat(instant):
        return None
    at: dt.datetime = instant.astype("datetime64[s]").item()
    return at.replace(tzinfo=dt.UTC).isoformat()
