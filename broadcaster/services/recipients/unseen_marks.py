"""Characters of values that nobody sees and that do something: controls, and marks that turn the direction of writing.

A text may not have controls either (`new_content`). Postgres stores no NUL, and a terminal obeys an ESC. A list with
them is damaged, or was read in the wrong encoding, so their rows are rejected. Marks of direction come with values
that are copied from address books. They are left out, as they are of phones and names of columns: an override shows
other words than are sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from broadcaster.domain.names import LAYOUT, first_control

_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


class SeenColumns(NamedTuple):
    """Columns without marks of direction."""

    columns: dict[str, Sequence[str]]
    controls: dict[int, tuple[str, str]]
    """Of rows with a control character, by index: in which column the first one is, and which it is (`U+001B`)."""
    turned: int
    """How many values marks of direction were left out of."""


def without_unseen(columns: Mapping[str, Sequence[str]]) -> SeenColumns:
    """The columns of some rows, by variable."""
    kept: dict[str, Sequence[str]] = dict(columns)
    controls: dict[int, tuple[str, str]] = {}
    turned = 0
    for name, values in columns.items():
        # Nearly all columns are printable, and one call says so for all of their values.
        joined = "".join(values)
        if joined.isprintable():
            continue
        if _DIRECTIONS.search(joined):
            turned += sum(map(bool, map(_DIRECTIONS.search, values)))
            kept[name] = [_DIRECTIONS.sub("", value) for value in values]
        if first_control(joined, LAYOUT) is not None:
            for row, value in enumerate(values):
                if (place := first_control(value, LAYOUT)) is not None:
                    controls.setdefault(row, (name, f"U+{ord(value[place]):04X}"))
    return SeenColumns(kept, controls, turned)


def showing_controls(written: str) -> str:
    """A value that is kept as it was written, with a sign in place of what no database stores."""
    return written.replace("\0", "\N{REPLACEMENT CHARACTER}")
