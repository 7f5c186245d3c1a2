"""Where one can look at what runs here in a browser, and what opens it: Flower, and the view of our own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from broadcaster.cli.output import say
from broadcaster.door_urls import flower_url, web_url
from broadcaster.doors_in_clear import flower_in_clear, web_in_clear
from broadcaster.settings import Settings
from broadcaster.web.web_password import EXTRA, can_serve_web, web_password, web_password_path
from broadcaster.worker.flower_credentials import credentials_path, flower_credentials


def doors_of(settings: Settings) -> list[str]:
    """Where one can look at it in a browser, a line each, and which of it others can listen in on.

    A password that is made now is shown this once.
    """
    flower_file = None if settings.flower_basic_auth else credentials_path(settings)
    flower_is_new = flower_file is not None and not flower_file.exists()
    credentials = flower_credentials(settings)
    told = _told_password(
        "BROADCASTER_FLOWER_BASIC_AUTH", flower_file, credentials.password if flower_is_new else None
    )
    doors = [f"Flower: {flower_url(settings)} user {credentials.user}, {told}"]
    doors += filter(None, [flower_in_clear(settings.flower_bind, settings.flower_port)])
    if not can_serve_web():
        return [*doors, f"web: not started, {EXTRA}"]
    return [*doors, door_of_web(settings), *filter(None, [web_in_clear(settings)])]


def door_of_web(settings: Settings, *, shows_new: bool = True) -> str:
    """Where the view is, and what opens it. A password that is made now is shown this once, if `shows_new`."""
    web_file = None if settings.web_password else web_password_path(settings)
    web_is_new = web_file is not None and not web_file.exists()
    password = web_password(settings)
    told = _told_password("BROADCASTER_WEB_PASSWORD", web_file, password if web_is_new and shows_new else None)
    return f"web: {web_url(settings)} {told}"


def say_doors(doors: Sequence[str]) -> None:
    """Print them, at once."""
    for door in doors:
        say(door)
    sys.stdout.flush()


def _told_password(variable: str, file: Path | None, new: str | None) -> str:
    if file is None:
        return f"password as in {variable}"
    return f"password {new} (shown once, kept in {file})" if new else f"password in {file}"
