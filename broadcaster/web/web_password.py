"""What opens the view in the browser: a password. Apart from the rest, which needs the extra `web`."""

from __future__ import annotations

import secrets
from importlib.util import find_spec
from pathlib import Path

from broadcaster.errors import SettingsError
from broadcaster.secret_files import generated_once
from broadcaster.settings import Settings

EXTRA = "the extra `web` is not installed: pip install 'wachatpro-broadcaster[web]'"
"""What is missing where `can_serve_web` is false, and what to do."""


def can_serve_web() -> bool:
    """Whether what the view needs beyond Broadcaster is installed."""
    return all(find_spec(name) is not None for name in ("starlette", "uvicorn"))


def web_password_path(settings: Settings) -> Path:
    """Where a generated password is kept."""
    return settings.home / "web.auth"


def web_password(settings: Settings) -> str:
    """The configured password, else the one stored under the home. It is generated if there is none yet.

    Raises SettingsError if it cannot be used or stored.
    """
    if settings.web_password:
        return settings.web_password
    path = web_password_path(settings)
    try:
        kept = generated_once(path, lambda: secrets.token_urlsafe(18))
    except OSError as error:
        raise SettingsError(
            f"BROADCASTER_WEB_PASSWORD: not set, and a generated one cannot be kept: {error.strerror}: {path}"
        ) from None
    if not kept:
        raise SettingsError(f"{path} is empty: delete it, and a new password is generated")
    return kept
