"""Imports flow one way, late ones too; other apps are reached by their public face; nothing is named upwards."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repo import tree

FACE = ("models", "actions", "queries")
# Reads of one subject, where one module for all of them would be too long.
QUERIES = "_queries"
# Formats that an app publishes: they know no row and no user.
FORMATS = ("healthcode.tokens", "healthcode.kinds", "healthcode.rules")
# Modules that wire the apps together, so that they name any module of any app.
WIRING = {"citybrain.settings", "citybrain.urls", "citybrain.flows", "citybrain.retention"}
# In strings: "community.models.Room", "community.Room", "community:residents".
NAMES_APP = re.compile(rf"({'|'.join(app.removeprefix('citybrain.') for app in tree.APPS)})[.:]\w[\w.]*")


@pytest.fixture(scope="module")
def layers() -> list[str]:
    """Return the layers of pyproject.toml, top first, those of one height in one string."""
    settings = tree.settings()["importlinter"]
    contracts = {contract["id"]: contract for contract in settings["contracts"]}
    assert not settings.get("exclude_type_checking_imports"), "an import for type checking is an import"
    assert not any(contract.get("ignore_imports") for contract in contracts.values()), "no exceptions"
    return list(contracts["one-way"]["layers"])


def test_the_import_contract_is_kept() -> None:
    status, output = tree.run(tree.tool("lint-imports"))
    broken = output.partition("Broken contracts")[2].strip() or output
    tree.expect_none(
        [broken] if status else [], "an import goes up: move the code down, or publish an event (flows.py)"
    )


def test_a_late_import_breaks_the_contract(tmp_path: Path) -> None:
    for package, content in {"upper": "", "lower": "def late() -> None:\n    import upper\n"}.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(content)
    contract = "[importlinter:contract:1]\nname = one way\ntype = layers\nlayers =\n    upper\n    lower\n"
    (tmp_path / ".importlinter").write_text(f"[importlinter]\nroot_packages =\n    upper\n    lower\n\n{contract}")
    status, output = tree.run(tree.tool("lint-imports"), "--no-cache", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert status == 1
    assert "lower -> upper (l.2)" in output


def test_the_contract_names_every_app_in_order_and_every_module_of_the_project(layers: list[str]) -> None:
    named = [name.strip() for layer in layers for name in layer.split("|")]
    assert [name for name in reversed(named) if name in tree.APPS] == list(tree.APPS)
    modules = {tree.module_of(path) for path in tree.files("*.py", "citybrain")}
    tops = {".".join(module.split(".")[:2]) for module in modules} - {"citybrain", "citybrain.settings"}
    tree.expect_none(tops - set(named), "give the module a layer in pyproject.toml")


def test_settings_are_imported_by_nobody() -> None:
    importers = (
        f"{tree.short(path)}:{line}"
        for path in tree.files("*.py", *tree.PACKAGES)
        for line, imported in _imports(tree.syntax(path))
        if f"{imported}.".startswith("citybrain.settings.")
    )
    tree.expect_none(importers, "read settings by `django.conf.settings`")


def test_another_app_is_imported_by_its_public_face_only() -> None:
    tree.expect_none(_behind_the_face(), "another app is its models, actions and queries: ask for a query or an action")


def test_no_string_names_a_higher_app() -> None:
    tree.expect_none(_upward_names(), "a name of a higher app in a string is a hidden import upwards")


def test_guardian_is_asked_for_objects_by_nobody() -> None:
    banned = {"get_objects_for_user", "get_objects_for_group"}
    places = (
        f"{tree.short(path)}:{getattr(node, 'lineno', 0)}"
        for path in tree.files("*.py", *tree.PACKAGES)
        for node in ast.walk(tree.syntax(path))
        if banned & {getattr(node, field, None) for field in ("id", "attr", "name")}
    )
    tree.expect_none(places, "it hands everything to holders of global permissions: start from visible_to()")


def _app_of(module: str) -> str:
    """Return the app of a module; "citybrain" for what stands above all apps."""
    return next((app for app in tree.APPS if f"{module}.".startswith(f"{app}.")), module.partition(".")[0])


def _behind_the_face() -> Iterator[str]:
    for path in tree.files("*.py", *tree.PACKAGES):
        module = tree.module_of(path)
        for line, imported in _imports(tree.syntax(path)):
            app = _app_of(imported)
            inside = imported.removeprefix(f"{app}.").partition(".")[0]
            is_public = inside in FACE or inside.endswith(QUERIES) or f"{app}.{inside}" in FORMATS
            if app in tree.APPS[1:] and app != _app_of(module) and module not in WIRING and not is_public:
                yield f"{tree.short(path)}:{line} imports {imported}"


def _imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _upward_names() -> Iterator[str]:
    order = [app.removeprefix("citybrain.") for app in tree.APPS]
    for path in tree.files("*.py", *tree.APPS):
        own = order.index(_app_of(tree.module_of(path)).removeprefix("citybrain."))
        for node in ast.walk(tree.syntax(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = NAMES_APP.fullmatch(node.value)
                if named and order.index(named[1]) > own:
                    yield f"{tree.short(path)}:{node.lineno} {node.value!r}"
