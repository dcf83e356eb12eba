"""Addresses of clients and networks of proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV6_SITE_BITS = 64


def address_of(text: str) -> Address:
    """An address as it is compared: without a zone, and an IPv4 one in IPv6 as IPv4.

    Raises:
        ValueError: it is none.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def site_of(address: Address) -> Address | Network:
    """Whom a limit by address counts: an IPv6 host has the whole /64 to choose addresses from."""
    if address.version == 4:  # noqa: PLR2004 - the protocol's number
        return address
    return ipaddress.IPv6Network((int(address), _IPV6_SITE_BITS), strict=False)


def networks(names: Iterable[str]) -> tuple[Network, ...]:
    """The networks that are named in CIDR notation; an address alone is one of its own.

    Raises:
        ValueError: with the first that is none.
    """
    return tuple(ipaddress.ip_network(name) for name in names)
