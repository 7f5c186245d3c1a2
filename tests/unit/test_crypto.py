"""Invariant I8: keys are encrypted at rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from broadcaster.crypto import Vault, open_vault
from broadcaster.errors import SettingsError
from broadcaster.settings import load

URL = "https://api.example.com"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def settings_with(tmp_path: Path, **variables: str):
    return load({"BROADCASTER_HOME": str(tmp_path), **variables}, dotenv=None)


def test_what_was_encrypted_comes_back_and_is_not_to_be_read_in_between() -> None:
    token = Vault([NEW]).seal("the-key", URL)
    assert b"the-key" not in token
    assert Vault([NEW]).open(token, URL) == "the-key"


def test_a_key_opens_for_the_url_that_it_was_sealed_for_and_for_no_other() -> None:
    token = Vault([NEW]).seal("the-key", URL)
    with pytest.raises(SettingsError, match="belongs to another URL") as refusal:
        Vault([NEW]).open(token, "https://elsewhere.example.com")
    assert "the-key" not in str(refusal.value)


def test_an_account_is_known_again_after_the_secret_key_was_rotated() -> None:
    [before] = Vault([OLD]).fingerprints("the-key", URL)
    assert before in Vault([NEW, OLD]).fingerprints("the-key", URL)
    assert before not in Vault([NEW, OLD]).fingerprints("another", URL)
    assert before not in Vault([NEW, OLD]).fingerprints("the-key", "https://elsewhere.example.com")
    assert b"the-key" not in before


def test_keys_can_be_rotated() -> None:
    token = Vault([OLD]).seal("the-key", URL)
    assert Vault([NEW, OLD]).open(token, URL) == "the-key"


def test_another_key_opens_nothing_and_says_which_variable_is_wrong() -> None:
    token = Vault([OLD]).seal("the-key", URL)
    with pytest.raises(SettingsError, match="BROADCASTER_SECRET_KEY") as refusal:
        Vault([NEW]).open(token, URL)
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
    assert vault.open(Vault([OLD]).seal("x", URL), URL) == "x"


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BROADCASTER_SECRET_KEY_FILE: No such file"):
        open_vault(settings_with(tmp_path, BROADCASTER_SECRET_KEY_FILE=str(tmp_path / "nothing")))


def test_with_the_embedded_database_a_key_is_generated_once_and_is_private(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        vaults = list(pool.map(lambda _: open_vault(settings), range(8)))
    token = vaults[0].seal("x", URL)
    assert {vault.open(token, URL) for vault in vaults} == {"x"}
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]
