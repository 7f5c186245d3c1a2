"""Writes a report as a page: one file, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from broadcaster.cli.output import say
from broadcaster.cli.output_files import STANDARD_OUTPUT, open_output
from broadcaster.errors import UsageError
from broadcaster.settings import Settings
from broadcaster.time_zones import shown_zone

if TYPE_CHECKING:
    from broadcaster.pages.languages import Language


def check_page_options(html: Path | None, language: str | None, *, as_json: bool, with_phones: bool = False) -> None:
    """Raise UsageError where they contradict each other."""
    if html is not None and as_json:
        raise UsageError("--html with --json: a report is written as the one or the other, so leave one out")
    if html is None and with_phones:
        raise UsageError("--with-phones is for --html FILE: add it, or leave this out")
    if html is None and language is not None:
        raise UsageError("--language is for --html FILE: add it, or leave this out")


def page_language(settings: Settings, chosen: str | None) -> Language:
    """In which language pages are written, with the clocks that commands show. Raises UsageError."""
    from broadcaster.pages.languages import language_of  # noqa: PLC0415 - start-up time: Babel

    return language_of(settings, shown_zone(), chosen)


def write_page(html: Path, page: str, what: str) -> None:
    """Write the page, and say where it is. Only its owner may read it. Raises InputError."""
    with open_output(html) as file:
        file.write(page)
    if html != STANDARD_OUTPUT:
        say(f"the report of {what} is in {html}")
