"""How commands show things: lines, tables for people, JSON for programs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from broadcaster.cli.own_process import as_called

if TYPE_CHECKING:
    from rich.console import Console

_MOST_DRAWN = 1_000
"""Rows: to fit one to a terminal takes a millisecond."""
_BATCH = 500
"""Items that are written at once."""
_NARROWEST = 16
"""Places that a column which wraps has at least: in fewer nobody reads a sentence."""
_GAP = "  "
_PLAIN = (str, int, float)
_PIPE_WIDTH = 10_000
"""The width of a table without a terminal and without COLUMNS: wide enough that one row is one line."""


def one_line(text: str) -> str:
    """The text on one line. Characters that a terminal acts on are written out, such as `\\x1b`."""
    joined = " ".join(text.split("\n"))
    if joined.isprintable():
        return joined
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in joined)


_ACTED_ON = "\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
"""What terminals act on besides the first 32 characters: DEL, C1, and marks that change the text's direction."""
_ACTED_ON_IN_JSON = re.compile(f"[{_ACTED_ON}]")
_ACTED_ON_IN_CSV = re.compile(f"[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f{_ACTED_ON}]|\\r(?!\\n)")


def csv_field(text: str) -> str:
    """The text for CSV on a terminal. Characters that it acts on are written out, except tabs and line ends."""
    return _ACTED_ON_IN_CSV.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(text: str) -> None:
    """One line of a result."""
    sys.stdout.write(f"{one_line(as_called(text))}\n")


def warn(text: str) -> None:
    """One line on stderr about something that did not stop the command."""
    sys.stderr.write(f"warning: {one_line(as_called(text))}\n")


def say_json(document: Any, *, indent: bool = True) -> None:
    """A result for programs. Moments are ISO 8601 in UTC."""
    encoded = json_item(document)
    _write_json((msgspec.json.format(encoded, indent=2) if indent else encoded).decode())
    sys.stdout.write("\n")


def json_item(document: Any) -> bytes:
    """A part of a long document, as short as it can be: for `say_json_items`, or as `msgspec.Raw` for `say_json`."""
    return msgspec.json.encode(_in_utc(document))


def say_json_items(items: Iterable[bytes]) -> None:
    """What `say_json` writes of a list, one item after the other."""
    _write_items(items, "")
    sys.stdout.write("\n")


def say_json_with_items(document: Mapping[str, Any], name: str, items: Iterable[bytes]) -> None:
    """What `say_json` writes of a document with a list called `name` at its end, one item after the other."""
    head = msgspec.json.format(json_item(document), indent=2).decode().removesuffix("\n}")
    _write_json(f'{head},\n  "{name}": ')
    _write_items(items, "  ")
    sys.stdout.write("\n}\n")


def _write_items(items: Iterable[bytes], indent: str) -> None:
    before, after, left = "[", "[]", iter(items)
    while batch := list(islice(left, _BATCH)):
        # Line ends can only be between values, as in strings they are escaped.
        listed = msgspec.json.format(b"[%b]" % b",".join(batch), indent=2).decode()
        _write_json(before + listed[1:-2].replace("\n", f"\n{indent}"))
        before, after = ",", f"\n{indent}]"
    sys.stdout.write(after)


def _write_json(text: str) -> None:
    # They can only be in strings, where JSON readers undo the escape.
    sys.stdout.write(_ACTED_ON_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def say_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    styles: Mapping[str, str] | None = None,
    folded: Collection[str] = (),
) -> None:
    """Print rows under headers, with numbers aligned to the right.

    `styles` gives the style of a cell by its text before a colon. On a narrow terminal the `folded` columns wrap.
    Where that would leave them too narrow to be read, each row is a paragraph with a line for each column.
    A table of more than _MOST_DRAWN rows is plain, and none of its columns wraps.
    """
    listed = list(rows)
    numbers = [bool(listed) and all(isinstance(row[index], int) for row in listed) for index in range(len(headers))]
    cells = [[_cell(value) for value in row] for row in listed]
    screen = console()
    is_long = len(cells) > _MOST_DRAWN
    widths = _widths(headers, cells)
    narrowest = [
        min(width, _NARROWEST) if header in folded and not is_long else width
        for header, width in zip(headers, widths, strict=True)
    ]
    if sum(narrowest) + len(_GAP) * (len(headers) - 1) > screen.width:
        _write_paragraphs(screen, headers, cells)
    elif is_long:
        _write_plain_table([headers, *cells], widths, numbers)
    else:
        _draw_table(screen, headers, cells, numbers, styles or {}, folded)


def _draw_table(
    screen: Console,
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Sequence[bool],
    styles: Mapping[str, str],
    folded: Collection[str],
) -> None:
    from rich.table import Table  # noqa: PLC0415 - start-up time: `--json` needs no tables
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for header, is_number in zip(headers, numbers, strict=True):
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(header, justify=justify, no_wrap=header not in folded, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=styles.get(cell.partition(":")[0], "")) for cell in row))
    with screen.capture() as drawn:
        screen.print(table)
    # Without a terminal, rows are padded to the longest one.
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))


def _widths(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[int]:
    """How many places the longest cell of each column takes."""
    from rich.cells import cell_len  # noqa: PLC0415 - start-up time, as above

    return [max(map(cell_len, column)) for column in zip(headers, *rows, strict=True)]


def _write_plain_table(lines: Iterable[Sequence[str]], widths: Sequence[int], numbers: Sequence[bool]) -> None:
    """The same without what depends on a terminal."""
    from rich.cells import cell_len  # noqa: PLC0415 - start-up time, as above

    for line in lines:
        padded = []
        for cell, width, is_number in zip(line, widths, numbers, strict=True):
            blanks = " " * (width - cell_len(cell))
            padded.append(blanks + cell if is_number else cell + blanks)
        sys.stdout.write(f"{_GAP.join(padded).rstrip()}\n")


def _write_paragraphs(screen: Console, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A line for each cell that is not empty, behind its header, and an empty line between rows."""
    from rich.text import Text  # noqa: PLC0415 - start-up time, as above

    indent = max(map(len, headers)) + len(_GAP)
    width = max(screen.width - indent, _NARROWEST)
    between = ""
    for row in rows:
        sys.stdout.write(between)
        between = "\n"
        for header, cell in zip(headers, row, strict=True):
            lines = Text(cell).wrap(screen, width, overflow="fold") if cell else ()
            for name, line in zip(chain([header], repeat("")), lines, strict=False):
                sys.stdout.write(f"{name:<{indent}}{line}".rstrip() + "\n")


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else one_line(as_called(str(value)))


def say_fields(fields: Mapping[str, object]) -> None:
    """Print named values, one per line; lists are of texts."""
    width = max(map(len, fields))
    for name, value in fields.items():
        say(f"{name:<{width}}  {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:,}" if isinstance(value, int) else "-" if value is None else str(value)


def console(*, stderr: bool = False) -> Console:
    """A console that leaves text as it is: no markup, no emoji, no highlighting.

    Programs that pipe to a terminal, such as `watch`, set COLUMNS to its width.
    """
    from rich.console import Console  # noqa: PLC0415 - start-up time, as above

    stream = sys.stderr if stderr else sys.stdout
    columns = os.environ.get("COLUMNS", "")
    piped = int(columns) if columns.isdecimal() and int(columns) else _PIPE_WIDTH
    return Console(file=stream, width=None if stream.isatty() else piped, markup=False, emoji=False, highlight=False)


def utc_time(moment: datetime) -> str:
    """A moment for programs, to the second: `2026-11-23T02:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _in_utc(value: Any) -> Any:
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, msgspec.Struct):
        return _in_utc(msgspec.to_builtins(value, builtin_types=(datetime,)))
    if isinstance(value, Mapping):
        # Most values are plain, and of a long list each item comes here.
        return {
            str(name): inner if inner is None or isinstance(inner, _PLAIN) else _in_utc(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_in_utc(inner) for inner in value]
    return value
