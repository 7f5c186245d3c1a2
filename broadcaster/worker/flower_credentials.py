"""Who may look at Flower: a configured user, or one generated once. Apart from `flower`, which is slow to import."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from broadcaster.errors import SettingsError
from broadcaster.secret_files import generated_once
from broadcaster.settings import Settings

LISTENER = "FLOWER_LISTENER"
"""The variable that holds the number of a descriptor on which Flower is to listen, where it is handed one."""
_USER = "broadcaster"


@dataclass(frozen=True, slots=True)
class FlowerCredentials:
    """A user and a password for HTTP basic authentication."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, source: str) -> Self:
        """From `user:password`. Raises SettingsError, which names the `source`."""
        user, _, password = text.partition(":")
        if not user or not password:
            raise SettingsError(f"{source}: must be user:password")
        return cls(user, password)


def credentials_path(settings: Settings) -> Path:
    """Where generated credentials are kept."""
    return settings.home / "flower.auth"


def flower_credentials(settings: Settings) -> FlowerCredentials:
    """The configured credentials, or those kept under the home, generated if there are none yet.

    Raises SettingsError if they cannot be used or kept.
    """
    if settings.flower_basic_auth:
        return FlowerCredentials.parse(settings.flower_basic_auth, "BROADCASTER_FLOWER_BASIC_AUTH")
    path = credentials_path(settings)
    try:
        kept = generated_once(path, lambda: f"{_USER}:{secrets.token_urlsafe(18)}")
    except OSError as error:
        raise SettingsError(
            f"BROADCASTER_FLOWER_BASIC_AUTH: not set, and a generated one cannot be kept: {error.strerror}: {path}"
        ) from None
    return FlowerCredentials.parse(kept, str(path))
