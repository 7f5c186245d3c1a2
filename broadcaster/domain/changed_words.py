"""Which words of a text are others than before. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_AROUND = 3
"""So many words that stayed are shown on either side of a change."""
_LONGEST_SHOWN = 200
"""Characters of what is shown for one change."""
_WORD = re.compile(r"\{\{.*?\}\}|\S+")


def changed_words(was: str, now: str) -> str:
    """For people: `… the sale ends on [Saturday -> Sunday] at noon …`; `[+ new]` was added, `[- old]` left out.

    Where only blanks or line ends are others it says so.
    """
    before, after = _WORD.findall(was), _WORD.findall(now)
    if before == after:
        return "the same words, with other blanks or line ends"
    return "".join(_shown(before, after)).strip()


def _shown(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    operations = matcher.get_opcodes()
    for number, (kind, first, last, start, end) in enumerate(operations):
        if kind == "equal":
            yield _stayed(before[first:last], is_first=number == 0, is_last=number == len(operations) - 1)
        else:
            old, new = (_cut(" ".join(words)) for words in (before[first:last], after[start:end]))
            yield f"[{old} -> {new}]" if old and new else f"[+ {new}]" if new else f"[- {old}]"


def _stayed(words: Sequence[str], *, is_first: bool, is_last: bool) -> str:
    """What stayed between two changes, or before the first or behind the last one: the words next to these."""
    head = [] if is_first else list(words[:_AROUND])
    tail = [] if is_last else list(words[-_AROUND:])
    if len(head) + len(tail) >= len(words):
        return f" {' '.join(words)} "
    return f" {' '.join([*head, '…', *tail])} "


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
