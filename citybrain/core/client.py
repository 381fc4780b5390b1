"""Where a request comes from: the address that limits are counted by."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

# Whoever is given IPv6 is given at least this much of it and may use every address in there.
IPV6_PREFIX = 64


def client_address(request: HttpRequest) -> str:
    """Return the IPv4 address, or the IPv6 network of one connection, that the request came from.

    Behind our own proxy (settings.BEHIND_PROXY) that is the last entry of X-Forwarded-For, the one that the proxy
    wrote; what stands before it was written by the client and is not believed.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2] if settings.BEHIND_PROXY else ""
    return _network(forwarded) or _network(peer) or peer


def _network(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
