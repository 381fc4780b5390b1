"""The working tree as the guards see it: files, syntax, modules, tools."""

import ast
import functools
import gc
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Lowest first: a later one may import an earlier one.
APPS = ("citybrain.core", "healthcode", "community", "accesslog", "dashboard")
PACKAGES = ("citybrain", *APPS[1:])
NOT_SOURCE = {"var", "__pycache__"}


def is_source(name: str) -> bool:
    """Whether a file or folder of this name may be part of the source: not hidden, not made by running."""
    return not name.startswith(".") and name not in NOT_SOURCE


def files(pattern: str, *folders: str) -> Iterator[Path]:
    """Find source files by name below the given folders of the tree (all of it when none is given)."""
    for start in folders or (".",):
        for folder, below, names in os.walk(ROOT / start):
            below[:] = sorted(filter(is_source, below))
            yield from (Path(folder, name) for name in sorted(names) if fnmatch(name, pattern))


def copy(to: Path, *, without: Iterable[str] = ()) -> Path:
    """Copy the source tree into a new folder, leaving out entries by name."""
    left_out = set(without)

    def ignore(_folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name in left_out or not is_source(name)}

    return Path(shutil.copytree(ROOT, to, ignore=ignore))


def short(path: Path) -> str:
    """Name a file as seen from the top of the tree."""
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """Name the module that a file of ours holds."""
    return short(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def settings() -> dict[str, Any]:
    """Read what pyproject.toml says to each tool."""
    said: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    return said


@functools.cache
def syntax(path: Path) -> ast.Module:
    """Parse a Python file.

    Python 3.11 counts its recursion while parsing; what the garbage collector ends meanwhile may reset the limit, and
    it takes that for a fault of its own.
    """
    gc.disable()
    try:
        return ast.parse(path.read_text(), short(path))
    finally:
        gc.enable()


def run(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a command; return its exit code and all it wrote."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


def tool(name: str) -> Path:
    """Find a tool that is installed beside the running Python."""
    return Path(sys.executable).parent / name


def expect_none(found: Iterable[object], advice: str) -> None:
    """Fail with the advice and everything found, unless nothing was found."""
    __tracebackhide__ = True
    listed = [str(one) for one in found]
    if listed:
        pytest.fail("\n  ".join([f"{advice}:", *listed]))
