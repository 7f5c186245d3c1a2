"""The URL of a file that a gateway fetches: the one place that says which are usable."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from pyreqwest.http import Url

from broadcaster.errors import UsageError, quoted

LONGEST_URL = 2_000
"""Characters. Common servers and proxies take no longer ones."""

ALLOW_PRIVATE = "BROADCASTER_ALLOW_PRIVATE_FILE_URLS"
_BEGINNING = re.compile(r"https?://[^/?#@\\]+(?P<user>@?)", re.IGNORECASE)
_LOCAL_NAMES = frozenset(
    {"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain", "arpa"}
)
"""Last parts of names that no public server has, such as `metadata.google.internal` or `router.home.arpa`."""
_METADATA = frozenset({IPv4Address("168.63.129.16")})
"""Public addresses that clouds answer on from inside."""
_NAT64 = int(IPv6Address("64:ff9b::")) >> 32


def usable_file_url(text: str, *, allow_private: bool = False) -> str:
    """The URL as it is given to the gateway.

    Raises UsageError unless it is http(s), without user and password, not too long, and of a host that is public as
    far as that can be seen without asking anybody. A gateway that runs among one's own servers could be made to fetch
    from them; `allow_private` is for those who want it to.
    """
    if len(text) > LONGEST_URL:
        raise UsageError(f"--file-url: the URL is longer than {LONGEST_URL:,} characters: shorten it")
    start = _BEGINNING.match(text)
    if start and start["user"]:
        # Not quoted: it holds a password.
        raise UsageError("--file-url: a user or password in it would be stored and sent to the gateway: remove it")
    host = _host(text) if start and text.isprintable() and not set(" \\") & set(text) else None
    if host is None:
        shown = "the URL" if "@" in text else quoted(text, 100)
        raise UsageError(f"--file-url: {shown} is not an http:// or https:// URL")
    if not (allow_private or _is_public(host)):
        raise UsageError(
            f"--file-url: {quoted(host)} is not a public host, so that the gateway would look among your own servers; "
            f"upload the file with --file, or allow it with {ALLOW_PRIVATE}=true"
        )
    return text


def _host(text: str) -> str | None:
    """As the WHATWG URL standard reads it, to which `2130706433` and `0x7f.1` are addresses too."""
    try:
        return Url(text).host_str
    except ValueError:
        return None


def _is_public(host: str) -> bool:
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        labels = host.rstrip(".").lower().split(".")
        return len(labels) > 1 and labels[-1] not in _LOCAL_NAMES
    return all(each.is_global and not each.is_multicast and each not in _METADATA for each in _addresses(address))


def _addresses(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address that it leads to, where it holds another one: an IPv4 address in an IPv6 one."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and int(address) >> 32 == _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return [inner] if inner else [address]
