"""Which hosts are public: what is fetched from others, or told to others, must not lead among one's own servers."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from pyreqwest.http import Url

_LOCAL_NAMES = frozenset(
    {"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain", "arpa"}
)
"""Last parts of names that no public server has, such as `metadata.google.internal` or `router.home.arpa`."""
_METADATA = frozenset({IPv4Address("168.63.129.16")})
"""Public addresses that clouds answer on from inside."""
_NAT64 = int(IPv6Address("64:ff9b::")) >> 32


def host_of(url: str) -> str | None:
    """As the WHATWG URL standard reads it, to which `2130706433` and `0x7f.1` are addresses too; None: no URL."""
    try:
        return Url(url).host_str
    except ValueError:
        return None


def is_public_host(host: str) -> bool:
    """Whether a name or an address is public, as far as that can be seen without asking anybody."""
    bare = host.strip("[]")
    try:
        ip_address(bare)
    except ValueError:
        labels = host.rstrip(".").lower().split(".")
        return len(labels) > 1 and labels[-1] not in _LOCAL_NAMES
    return is_public_address(bare)


def is_public_address(address: str) -> bool:
    """Whether an IP address is public, and so is each one that it holds."""
    inner = _addresses(ip_address(address))
    return all(each.is_global and not each.is_multicast and each not in _METADATA for each in inner)


def _addresses(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address that it leads to, where it holds another one: an IPv4 address in an IPv6 one."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and int(address) >> 32 == _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return [inner] if inner else [address]
