"""Who may look at Flower: a configured user, or one generated once. Apart from `flower`, a slow import."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from broadcaster.errors import SettingsError
from broadcaster.secret_files import generated_once
from broadcaster.settings import Settings

LISTENER = "FLOWER_LISTENER"
"""The variable with the number of the descriptor on which Flower listens, if it inherits one."""
_USER = "broadcaster"


@dataclass(frozen=True, slots=True)
class FlowerCredentials:
    """A user and a password for HTTP basic authentication."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, source: str) -> Self:
        """Read `user:password`. Raises SettingsError, which names the `source`."""
        user, _, password = text.partition(":")
        if not user or not password:
            raise SettingsError(f"{source}: must be user:password")
        return cls(user, password)


def credentials_path(settings: Settings) -> Path:
    """Where generated credentials are kept."""
    return settings.home / "flower.auth"


def flower_credentials(settings: Settings) -> FlowerCredentials:
    """The configured credentials, else those stored under the home. They are generated if there are none yet.

    Raises SettingsError if they cannot be used or stored.
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
