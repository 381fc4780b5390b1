from typing import Any

import pytest
from django.test import RequestFactory

from citybrain.core.client import client_address


def _address(peer: str, forwarded: str | None = None) -> str:
    extra: Any = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return client_address(RequestFactory().get("/", REMOTE_ADDR=peer, **extra))


def test_without_a_proxy_the_forwarding_header_is_not_believed(settings: Any) -> None:
    settings.BEHIND_PROXY = False
    assert _address("203.0.113.5", "198.51.100.1") == "203.0.113.5"


@pytest.mark.parametrize("forwarded", ["203.0.113.5", "198.51.100.1, 203.0.113.5", "nonsense,  203.0.113.5 "])
def test_behind_a_proxy_the_last_forwarded_entry_counts(settings: Any, forwarded: str) -> None:
    settings.BEHIND_PROXY = True
    assert _address("127.0.0.1", forwarded) == "203.0.113.5"


@pytest.mark.parametrize("forwarded", [None, "", "unknown", "203.0.113.5, "])
def test_behind_a_proxy_that_names_no_client_the_peer_counts(settings: Any, forwarded: str | None) -> None:
    settings.BEHIND_PROXY = True
    assert _address("127.0.0.1", forwarded) == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_address_counts_as_the_network_of_its_connection(settings: Any, peer: str, address: str) -> None:
    settings.BEHIND_PROXY = False
    assert _address(peer) == address
