"""Encrypts instance keys at rest (invariant I8)."""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from broadcaster.errors import SettingsError
from broadcaster.secret_files import generated_once
from broadcaster.settings import Settings


class Vault:
    """Encrypts and decrypts with the newest key first, so that keys can be rotated."""

    def __init__(self, keys: list[str]) -> None:
        """`keys` are Fernet keys (32 bytes, URL-safe base64), newest first. Raises SettingsError."""
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise SettingsError(
                "BROADCASTER_SECRET_KEY: not a Fernet key; make one with `openssl rand -base64 32 | tr +/ -_`"
            ) from None

    def encrypt(self, secret: str) -> bytes:
        """The secret as a Fernet token."""
        return self._fernet.encrypt(secret.encode())

    def decrypt(self, token: bytes) -> str:
        """The secret. Raises SettingsError when it was encrypted under a key that is not configured."""
        try:
            return self._fernet.decrypt(token).decode()
        except InvalidToken:
            raise SettingsError(
                "BROADCASTER_SECRET_KEY: does not open the stored instance keys; configure the key they were "
                "added under (several may be given, comma separated, newest first)"
            ) from None


def open_vault(settings: Settings) -> Vault:
    """The vault under the configured key, or, with the embedded Postgres, under one generated once.

    Raises SettingsError when no key is configured for a database of one's own.
    """
    if settings.secret_key:
        return Vault(_split(settings.secret_key))
    if settings.secret_key_file:
        try:
            return Vault(_split(settings.secret_key_file.read_text(encoding="utf-8")))
        except OSError as error:
            raise SettingsError(f"BROADCASTER_SECRET_KEY_FILE: {error.strerror}: {settings.secret_key_file}") from None
    if settings.database_url is None:
        return Vault([_generated_once(settings.home / "secret.key")])
    raise SettingsError(
        "BROADCASTER_SECRET_KEY: missing; it encrypts instance keys. "
        "Make one with `openssl rand -base64 32 | tr +/ -_`"
    )


def _split(text: str) -> list[str]:
    return [key.strip() for key in text.replace("\n", ",").split(",") if key.strip()]


def _generated_once(path: Path) -> str:
    try:
        return generated_once(path, lambda: Fernet.generate_key().decode())
    except OSError as error:
        raise SettingsError(f"the secret key cannot be kept: {error.strerror}: {path}") from None
