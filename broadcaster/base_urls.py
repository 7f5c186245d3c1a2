"""The base URL of an account: the one place that says which are usable."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from pyreqwest.http import Url

from broadcaster.errors import InputError

DEFAULT_BASE_URL = "https://api.wachatpro.com"
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_LONGEST = 500
_METHOD = re.compile(r"/wa/(?:send|sendfile|sendfileurl|chats|messages|contacts)/?$")


def usable_base_url(text: str) -> str:
    """The base URL in one spelling: host in lower case, no default port, no slash at its end.

    Raises InputError unless it is http(s)://host[:port][/path] that the HTTP library takes (WHATWG URL), without a
    user, a query or a fragment.
    """
    stripped = text.strip()
    if not _is_plain(stripped):
        # Not quoted: it may hold a password.
        raise InputError("base URL: must be http(s)://host[:port][/path] without user, query or fragment")
    if method := _METHOD.search(stripped):
        raise InputError(f"base URL: must end before {method[0].rstrip('/')}, which is added to it")
    try:
        return str(Url(stripped)).rstrip("/")
    except ValueError as error:
        raise InputError(f"base URL: {error}") from None


def is_in_the_clear(base_url: str) -> bool:
    """Whether keys and messages go to another network unencrypted."""
    parts = urlsplit(base_url)
    return parts.scheme == "http" and not _is_local(parts.hostname or "")


def _is_plain(text: str) -> bool:
    if len(text) > _LONGEST or not text.isprintable() or " " in text or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and port != 0
        and "@" not in parts.netloc
        and "?" not in text
        and "#" not in text
    )


def _is_local(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)
    return address.is_private
