"""What is wrong with the values of settings, in words that say what is wanted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from broadcaster.errors import UsageError
from broadcaster.time_zones import find_zone

PREFIX = "BROADCASTER_"
"""With which the names of all variables begin that settings are read from."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
"""In any case of letters."""
_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")
"""What can stand in a header as it is, and is one address."""
_NEARLY = 0.8
"""So much of a name (difflib's ratio) is that of a setting where that one was meant."""
_WANTED = {
    "Expected `int`, got `str`": "a whole number is wanted",
    "Expected `int | null`, got `str`": "a whole number is wanted",
    "Expected `str` of length >= 12": "at least 12 characters are wanted",
    "Expected `str` matching regex '^[A-Za-z]{2}$'": "a two-letter ISO 3166 code is wanted, such as ID or GB",
}


def said_fault(name: str, error: Exception) -> str:
    """Why the value of a setting could not be read."""
    return f"{PREFIX}{name.upper()}: {_WANTED.get(str(error), error)}"


def faults_of(fields: Mapping[str, Any]) -> list[str]:
    """What is wrong with settings whose values could be read."""
    return [*_url_faults(fields), *_mail_faults(fields), *_zone_faults(fields), *_log_level_faults(fields)]


def misspelt(values: Mapping[str, str], settings: Collection[str]) -> list[str]:
    """Variables that nearly have the name of a setting. Others with our prefix may be those of a deployment's own."""
    known = [name.upper() for name in settings]
    written = [name.removeprefix(PREFIX) for name in values if name.startswith(PREFIX)]
    unknown = [name for name in written if name not in known]
    if not unknown:
        return []
    import difflib  # noqa: PLC0415 - start-up time: hardly ever needed

    near = {name: difflib.get_close_matches(name, known, 1, _NEARLY) for name in unknown}
    return [
        f"{PREFIX}{name}: no setting is called so; did you mean {PREFIX}{meant}?"
        for name, found in near.items()
        for meant in found
    ]


def _url_faults(fields: Mapping[str, Any]) -> list[str]:
    postgres = ("user:password@host:5432/database", "postgresql", "postgres", "postgresql+psycopg")
    wanted = {
        "database_url": postgres,
        "migration_database_url": postgres,
        "redis_url": ("host:6379/0", "redis", "rediss", "redis+socket", "unix"),
        "web_url": ("broadcaster.example.com", "https", "http"),
        "otlp_endpoint": ("127.0.0.1:4318", "http", "https"),
        "smtp_url": ("user:password@host:587", "smtp", "smtps"),
    }
    # The value is not shown: in what is no such URL, nobody knows which part is the password.
    faults = [
        f"{PREFIX}{name.upper()}: must be a URL like {schemes[0]}://{usual}"
        for name, (usual, *schemes) in wanted.items()
        if name in fields and (fields[name].split("://", 1)[0] not in schemes or not _parses(fields[name]))
    ]
    if "migration_database_url" in fields and "database_url" not in fields:
        faults.append(
            f"{PREFIX}MIGRATION_DATABASE_URL: goes with {PREFIX}DATABASE_URL; the embedded Postgres needs neither"
        )
    return faults


def _mail_faults(fields: Mapping[str, Any]) -> list[str]:
    faults = []
    server = fields.get("smtp_url", "")
    if server.startswith(("smtp://", "smtps://")) and _parses(server) and not urlsplit(server).hostname:
        faults.append(f"{PREFIX}SMTP_URL: names no host")
    if "mail_from" in fields and not _MAIL_ADDRESS.fullmatch(fields["mail_from"]):
        faults.append(f"{PREFIX}MAIL_FROM: a mail address is wanted, such as broadcaster@example.com")
    return faults


def _log_level_faults(fields: Mapping[str, Any]) -> list[str]:
    level = fields.get("log_level", "INFO")
    if level.upper() in LOG_LEVELS:
        return []
    return [f"{PREFIX}LOG_LEVEL: {level!r} is not {', '.join(LOG_LEVELS[:-1])} or {LOG_LEVELS[-1]}"]


def _zone_faults(fields: Mapping[str, Any]) -> list[str]:
    try:
        if "timezone" in fields:
            find_zone(fields["timezone"], f"{PREFIX}TIMEZONE:")
    except UsageError as error:
        return [str(error)]
    return []


def _parses(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
