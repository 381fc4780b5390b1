"""The truth of the demo's outbreak: what wrote it and what judges by it name it, and nobody else."""

import re

from tests.repo import tree

NAMES_IT = re.compile(r"""["'/]truth["'/.]|infections\.ndjson|\bcity\.truth\b|\bimport\b.*\btruth\b""")
WRITERS = {"citybrain/demo/city/truth.py", "citybrain/demo/management/commands/load_demo.py"}


def test_no_part_of_the_product_names_the_file_of_the_truth() -> None:
    folders = (*tree.PACKAGES, "templates", "static", "deploy")
    named = {
        tree.short(path)
        for path in tree.files("*", *folders)
        if path.suffix in {".py", ".html", ".js", ".json", ".sql", ".conf", ".service", ".yml", ".txt"}
        and NAMES_IT.search(path.read_text(encoding="utf-8"))
    }
    assert named == WRITERS
