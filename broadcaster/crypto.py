"""Encrypts the keys of accounts at rest, each bound to its URL (invariant I8)."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from broadcaster.errors import SettingsError
from broadcaster.secret_files import generated_once, read_secret
from broadcaster.settings import Settings


class Vault:
    """Encrypts and decrypts with the newest key first, so that keys can be rotated."""

    def __init__(self, keys: list[str]) -> None:
        """`keys` are Fernet keys (32 bytes, URL-safe base64), newest first. Raises SettingsError."""
        try:
            fernets = [Fernet(key) for key in keys]
            self._newest, self._fernet = fernets[0], MultiFernet(fernets)
            self._hash_keys = [urlsafe_b64decode(key) for key in keys]
        except (ValueError, IndexError):
            raise SettingsError(
                "BROADCASTER_SECRET_KEY: not a Fernet key; make one with `openssl rand -base64 32 | tr +/ -_`"
            ) from None

    def seal(self, key: str, base_url: str) -> bytes:
        """The account's key as a Fernet token that holds its URL too: copied to another account it opens nothing."""
        return self._fernet.encrypt(json.dumps([base_url, key]).encode())

    def open(self, token: bytes, base_url: str) -> str:
        """The key that was sealed for this URL.

        Raises SettingsError when it was sealed for another one, or under a secret key that is not configured.
        """
        try:
            sealed_for, key = json.loads(self._fernet.decrypt(token))
        except InvalidToken:
            raise SettingsError(
                "BROADCASTER_SECRET_KEY: does not open the stored instance keys; configure the key they were "
                "added under or rotated to (several may be given, comma separated, newest first)"
            ) from None
        if sealed_for != base_url:
            raise SettingsError(
                f"the stored key of {base_url} belongs to another URL: give it again with `broadcaster instance set`"
            )
        return str(key)

    def is_newest(self, token: bytes) -> bool:
        """Whether the newest secret key opens it, so that the older ones are not needed for it."""
        try:
            self._newest.decrypt(token)
        except InvalidToken:
            return False
        return True

    def fingerprints(self, key: str, base_url: str) -> list[bytes]:
        """What tells the account apart without telling its key, for each configured secret key, newest first."""
        account = json.dumps(["account", base_url, key]).encode()
        return [hmac.digest(secret, account, "sha256") for secret in self._hash_keys]


def open_vault(settings: Settings) -> Vault:
    """The vault under the configured key, or, with the embedded Postgres, under one generated once.

    Raises SettingsError when no key is configured for a database of one's own, or others can read or change its file.
    """
    if settings.secret_key:
        return Vault(_split(settings.secret_key))
    if settings.secret_key_file:
        try:
            return Vault(_split(read_secret(settings.secret_key_file)))
        except OSError as error:
            raise SettingsError(f"BROADCASTER_SECRET_KEY_FILE: {error.strerror}: {settings.secret_key_file}") from None
    if settings.database_url is None:
        return Vault(_split(_generated_once(settings.home / "secret.key")))
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
