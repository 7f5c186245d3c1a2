"""What a campaign sends."""

from enum import StrEnum


class ContentKind(StrEnum):
    """Which gateway method carries the content."""

    TEXT = "text"
    FILE = "file"
    FILE_URL = "file_url"
