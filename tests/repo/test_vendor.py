"""Files made by others: where from, which version, under which licence, unchanged."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from tests.repo import tree

# What is served, and what only tests use.
VENDORS = (tree.ROOT / "static" / "vendor", tree.ROOT / "tests" / "vendor")
SOURCE_MAP = re.compile(rb"[#@]\s*sourceMappingURL=(\S+)")
ADVICE = "vendor/<library>/ needs LICENSE, VERSION (version and origin) and SHA256SUMS (`sha256sum` of the rest)"


def test_every_vendored_library_brings_licence_version_and_hashes() -> None:
    libraries = [folder for vendor in VENDORS for folder in vendor.glob("*") if folder.is_dir()]
    tree.expect_none((f"{one.name}: {lack}" for one in libraries for lack in _lacks(one)), ADVICE)


def test_no_vendored_file_names_a_source_map_that_is_not_there() -> None:
    dangling = (
        tree.short(path)
        for path in tree.files("*", "static")
        for name in SOURCE_MAP.findall(path.read_bytes())
        if not name.startswith(b"data:") and not (path.parent / name.decode()).exists()
    )
    tree.expect_none(dangling, "collectstatic stops there: take the sourceMappingURL out (and renew the hash)")


def _lacks(library: Path) -> Iterator[str]:
    if not any(library.glob("LICENSE*")):
        yield "no LICENSE"
    if not (library / "VERSION").exists():
        yield "no VERSION"
    sums = library / "SHA256SUMS"
    lines = sums.read_text().splitlines() if sums.exists() else []
    noted = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    for path in sorted(library.rglob("*")):
        name = path.relative_to(library).as_posix()
        is_code = path.is_file() and name not in {"VERSION", "SHA256SUMS"} and not name.startswith("LICENSE")
        if is_code and noted.get(name) != hashlib.sha256(path.read_bytes()).hexdigest():
            yield f"{name} is not what SHA256SUMS says"
