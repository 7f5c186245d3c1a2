"""Invariant I8: keys are encrypted at rest."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from broadcaster.crypto import Vault, open_vault
from broadcaster.errors import SettingsError
from broadcaster.secret_files import read_secret
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
    path.chmod(0o600)
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


def test_a_token_of_an_older_key_is_told_from_one_of_the_newest() -> None:
    vault = Vault([NEW, OLD])
    assert vault.is_newest(vault.seal("x", URL))
    assert not vault.is_newest(Vault([OLD]).seal("x", URL))


@pytest.mark.parametrize(
    ("mode", "trouble"),
    [
        (0o600, None),
        (0o400, None),
        (0o644, "others may have read"),
        (0o640, "others may have read"),
        (0o620, "others may have written"),
        (0o602, "others may have written"),
    ],
)
@pytest.mark.parametrize("variable", ["BROADCASTER_SECRET_KEY_FILE", "BROADCASTER_HOME"])
def test_a_key_file_that_others_can_read_or_change_is_refused(
    tmp_path: Path, variable: str, mode: int, trouble: str | None
) -> None:
    path = tmp_path / "secret.key"
    path.write_text(f"{NEW}\n{OLD}")
    path.chmod(mode)
    settings = settings_with(tmp_path, **{variable: str(path if variable.endswith("FILE") else tmp_path)})
    if trouble is None:
        assert open_vault(settings).open(Vault([OLD]).seal("x", URL), URL) == "x"
    else:
        with pytest.raises(SettingsError, match=trouble) as refused:
            open_vault(settings)
        assert str(path) in str(refused.value)
        assert "`chmod go=`" in str(refused.value), "one command mends all of it"


@pytest.mark.parametrize(
    "content", ["schlüssel".encode(), b"\xff\x00", b"a" * 100_000], ids=["UTF-8", "bytes", "long"]
)
def test_a_key_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="no plain text of at most 65,536 bytes"):
        open_vault(settings_with(tmp_path, BROADCASTER_SECRET_KEY_FILE=str(path)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_roots_may_be_open_to_others_as_orchestrators_mount_it(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text(NEW)
    path.chmod(0o444)
    tmp_path.chmod(0o711)
    os.chown(path, 54321, 54321)
    with pytest.raises(SettingsError, match="others may have written"):
        open_vault(settings_with(tmp_path, BROADCASTER_SECRET_KEY_FILE=str(path)))
    os.chown(path, 0, 0)
    descriptor = os.open(path, os.O_RDONLY)
    os.seteuid(54321)
    try:
        path = Path(f"/proc/self/fd/{descriptor}")
        assert read_secret(path) == NEW
    finally:
        os.seteuid(0)
        os.close(descriptor)
