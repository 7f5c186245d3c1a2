"""The kinds of content. Pure, and without the templates, for the commands that only show something."""

from __future__ import annotations

from enum import StrEnum


class ContentKind(StrEnum):
    """Which gateway method carries the content."""

    TEXT = "text"
    FILE = "file"
    FILE_URL = "file_url"
