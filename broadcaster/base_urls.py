"""The base URL of an account: the one place that says which are usable."""

from __future__ import annotations

import re
from itertools import product
from urllib.parse import urlsplit

from pyreqwest.http import Url

from broadcaster.errors import InputError
from broadcaster.loopback import is_this_machine

DEFAULT_BASE_URL = "https://api.wachatpro.com"
_LONGEST = 500
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_DEFAULT_PORTS = (80, 443)
_METHOD = re.compile(r"/wa(?:/(?:send|sendfile|sendfileurl|chats|messages|contacts))?/*$")


def usable_base_url(text: str, *, called: str = "base URL") -> str:
    """The base URL in one spelling: host in lower case, no default port, no slash at its end.

    Raises InputError unless it is http(s)://host[:port][/path] that the HTTP library takes (WHATWG URL), without a
    user, a query or a fragment. The error begins with what the URL is `called`.
    """
    stripped = text.strip()
    if not _is_plain(stripped):
        # Not quoted: it may hold a password.
        raise InputError(f"{called}: must be http(s)://host[:port][/path] without user, query or fragment")
    if method := _METHOD.search(stripped):
        raise InputError(f"{called}: must end before {method[0].rstrip('/')}, which is added to it")
    try:
        return _spelled(stripped)
    except ValueError as error:
        raise InputError(f"{called}: {error}") from None


def same_server_urls(base_url: str) -> list[str]:
    """Every spelling of a usable base URL that surely means the same server, sorted; the given one is among them.

    They differ in the scheme, in a port that a scheme has by default, in the name of this machine's loopback, and in a
    dot at the end of the host.
    """
    parts = urlsplit(base_url)
    given = parts.netloc.removesuffix(f":{parts.port}")
    host = given.removesuffix(".") or given
    hosts = _LOOPBACK if host in _LOOPBACK else (host,)
    dotted = tuple(f"{each}." for each in hosts if not each.endswith(("]", ".")))
    ports = _DEFAULT_PORTS if parts.port in (None, *_DEFAULT_PORTS) else (parts.port,)
    spellings = product(("http", "https"), hosts + dotted, ports)
    return sorted({_spelled(f"{scheme}://{name}:{port}{parts.path}") for scheme, name, port in spellings})


def is_in_the_clear(base_url: str) -> bool:
    """Whether keys and messages leave this machine unencrypted."""
    parts = urlsplit(base_url.strip())
    return parts.scheme == "http" and not is_this_machine(parts.hostname or "")


def _spelled(text: str) -> str:
    """In one spelling. Raises ValueError."""
    return str(Url(text)).rstrip("/")


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
