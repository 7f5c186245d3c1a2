"""Options of commands that write a report as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HTML_PANEL = "As a page"

HtmlFile = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE|-",
        help="Write it as a page instead: one file, which loads nothing, for a screen, a phone or print.",
        rich_help_panel=HTML_PANEL,
    ),
]
WithPhones = Annotated[
    bool,
    typer.Option(
        "--with-phones",
        help="With --html: show phones in full; otherwise they are masked.",
        rich_help_panel=HTML_PANEL,
    ),
]
PageLanguage = Annotated[
    str | None,
    typer.Option(
        "--language",
        metavar="LANGUAGE",
        help="With --html: in which language: en, es, id or pt. Default: BROADCASTER_LANGUAGE, or that of its locale.",
        rich_help_panel=HTML_PANEL,
    ),
]
