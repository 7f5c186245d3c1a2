"""The words by which people opt out and in again, from a file of the operator's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from broadcaster.domain.inbound_meanings import (
    DEFAULT_WORDS,
    NEAR_MISSES,
    START_WORDS,
    STOP_WORDS,
    ReplyWords,
    every_word,
)
from broadcaster.errors import InputError

_Words = list[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    stop: _Words | None = None
    start: _Words | None = None
    near_miss: _Words | None = None


def read_words(path: Path | None) -> ReplyWords:
    """The words of a TOML file with the lists `stop`, `start` and `near_miss`, each in place of the built-in one.

    None: the built-in ones. Raises InputError.
    """
    if path is None:
        return DEFAULT_WORDS
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise InputError(f"BROADCASTER_REPLY_WORDS_FILE {path}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(
            f'BROADCASTER_REPLY_WORDS_FILE {path}: {error}; it has lists such as stop = ["STOP", "BERHENTI"], '
            "start and near_miss"
        ) from None
    return ReplyWords.of(
        every_word(STOP_WORDS) if found.stop is None else found.stop,
        every_word(START_WORDS) if found.start is None else found.start,
        every_word(NEAR_MISSES) if found.near_miss is None else found.near_miss,
    )
