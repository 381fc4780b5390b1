"""Every URL of the site with the permission that it declares."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from citybrain.core.roles import Act


@dataclass(frozen=True)
class Page:
    """A URL: its name with namespace, its route, what the view declares (None when nothing) and its arguments."""

    name: str
    route: str
    permission: Any
    converters: tuple[tuple[str, str], ...]

    @property
    def is_public(self) -> bool:
        """Whether the view says why everyone may see it."""
        return isinstance(self.permission, str) and self.permission.startswith("public: ")

    @property
    def needs_act(self) -> bool:
        """Whether the view names an act."""
        return isinstance(self.permission, Act)


def pages() -> list[Page]:
    """Return all URLs, in the order in which they are tried."""
    return list(_below(get_resolver(), "", ""))


def _below(resolver: URLResolver, namespace: str, route: str) -> Iterator[Page]:
    for entry in resolver.url_patterns:
        here = f"{route}{entry.pattern}"
        if isinstance(entry, URLResolver):
            yield from _below(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace, here)
        else:
            yield _page(entry, namespace, here)


def _page(entry: URLPattern, namespace: str, route: str) -> Page:
    view: Any = entry.callback
    holder = getattr(view, "view_class", None) or getattr(view, "cls", None) or view
    converters = tuple((name, type(one).__name__) for name, one in entry.pattern.converters.items())
    return Page(f"{namespace}{entry.name}", route, getattr(holder, "permission", None), converters)
