"""What is installed is pinned, and somebody can say why."""

import re

from tests.repo import tree

LINE = re.compile(r"-r \S+|[\w.\[\],-]+==[\w.]+  # .{8,}")


def test_every_requirement_is_pinned_and_says_why_it_is_there() -> None:
    loose = (
        f"{tree.short(path)}: {line}"
        for path in tree.files("requirements*.txt")
        for line in path.read_text().splitlines()
        if line and not line.startswith("#") and not LINE.fullmatch(line)
    )
    tree.expect_none(loose, "write `name==version  # reason`")
