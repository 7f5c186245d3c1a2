"""A `.env` file counts only where nobody but the caller or root can have put it there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broadcaster.dotenv_file import say_read
from broadcaster.errors import SettingsError
from broadcaster.settings import load

STRANGER = 60_581


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    say_read.cache_clear()
    path = tmp_path / ".env"
    path.write_text("BROADCASTER_MAX_ATTEMPTS=7\n")
    path.chmod(0o600)
    return path


def test_a_file_of_the_callers_own_is_read_and_that_is_said_once(
    dotenv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load({}, dotenv).max_attempts == load({}, dotenv).max_attempts == 7
    assert capsys.readouterr().err == f"note: settings are read from {dotenv}\n"


def test_nothing_is_said_where_nothing_of_it_counts(dotenv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load({"BROADCASTER_MAX_ATTEMPTS": "9"}, dotenv).max_attempts == 9
    dotenv.write_text("COMPOSE_PROJECT_NAME=shop\n")
    load({}, dotenv)
    assert load({}, dotenv.with_name("absent")).max_attempts == 5
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(dotenv: Path, mode: int) -> None:
    dotenv.chmod(mode)
    with pytest.raises(SettingsError, match=f"^{dotenv}: others can write .* `chmod go-w` {dotenv}$"):
        load({}, dotenv)


def test_a_file_in_a_directory_that_others_can_write_is_refused(dotenv: Path) -> None:
    dotenv.parent.chmod(0o777)
    with pytest.raises(SettingsError, match=f"`chmod go-w` {dotenv.parent}$"):
        load({}, dotenv)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("theirs", ["file", "directory"])
def test_what_belongs_to_somebody_else_is_refused(dotenv: Path, theirs: str) -> None:
    os.chown(dotenv if theirs == "file" else dotenv.parent, STRANGER, STRANGER)
    with pytest.raises(SettingsError, match="others can write"):
        load({}, dotenv)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"A=1\n" * 20_000])
def test_what_is_no_text_or_too_long_is_one_line(dotenv: Path, content: bytes) -> None:
    dotenv.write_bytes(content)
    with pytest.raises(SettingsError, match=f"^{dotenv}: ") as caught:
        load({}, dotenv)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_no_dotenv_file(dotenv: Path) -> None:
    dotenv.unlink()
    dotenv.mkdir()  # a virtual environment of that name
    assert load({}, dotenv).max_attempts == 5
    dotenv.rmdir()
    os.mkfifo(dotenv)
    assert load({}, dotenv).max_attempts == 5


def test_settings_pass_to_another_process_as_its_environment_whatever_its_dotenv_file(dotenv: Path) -> None:
    settings = load({"BROADCASTER_LOG_JSON": "true", "BROADCASTER_SECRET_KEY_FILE": "key"}, None)
    assert settings.secret_key_file == Path("key").absolute()
    assert load(settings.environment(), dotenv) == settings
