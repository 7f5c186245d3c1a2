"""Configuration is read once, and every fault is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broadcaster.errors import SettingsError
from broadcaster.settings import Settings, load


@pytest.mark.parametrize("level", ["LOUD", "7", "NOTSET", "DEBUG "])
def test_a_level_that_does_not_exist_is_refused(level: str) -> None:
    with pytest.raises(SettingsError, match=f"^BROADCASTER_LOG_LEVEL: '{level}' is not DEBUG, INFO"):
        load({"BROADCASTER_LOG_LEVEL": level}, dotenv=None)
    assert load({"BROADCASTER_LOG_LEVEL": "warning"}, dotenv=None).log_level == "warning"


def test_without_urls_the_embedded_servers_under_home_are_meant() -> None:
    settings = load({"BROADCASTER_HOME": "/srv/b"}, dotenv=None)
    assert settings.postgres_url == (
        "postgresql+psycopg://broadcaster_runtime@/broadcaster?host=/srv/b/run&passfile=/srv/b/pgpass-runtime"
    )
    assert settings.migration_url == (
        "postgresql+psycopg://broadcaster@/broadcaster?host=/srv/b/run&passfile=/srv/b/pgpass"
    )
    assert settings.broker_url == "redis+socket:///srv/b/run/redis.sock"


def test_the_sockets_of_a_home_with_a_long_path_are_where_its_link_leads_unless_that_is_open_to_others(
    tmp_path: Path,
) -> None:
    home, elsewhere = tmp_path / ("x" * 90), tmp_path / "elsewhere"
    settings = load({"BROADCASTER_HOME": str(home)}, dotenv=None)
    assert settings.run_dir == home / "run"
    home.mkdir()
    elsewhere.mkdir(mode=0o700)
    (home / "sockets").symlink_to(elsewhere)
    assert settings.run_dir == elsewhere / "run"
    elsewhere.chmod(0o777)
    assert settings.run_dir == home / "run"


@pytest.mark.parametrize("url", ["postgresql://u@h/d", "postgres://u@h/d", "postgresql+psycopg://u@h/d"])
def test_any_spelling_of_a_postgres_url_uses_the_one_driver(url: str) -> None:
    assert load({"BROADCASTER_DATABASE_URL": url}, dotenv=None).postgres_url == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize(
    ("migration", "meant"), [("", "postgresql+psycopg://u@h/d"), ("postgres://o@h/d", "postgresql+psycopg://o@h/d")]
)
def test_migrations_are_run_as_a_role_of_their_own_where_there_is_one(migration: str, meant: str) -> None:
    urls = {"BROADCASTER_DATABASE_URL": "postgresql://u@h/d", "BROADCASTER_MIGRATION_DATABASE_URL": migration}
    assert load(urls, dotenv=None).migration_url == meant
    assert load(urls, dotenv=None).postgres_url == "postgresql+psycopg://u@h/d"


def test_a_url_for_migrations_alone_is_refused() -> None:
    with pytest.raises(
        SettingsError, match=r"^BROADCASTER_MIGRATION_DATABASE_URL: goes with BROADCASTER_DATABASE_URL"
    ):
        load({"BROADCASTER_MIGRATION_DATABASE_URL": "postgresql://o@h/d"}, dotenv=None)


def test_every_variable_at_fault_is_named_in_one_line() -> None:
    with pytest.raises(SettingsError) as refusal:
        load(
            {
                "BROADCASTER_LEASE_SECONDS": "0",
                "BROADCASTER_FLOWER_PORT": "many",
                "BROADCASTER_DATABASE_URL": "mysql://u:hunter2@h/d",
            },
            dotenv=None,
        )
    message = str(refusal.value)
    assert message.count("BROADCASTER_") == 3
    assert "\n" not in message
    assert "hunter2" not in message


def test_a_password_that_can_be_guessed_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError) as refusal:
        load({"BROADCASTER_WEB_PASSWORD": "elevenchars"}, dotenv=None)
    assert str(refusal.value) == "BROADCASTER_WEB_PASSWORD: at least 12 characters are wanted"
    assert load({"BROADCASTER_WEB_PASSWORD": "twelve-chars"}, dotenv=None).web_password == "twelve-chars"


def test_the_environment_goes_before_the_dotenv_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("BROADCASTER_MAX_ATTEMPTS=7\nBROADCASTER_WORKER_THREADS=3\n")
    settings = load({"BROADCASTER_MAX_ATTEMPTS": "9"}, dotenv=dotenv)
    assert (settings.max_attempts, settings.worker_threads) == (9, 3)


def test_every_setting_can_be_given_as_text() -> None:
    given = {
        "home": "/srv/b",
        "database_url": "postgresql://h/d",
        "migration_database_url": "postgresql://h/d",
        "redis_url": "redis://h",
        "country": "id",
        "secret_key_file": "/run/key",
        "timezone": "Asia/Jakarta",
        "log_level": "debug",
        "log_json": "true",
        "allow_private_file_urls": "true",
        "web_allow_changes": "true",
        "web_url": "https://h",
        "web_password": "not-so-short",
        "otlp_endpoint": "http://h:4318",
        "allow_private_webhooks": "true",
        "smtp_url": "smtp://mail.example.com",
        "mail_from": "ops@example.com",
    }
    environ = {f"BROADCASTER_{name.upper()}": given.get(name, "5") for name in Settings.__struct_fields__}
    assert load(environ, dotenv=None).log_json is True


@pytest.mark.parametrize(
    ("written", "meant"), [("TIMEZON", "TIMEZONE"), ("LOKALE", "LOCALE"), ("RETENTION_DAY", "RETENTION_DAYS")]
)
def test_a_variable_that_is_nearly_a_setting_is_refused(written: str, meant: str, tmp_path: Path) -> None:
    """Its value would count for nothing: a campaign at 9:00 would start hours late."""
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"BROADCASTER_{written}=Asia/Jakarta\n")
    with pytest.raises(SettingsError, match=f"^BROADCASTER_{written}: .* did you mean BROADCASTER_{meant}\\?$"):
        load({}, dotenv)


def test_variables_that_a_deployment_has_for_itself_are_none_of_ours() -> None:
    load(dict.fromkeys(re.findall(r"BROADCASTER_\w+", Path("docker-compose.yml").read_text()), ""), None)


def test_a_country_that_is_no_code_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^BROADCASTER_COUNTRY: a two-letter ISO 3166 code is wanted"):
        load({"BROADCASTER_COUNTRY": "Indonesia"}, dotenv=None)


def test_a_time_zone_that_there_is_not_is_refused_with_the_one_that_is_near() -> None:
    with pytest.raises(
        SettingsError, match=r"^BROADCASTER_TIMEZONE: 'Asia/Jakrta' is .*: did you mean Asia/Jakarta\?$"
    ):
        load({"BROADCASTER_TIMEZONE": "Asia/Jakrta"}, dotenv=None)
