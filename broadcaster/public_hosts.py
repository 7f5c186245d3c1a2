"""Which hosts are public: what is fetched from others, or told to others, must not lead among one's own servers."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from pyreqwest.http import Url

_LOCAL_NAMES = frozenset(
    {"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain", "arpa"}
)
"""Last parts of names that no public server has, such as `metadata.google.internal` or `router.home.arpa`."""
_SPECIAL = (
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("3fff::/20"),
)
"""Global to some versions of Python, and no public servers: of a cloud, which answers on it from inside, of protocols
(RFC 6890), relays (RFC 7526) and documentation (RFC 9637)."""
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""Before the IPv4 address in the second half of an address (RFC 5214)."""
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All IPv6 addresses that servers have. Outside of it Python takes some for global: site-local ones, `::127.0.0.1`."""
_NAT64 = IPv6Network("64:ff9b::/96")


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
    """Whether an IP address is public, and so is each IPv4 address that packets to it may be passed on to.

    One with a zone (`fe80::1%eth0`) is of this machine's network.
    """
    read = ip_address(address)
    if isinstance(read, IPv4Address):
        return _is_global(read) and not read.is_multicast
    if read.scope_id is not None:
        return False
    held = _held_address(read)
    is_global = read in _GLOBAL_UNICAST and _is_global(read)
    return is_global if held is None else is_public_address(str(held))


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not any(address in network for network in _SPECIAL)


def _held_address(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address in it that packets go to: mapped, of 6to4, ISATAP or NAT64. Teredo's are never public."""
    if address in _NAT64 or int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
