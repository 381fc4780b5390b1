"""A warning is an error, wherever it comes from."""

import sys
from pathlib import Path

from tests.repo import tree

WARNS = """
import warnings


def test_that_warns_itself():
    warnings.warn("planted", UserWarning, stacklevel=1)


def test_that_uses_what_is_deprecated():
    warnings.warn("planted", DeprecationWarning, stacklevel=1)


def test_that_forgets_to_close_a_file():
    open(__file__)


def test_that_is_quiet():
    pass
"""


def test_a_test_that_warns_fails_under_the_settings_of_this_project(tmp_path: Path) -> None:
    (tmp_path / "test_planted.py").write_text(WARNS)
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-c",
        "pyproject.toml",
        "-p",
        "no:cacheprovider",
        "--confcutdir",
        tmp_path,
    )
    status, output = tree.run(*command, tmp_path, env={"CITYBRAIN_TEST_SERVICES": "off"})
    assert status == 1
    assert "3 failed, 1 passed" in output, 'pyproject.toml wants filterwarnings = ["error"]'
