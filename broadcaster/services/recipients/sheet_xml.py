"""The XML of one sheet, read for what its values do not say. An event for each cell, and no tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from xml.parsers import expat

from broadcaster.services.recipients.formula_errors import is_formula_error

_MOST_ERRORS = 1 << 16
"""Cells with errors that are known by their place: a formula that is broken is so in every row."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")


@dataclass(slots=True)
class SheetParts:
    """What is to be known of a sheet beside its values."""

    hidden: list[tuple[int, int]] = field(default_factory=list)
    """The first and the last of hidden rows that follow each other, in their order."""
    without_value: str | None = None
    """The first cell, such as `B2`, with a formula that has no value."""
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    """What cells show that are errors, such as `#N/A`, by row from 1 and column from 0."""


class _LocalNames(dict[str, str]):
    """Names without their prefix, which any program may choose. Each is cut once: there are millions of cells."""

    def __missing__(self, name: str) -> str:
        local = self[name] = name.rpartition(":")[2]
        return local


class SheetXml:
    """Feed it the bytes of a sheet's XML, end it, and read `parts`. Raises ExpatError for what is not well-formed."""

    signs: tuple[bytes, ...] = ()
    """XML without any of these has nothing to tell."""

    def __init__(self) -> None:
        self.parts = SheetParts()
        self._local = _LocalNames()
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin_element

    def may_tell(self, piece: bytes) -> bool:
        """Whether a piece of the XML, which may begin anywhere in it, can have anything of interest."""
        return piece.startswith(_UTF_16) or any(sign in piece for sign in self.signs)

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        self._parser.Parse(piece, False)

    def end(self) -> None:
        """That was all."""
        self._parser.Parse(b"", True)

    def _begin_element(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def _add_hidden(self, first: int, last: int) -> None:
        if self.parts.hidden and self.parts.hidden[-1][1] == first - 1:
            first = self.parts.hidden.pop()[0]
        self.parts.hidden.append((first, last))

    def _add_error(self, row: int, column: int, shown: str) -> None:
        if len(self.parts.errors) < _MOST_ERRORS:
            self.parts.errors[row, column] = shown

    def _add_without_value(self, row: int, column: int) -> None:
        if self.parts.without_value is None:
            self.parts.without_value = f"{_letters(column)}{row}"


class ExcelSheet(SheetXml):
    """A sheet of an .xlsx file (ECMA-376, part 1, 18.3.1)."""

    signs = (b"<f", b":f", b"hidden", b'"e"', b"'e'")

    def __init__(self) -> None:
        super().__init__()
        self._row = 0
        # Where cells do not say their place, they follow each other.
        self._place, self._after_place = "", 0
        self._kind = ""
        self._value: list[str] = []
        self._is_begun = False
        """Nothing of the cell was seen but that it begins."""
        self._is_open = self._has_formula = False

    def end(self) -> None:
        """That was all."""
        super().end()
        if self._is_open:
            self._end_cell()

    def _begin_element(self, name: str, attributes: dict[str, str]) -> None:
        match self._local[name]:
            case "v" | "is":
                self._is_begun = False
                if self._is_open:
                    self._parser.CharacterDataHandler = self._value.append
            case "c":
                self._begin_cell(attributes.get("r"), attributes.get("t", "n"))
            case "f" if self._is_begun:
                self._has_formula = self._is_open = True
            case "row":
                if self._is_open:
                    self._end_cell()
                row = attributes.get("r", "")
                self._row = int(row) if row.isdecimal() else self._row + 1
                self._place, self._after_place = "", 0
                if attributes.get("hidden") in {"1", "true"}:
                    self._add_hidden(self._row, self._row)
            case _:
                # Behind the rows there are other formulas, such as those of conditional formats.
                self._is_begun = False

    def _begin_cell(self, place: str | None, kind: str) -> None:
        # Nothing is called where elements end: that would double the time.
        if self._is_open:
            self._end_cell()
        if place is None:
            self._after_place += 1
        else:
            self._place, self._after_place = place, 0
        self._kind = kind
        self._is_begun, self._has_formula, self._is_open = True, False, kind == "e"

    def _end_cell(self) -> None:
        self._is_open, self._parser.CharacterDataHandler = False, None
        value = "".join(self._value).strip()
        self._value.clear()
        if self._kind == "e" and value:
            self._add_error(self._row, _column(self._place) + self._after_place, value)
        elif self._has_formula and not value and self._kind != "str":
            self._add_without_value(self._row, _column(self._place) + self._after_place)


class OpenDocumentSheet(SheetXml):
    """A sheet of an .ods file (OpenDocument 1.3, part 3, 9.1), by its name; `calcext` is LibreOffice's."""

    signs = (b"formula", b"visibility", b"error")

    def __init__(self, sheet: str) -> None:
        super().__init__()
        self._sheet = sheet
        self._is_wanted = False
        self._row = self._row_after = 0
        self._column = self._column_after = 0
        self._cell: Mapping[str, str] = {}
        self._shown: list[str] = []
        self._comments = 0

    def _begin_element(self, name: str, attributes: dict[str, str]) -> None:
        match self._local[name]:
            case "table":
                self._is_wanted = attributes.get("table:name") == self._sheet
                self._row = self._row_after = 0
            case "table-row" if self._is_wanted:
                self._row = self._row_after + 1
                self._row_after += _count(attributes.get("table:number-rows-repeated"))
                self._column_after = 0
                if attributes.get("table:visibility") in {"filter", "collapse"}:
                    self._add_hidden(self._row, self._row_after)
            case "table-cell" | "covered-table-cell" if self._is_wanted:
                self._column = self._column_after
                self._column_after += _count(attributes.get("table:number-columns-repeated"))
                if "table:formula" in attributes or attributes.get("calcext:value-type") == "error":
                    self._cell, self._shown, self._comments = attributes, [], 0
                    self._watch(closely=True)
            case "annotation":
                self._comments += 1

    def _watch(self, *, closely: bool) -> None:
        """Be told of texts and of ends, too: it takes time, so only within cells that matter."""
        self._parser.EndElementHandler = self._end_element if closely else None
        self._parser.CharacterDataHandler = self._text if closely else None

    def _text(self, text: str) -> None:
        if not self._comments:
            self._shown.append(text)

    def _end_element(self, name: str) -> None:
        match self._local[name]:
            case "annotation":
                self._comments -= 1
            case "table-cell" | "covered-table-cell":
                self._end_cell("".join(self._shown).strip())
                self._watch(closely=False)

    def _end_cell(self, shown: str) -> None:
        cell = self._cell
        if cell.get("calcext:value-type") == "error" or is_formula_error(shown):
            places = (
                (row, column)
                for row in range(self._row, self._row_after + 1)
                for column in range(self._column, self._column_after)
            )
            for row, column in islice(places, _MOST_ERRORS):
                self._add_error(row, column, shown or "#N/A")
        elif not shown and "office:value-type" not in cell:
            self._add_without_value(self._row, self._column)


def _count(repeated: str | None) -> int:
    return int(repeated) if repeated is not None and repeated.isdecimal() else 1


def _column(place: str) -> int:
    """The column of `B2`, from 0; that before the first one where there is no place."""
    number = 0
    for letter in place:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter.upper()) - ord("A") + 1
    return number - 1


def _letters(column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, digit = divmod(column - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters
