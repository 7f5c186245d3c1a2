"""Contacts as vCards (2.1, 3.0 and 4.0, as phones export them) as rows of fields, each with the line of its card.

One card is one row: the phone that is most likely to have WhatsApp, and the name. Agents' cards (2.1), photos and all
other properties are left out. A line that is no property is passed over: programs write vCards as they please. But a
card that does not end before the next one, or does not begin, refuses the file: somebody would be lost without a word.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from broadcaster.errors import InputError, quoted
from broadcaster.services.recipients.limits import LONGEST_ROW
from broadcaster.services.recipients.rows import Rows
from broadcaster.services.recipients.text import RecipientText, text_codec

_HEADER = ("phone", "name", "first_name", "last_name")
_MOST_PHONES = 64
"""Of one card: more are not looked at."""
_PROPERTY = re.compile(
    r"""(?:(?P<group>[A-Za-z0-9_-]+)\.)?(?P<name>[A-Za-z0-9-]+)(?P<parameters>(?:;(?:"[^"]*"|[^":;])*)*):(?P<value>.*)""",
    re.DOTALL,
)
_PARAMETER = re.compile(r""";\s*(?:(?P<name>[\w-]+)\s*=)?(?P<value>(?:"[^"]*"|[^";])*)""")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_COMPONENT_END = re.compile(r"(?<!\\);")
_MOBILE = frozenset({"cell", "mobile", "iphone", "whatsapp", "x-mobile"})
_NO_TALK = frozenset({"fax", "pager", "modem", "bbs"})


_WANTED = frozenset({"TEL", "FN", "N", "NICKNAME", "ORG", "X-ABLABEL", "BEGIN", "END", "AGENT"})
_PREFERENCE = re.compile(r"[1-9]\d?|100")
_LEAST_PREFERRED = 101
"""Beyond what PREF may be (RFC 6350, section 5.3): 1 is the most preferred."""


class _Phone(NamedTuple):
    number: str
    group: str
    kinds: frozenset[str]
    preference: int


class _Property(NamedTuple):
    line: int
    group: str
    """What a property and its label have in common: `item1` of `item1.TEL`."""
    name: str
    kinds: frozenset[str]
    preference: int
    value: str


class _Card:
    """What is wanted of a card so far."""

    def __init__(self, line: int) -> None:
        self.line = line
        self._names: dict[str, str] = {}
        self._phones: list[_Phone] = []
        self._labels: dict[str, str] = {}

    def add(self, found: _Property) -> None:
        """Take a property of the card."""
        match found.name:
            case "TEL" if len(self._phones) < _MOST_PHONES:
                number = _unescaped(found.value.removeprefix("tel:").partition(";ext=")[0])
                self._phones.append(_Phone(number, found.group, found.kinds, found.preference))
            case "X-ABLABEL" if len(self._labels) < _MOST_PHONES:
                self._labels[found.group] = found.value.casefold()
            case "FN" | "N" | "NICKNAME" | "ORG":
                self._names.setdefault(found.name, found.value)

    def row(self) -> list[str]:
        """The fields of the header."""
        names = self._names
        last, first, *_ = *map(_unescaped, _COMPONENT_END.split(names.get("N", ""))), "", ""
        shown = _unescaped(names.get("FN", "")) or " ".join(filter(None, (first, last)))
        shown = shown or _unescaped(names.get("NICKNAME", "") or names.get("ORG", ""))
        return [max(self._phones, key=self._fitness).number if self._phones else "", shown, first, last]

    def _fitness(self, phone: _Phone) -> tuple[bool, bool, int]:
        """A mobile phone before others, and what is preferred before what is not."""
        # iPhones write what a phone is as a label: `HomeFAX`, or what its owner calls it.
        label = self._labels.get(phone.group, "") if phone.group else ""
        kinds = phone.kinds | {kind for kind in _MOBILE | _NO_TALK if kind in label}
        return not kinds & _NO_TALK, bool(kinds & _MOBILE), -phone.preference


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
        self.hidden: Sequence[tuple[int, int]] = ()
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
        card: _Card | None = None
        agents, is_agent_next = 0, False
        for found in filter(None, map(self._decoded, self._unfolded())):
            bound = f"{found.name}:{found.value.strip().upper()}"
            if card is None:
                if bound == "END:VCARD":
                    raise self._damaged(found.line, "a card ends here that has not begun")
                card = _Card(found.line) if bound == "BEGIN:VCARD" else None
            elif bound == "BEGIN:VCARD":
                if not is_agent_next:
                    raise self._damaged(found.line, f"a card begins here, and that of line {card.line} has not ended")
                agents += 1
            elif bound == "END:VCARD" and agents:
                agents -= 1
            elif bound == "END:VCARD":
                yield card.line, card.row()
                card = None
            elif not agents:
                card.add(found)
            is_agent_next = found.name == "AGENT"
        if card is not None:
            raise self._damaged(card.line, "the card that begins here has no END:VCARD")

    def _damaged(self, line: int, what: str) -> InputError:
        return InputError(f"{self._text.name}, line {line}: {what}; export them again")

    def _decoded(self, numbered: tuple[int, str]) -> _Property | None:
        """A property, if it is wanted. Raises InputError where its value is in no encoding of texts."""
        line, text = numbered
        found = _PROPERTY.fullmatch(text)
        if found is None or (name := found["name"].upper()) not in _WANTED:
            return None
        kinds: set[str] = set()
        preference = _LEAST_PREFERRED
        encoding, charset = "", "utf-8"
        for key, value in ((each["name"] or "", each["value"]) for each in _PARAMETER.finditer(found["parameters"])):
            match key.upper():
                case "ENCODING":
                    encoding = value.upper()
                case "CHARSET":
                    charset = value.strip().strip('"')
                case "PREF":
                    preference = int(value) if _PREFERENCE.fullmatch(value) else _LEAST_PREFERRED - 1
                case "TYPE" | "":
                    kinds.update(part.strip().lower() for part in value.strip('"').split(","))
        if "pref" in kinds:
            preference = 1
        value = found["value"]
        if "quoted-printable" in kinds or encoding == "QUOTED-PRINTABLE":
            codec = text_codec(charset)
            if codec is None:
                raise self._damaged(line, f"CHARSET {quoted(charset)} is no encoding of texts")
            value = codec.decode(quopri.decodestring(value.encode()), "replace")[0]
        return _Property(line, found["group"] or "", name, frozenset(kinds), preference, value)

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


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], text).strip()
