"""The URL of a file that a gateway fetches: the one place that says which are usable."""

from __future__ import annotations

import re

from broadcaster.errors import UsageError, quoted
from broadcaster.public_hosts import host_of, is_public_host

LONGEST_URL = 2_000
"""Characters. Common servers and proxies take no longer ones."""

ALLOW_PRIVATE = "BROADCASTER_ALLOW_PRIVATE_FILE_URLS"
_BEGINNING = re.compile(r"https?://[^/?#@\\]+(?P<user>@?)", re.IGNORECASE)


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
    host = host_of(text) if start and text.isprintable() and not set(" \\") & set(text) else None
    if host is None:
        shown = "the URL" if "@" in text else quoted(text, 100)
        raise UsageError(f"--file-url: {shown} is not an http:// or https:// URL")
    if not (allow_private or is_public_host(host)):
        raise UsageError(
            f"--file-url: {quoted(host)} is not a public host, so that the gateway would look among your own servers; "
            f"upload the file with --file, or allow it with {ALLOW_PRIVATE}=true"
        )
    return text
