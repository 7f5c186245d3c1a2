"""Who may look at Flower."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadcaster.errors import SettingsError
from broadcaster.settings import Settings
from broadcaster.worker.flower_credentials import FlowerCredentials, credentials_path, flower_credentials


def test_they_are_generated_once_and_kept_in_a_private_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    first = flower_credentials(settings)
    assert first == flower_credentials(settings)
    assert len(first.password) >= 24
    path = credentials_path(settings)
    assert path.read_text() == f"{first.user}:{first.password}"
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_home_has_its_own(tmp_path: Path) -> None:
    passwords = {flower_credentials(Settings(home=tmp_path / name)).password for name in ("a", "b")}
    assert len(passwords) == 2


def test_configured_ones_win_and_nothing_is_kept(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, flower_basic_auth="ops:with:colons")
    assert flower_credentials(settings) == FlowerCredentials("ops", "with:colons")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["ops", "ops:", ":password"])
def test_configured_ones_without_user_or_password_are_refused_without_showing_them(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        flower_credentials(Settings(home=tmp_path, flower_basic_auth=text))
    assert str(refused.value) == "BROADCASTER_FLOWER_BASIC_AUTH: must be user:password"


def test_where_they_cannot_be_kept_the_variable_to_set_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="BROADCASTER_FLOWER_BASIC_AUTH: not set, and a generated one cannot"):
        flower_credentials(Settings(home=tmp_path / "file"))


def test_a_password_is_in_no_repr() -> None:
    assert "hidden" not in repr(FlowerCredentials("ops", "hidden"))
