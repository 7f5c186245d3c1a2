"""Contacts as vCards (2.1, 3.0 and 4.0, as phones export them) as rows of fields, each with the line of its card.

One card is one row: the phone that is most likely to have WhatsApp, and the name. Cards that are nested, photos and
all other properties are left out. A line that is no property is passed over: programs write vCards as they please.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from broadcaster.errors import InputError
from broadcaster.services.recipients.limits import LONGEST_ROW
from broadcaster.services.recipients.rows import Rows
from broadcaster.services.recipients.text import RecipientText

_HEADER = ("phone", "name", "first_name", "last_name")
_MOST_PHONES = 64
"""Of one card: more are not looked at."""
_PROPERTY = re.compile(
    r"""(?:[A-Za-z0-9_-]+\.)?(?P<name>[A-Za-z0-9-]+)(?P<parameters>(?:;(?:"[^"]*"|[^":;])*)*):(?P<value>.*)""",
    re.DOTALL,
)
_PARAMETER = re.compile(r""";\s*(?:(?P<name>[\w-]+)\s*=)?(?P<value>(?:"[^"]*"|[^";])*)""")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_COMPONENT_END = re.compile(r"(?<!\\);")
_MOBILE = frozenset({"cell", "mobile", "iphone", "whatsapp", "x-mobile"})
_NO_TALK = frozenset({"fax", "pager", "modem", "bbs"})


class _Phone(NamedTuple):
    number: str
    kinds: frozenset[str]


class _Property(NamedTuple):
    line: int
    name: str
    kinds: frozenset[str]
    value: str


class VCardRows:
    """The cards of `text`; used as `RecipientRows` is. Raises InputError for a file without a card."""

    def __init__(self, text: RecipientText) -> None:
        self._text = text
        self._cards = self._read_cards()
        self._first = next(self._cards, None)
        if self._first is None:
            raise InputError(f"{text.name} has no contacts: there is no END:VCARD in it")
        self.header = list(_HEADER)
        self.header_line = 1
        self.notices: Sequence[str] = ()
        self.elsewhere = ""

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read."""
        return self._text.bytes_read

    def peek(self, _most: int) -> Rows:
        """The first card."""
        assert self._first is not None
        line, row = self._first
        return Rows([line], [row])

    def batches(self, size: int) -> Iterator[Rows]:
        """The cards, at most `size` at a time."""
        lines: list[int] = []
        rows: list[list[str]] = []
        for line, row in chain([self._first] if self._first else [], self._cards):
            lines.append(line)
            rows.append(row)
            if len(rows) == size:
                yield Rows(lines, rows)
                lines, rows = [], []
        if rows:
            yield Rows(lines, rows)

    def close(self) -> None:
        """Nothing is held but the file."""

    def _read_cards(self) -> Iterator[tuple[int, list[str]]]:
        start, depth = 0, 0
        names: dict[str, str] = {}
        phones: list[_Phone] = []
        for line, name, kinds, value in map(_decoded, self._unfolded()):
            what = value.strip().upper() if name in {"BEGIN", "END"} else ""
            if name == "BEGIN" and what == "VCARD":
                depth += 1
                if depth == 1:
                    start, names, phones = line, {}, []
            elif name == "END" and what == "VCARD":
                depth = max(0, depth - 1)
                if depth == 0 and start:
                    yield start, _row(names, phones)
                    start = 0
            elif depth == 1 and name == "TEL" and len(phones) < _MOST_PHONES:
                phones.append(_Phone(_unescaped(value.removeprefix("tel:").partition(";ext=")[0]), kinds))
            elif depth == 1 and name in {"FN", "N", "NICKNAME", "ORG"}:
                names.setdefault(name, value)
        if start:
            raise InputError(
                f"{self._text.name}, line {start}: the card that begins here has no END:VCARD; export them again"
            )

    def _unfolded(self) -> Iterator[tuple[int, str]]:
        """Lines as they were before they were broken, each with the number of its first one."""
        begun, held, is_soft = 0, "", False
        for number, raw in enumerate(chain.from_iterable(self._text.blocks()), 1):
            line = raw.rstrip("\r\n")
            if is_soft:
                held = held[:-1] + line
            elif line[:1] in {" ", "\t"} and begun:
                held += line[1:]
            else:
                if begun:
                    yield begun, held
                begun, held = number, line
            if len(held) > LONGEST_ROW:
                # A photo: nobody wants it.
                held = held[:64]
            # Quoted-printable breaks lines its own way. Base64 ends with the same sign.
            is_soft = held.endswith("=") and "QUOTED-PRINTABLE" in held[:200].upper()
        if begun:
            yield begun, held


def _decoded(numbered: tuple[int, str]) -> _Property:
    line, text = numbered
    found = _PROPERTY.fullmatch(text)
    if found is None:
        return _Property(line, "", frozenset(), "")
    kinds: set[str] = set()
    encoding, charset = "", "utf-8"
    for name, value in ((each["name"] or "", each["value"]) for each in _PARAMETER.finditer(found["parameters"])):
        match name.upper():
            case "ENCODING":
                encoding = value.upper()
            case "CHARSET":
                charset = value
            case "PREF":
                kinds.add("pref")
            case "TYPE" | "":
                kinds.update(part.strip().lower() for part in value.strip('"').split(","))
    value = found["value"]
    if "QUOTED-PRINTABLE" in (encoding, *map(str.upper, kinds)):
        value = _quoted_printable(value, charset)
    return _Property(line, found["name"].upper(), frozenset(kinds), value)


def _quoted_printable(value: str, charset: str) -> str:
    try:
        return quopri.decodestring(value.encode()).decode(charset, "replace")
    except (LookupError, binascii.Error):
        return value


def _row(names: Mapping[str, str], phones: Sequence[_Phone]) -> list[str]:
    last, first, *_ = *map(_unescaped, _COMPONENT_END.split(names.get("N", ""))), "", ""
    shown = _unescaped(names.get("FN", "")) or " ".join(filter(None, (first, last)))
    shown = shown or _unescaped(names.get("NICKNAME", "") or names.get("ORG", ""))
    return [_best(phones), shown, first, last]


def _best(phones: Sequence[_Phone]) -> str:
    """The first of the most likely ones: a mobile phone before others, and what is preferred before what is not."""

    def fitness(phone: _Phone) -> tuple[bool, bool, bool]:
        kinds = phone.kinds
        return not kinds & _NO_TALK, bool(kinds & _MOBILE), "pref" in kinds

    return max(phones, key=fitness).number if phones else ""


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], text).strip()
