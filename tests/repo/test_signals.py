"""No receiver of ours hangs on any Django signal: whoever acts on a fact is named in citybrain/flows.py."""

import gc
import importlib
import pkgutil
import weakref
from collections.abc import Iterator
from typing import Any

from django.dispatch import Signal  # noqa: TID251 (to show that nobody else uses it)

from tests.repo import tree

# These act when they are imported; what they import is imported here anyway.
ENTRY_POINTS = {"citybrain.asgi", "citybrain.wsgi", "citybrain.celery"}


def test_the_linter_bans_the_modules_that_connect_receivers() -> None:
    banned = tree.settings()["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert {"django.dispatch", "django.db.models.signals"} <= banned.keys()


def test_no_receiver_of_ours_is_connected_to_a_signal() -> None:
    _import_everything()
    tree.expect_none(_our_receivers(), "no signals as a nervous system: publish an event (citybrain/flows.py)")


def _import_everything() -> None:
    for package in tree.PACKAGES:
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if module.name not in ENTRY_POINTS and not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _our_receivers() -> Iterator[str]:
    # By type(), because isinstance() would wake lazy objects.
    signals: list[Any] = [thing for thing in gc.get_objects() if issubclass(type(thing), Signal)]
    for signal in signals:
        for _key, held, *_rest in signal.receivers:
            receiver = held() if isinstance(held, weakref.ReferenceType) else held
            module = getattr(receiver, "__module__", None) or type(receiver).__module__
            if module.partition(".")[0] in tree.PACKAGES:
                yield f"{module}.{getattr(receiver, '__qualname__', receiver)}"
