"""Reads a file of differences from the default rules, or refuses it in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from broadcaster.errors import InputError, quoted
from broadcaster.gateway.rules import read_rules

_SHOWN = {"name", "differences", "rules"}
"""The fields that `show --json` writes. Only the differences are read back."""
_EXAMPLE = '{"yes_words": ["success"]}'
_SYNTAX = {
    "Expecting value": "a value is missing here, or a text has no double quotes",
    "Expecting property name enclosed in double quotes": "a name in double quotes is missing, or a comma is too many",
    "Illegal trailing comma before end of object": "a comma is too many",
    "Illegal trailing comma before end of array": "a comma is too many",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing here",
    "Expecting ':' delimiter": "a colon is missing here",
    "Extra data": "something follows after the end",
    "Unterminated string starting at": "a double quote that closes the text is missing",
    "Invalid control character at": "a text goes on in the next line, or holds a tab: write \\n or \\t",
    "Invalid \\escape": "a backslash in a text must be written twice",
}
_UNCHANGED = "nothing was changed"
LONGEST_RULES = 256 * 1024
"""In bytes. The whole default table is about 30 KB, and workers keep one table for each instance."""


def decode_rules(text: str | bytes, source: str) -> dict[str, Any]:
    """The differences in a file. It may be one that `show --json` has written.

    Raises InputError with one line that names `source`, the place, and what to do.
    """
    document = _decoded(text, source)
    if "differences" in document:
        document = _differences(document, source)
    try:
        read_rules(document)
    except InputError as error:
        raise InputError(f"{source}: {error} ({_UNCHANGED})") from None
    _refuse_unstorable(document, source)
    return document


def _decoded(text: str | bytes, source: str) -> dict[str, Any]:
    if len(text) > LONGEST_RULES:
        raise InputError(f"{source}: rules of more than {LONGEST_RULES:,} bytes: give only what differs")
    if not text.strip():
        raise InputError(f"{source} is empty: give rules as JSON, such as {_EXAMPLE}")
    try:
        document = json.loads(text, object_pairs_hook=_unrepeated)
    except json.JSONDecodeError as error:
        said = _SYNTAX.get(error.msg, error.msg)
        raise InputError(
            f"{source}, line {error.lineno}, column {error.colno}: not JSON: {said} ({_UNCHANGED})"
        ) from None
    except _RepeatedError as error:
        raise InputError(f"{source}: {error} is given twice: keep one") from None
    except (ValueError, RecursionError):
        raise InputError(f"{source}: not JSON in UTF-8, nested too deeply, or with an endless number") from None
    if not isinstance(document, dict):
        raise InputError(f"{source}: the rules must be one object in braces, such as {_EXAMPLE}")
    return document


def _differences(shown: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The differences in what `show --json` wrote. It may be of another instance: so rules can be copied."""
    differences = shown["differences"]
    if others := shown.keys() - _SHOWN:
        raise InputError(f"{source}: {quoted(min(others))} stands beside the differences: put it into them")
    if not isinstance(differences, dict):
        raise InputError(f"{source}: differences: must be an object in braces, such as {_EXAMPLE}")
    if "rules" in shown and shown["rules"] != msgspec.json.decode(msgspec.json.encode(read_rules(differences))):
        raise InputError(
            f"{source}: `rules` only shows what the differences come to: change those, and leave `rules` out"
        )
    return differences


def _refuse_unstorable(document: Mapping[str, Any], source: str) -> None:
    try:
        written = json.dumps(document, ensure_ascii=False)
        written.encode()
    except UnicodeEncodeError:
        written = "\\u0000"
    if "\\u0000" in written:
        raise InputError(f"{source}: a text holds a NUL or half of a surrogate pair: remove it ({_UNCHANGED})")


class _RepeatedError(ValueError):
    """A name occurs twice in one object."""


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _RepeatedError(quoted(name))
        found[name] = value
    return found
