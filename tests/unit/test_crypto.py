"""Invariant I8: keys are encrypted at rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from broadcaster.crypto import Vault, open_vault
from broadcaster.errors import SettingsError
from broadcaster.settings import load

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def settings_with(tmp_path: Path, **variables: str):
    return load({"BROADCASTER_HOME": str(tmp_path), **variables}, dotenv=None)


def test_what_was_encrypted_comes_back_and_is_not_to_be_read_in_between() -> None:
    token = Vault([NEW]).encrypt("the-key")
    assert b"the-key" not in token
    assert Vault([NEW]).decrypt(token) == "the-key"


def test_keys_can_be_rotated() -> None:
    token = Vault([OLD]).encrypt("the-key")
    assert Vault([NEW, OLD]).decrypt(token) == "the-key"


def test_another_key_opens_nothing_and_says_which_variable_is_wrong() -> None:
    token = Vault([OLD]).encrypt("the-key")
    with pytest.raises(SettingsError, match="BROADCASTER_SECRET_KEY") as refusal:
        Vault([NEW]).decrypt(token)
    assert OLD not in str(refusal.value)
    assert NEW not in str(refusal.value)


def test_a_key_that_is_none_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a Fernet key") as refusal:
        open_vault(settings_with(tmp_path, BROADCASTER_SECRET_KEY="hunter2"))
    assert "hunter2" not in str(refusal.value)


def test_a_database_of_ones_own_needs_a_key_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BROADCASTER_SECRET_KEY: missing"):
        open_vault(settings_with(tmp_path, BROADCASTER_DATABASE_URL="postgresql://db/broadcaster"))


def test_the_key_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{NEW}\n{OLD}\n")
    vault = open_vault(settings_with(tmp_path, BROADCASTER_SECRET_KEY_FILE=str(path)))
    assert vault.decrypt(Vault([OLD]).encrypt("x")) == "x"


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BROADCASTER_SECRET_KEY_FILE: No such file"):
        open_vault(settings_with(tmp_path, BROADCASTER_SECRET_KEY_FILE=str(tmp_path / "nothing")))


def test_with_the_embedded_database_a_key_is_generated_once_and_is_private(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        vaults = list(pool.map(lambda _: open_vault(settings), range(8)))
    token = vaults[0].encrypt("x")
    assert {vault.decrypt(token) for vault in vaults} == {"x"}
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]
