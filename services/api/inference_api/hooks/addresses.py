"""Decides to which addresses a webhook may go: the host of an endpoint may resolve to any address, now or later.

`is_global` of the standard library calls some addresses public that lead to private ones, or to many hosts.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: IPv6 addresses that hold an IPv4 address: NAT64 (two), 6to4, Teredo, mapped and compatible ones. And the address of a
#: cloud's instance metadata.
_NEVER = [
    ip_network(text)
    for text in (
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::ffff:0:0/96", "::/96"),
        "fd00:ec2::/32",
    )
]
_LOOPBACK = IPv6Address("::1")


def is_allowed(text: str, *, allow_private: bool) -> bool:
    """Tell whether a webhook may go to a numeric address."""
    address = ip_address(text.partition("%")[0])
    if address.is_multicast or address.is_link_local or address.is_unspecified or _is_never(address):
        return False
    return allow_private or (address.is_global and not address.is_reserved)


def _is_never(address: IPv4Address | IPv6Address) -> bool:
    return address != _LOOPBACK and any(address in network for network in _NEVER)
