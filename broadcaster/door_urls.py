"""Where people find Flower, and the view in the browser."""

from __future__ import annotations

from broadcaster.settings import Settings


def flower_url(settings: Settings) -> str:
    """Where Flower is, as seen from this machine."""
    return _url(settings.flower_bind, settings.flower_port)


def web_url(settings: Settings) -> str:
    """Where the view in the browser is: by the name that people use, or as seen from this machine."""
    return settings.web_url or _url(settings.web_bind, settings.web_port)


def _url(bind: str, port: int) -> str:
    # Who listens on all addresses of IPv6 takes nobody by IPv4.
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
