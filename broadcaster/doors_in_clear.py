"""Says where people can be listened in on who look at Flower or the view in the browser. The same rule for both."""

from __future__ import annotations

from urllib.parse import urlsplit

from broadcaster.loopback import is_this_machine
from broadcaster.settings import Settings


def flower_in_clear(bind: str, port: int) -> str | None:
    """Says that others can listen in on who looks at Flower, and what to do; None: it listens on loopback."""
    return None if is_this_machine(bind) else _in_clear("Flower", bind, port, "", "BROADCASTER_FLOWER_BIND")


def web_in_clear(settings: Settings) -> str | None:
    """Says that others can listen in on who looks at the view, and what to do.

    None: it listens on loopback, or people come by TLS or from this machine, as BROADCASTER_WEB_URL says.
    """
    url = urlsplit(settings.web_url or "")
    if url.scheme == "https" or is_this_machine(url.hostname or "") or is_this_machine(settings.web_bind):
        return None
    named = " and its https:// URL into BROADCASTER_WEB_URL"
    return _in_clear("web", settings.web_bind, settings.web_port, named, "BROADCASTER_WEB_BIND")


def _in_clear(what: str, bind: str, port: int, named: str, variable: str) -> str:
    return (
        f"{what}: it listens on {bind or 'all addresses'} port {port}, where others reach it, in plain HTTP: "
        f"its password can be read on the way; put a proxy with TLS before it{named}, or set {variable}=127.0.0.1"
    )
