"""The header of a recipients file: what its columns are called, and which of them holds the phones.

Names are compared in one Unicode form and without marks that cannot be seen. Where no column has the wanted name, the
values say which one has the phones.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from broadcaster.domain.phones import PhoneFault, PhoneNormaliser
from broadcaster.domain.templates import PHONE_VARIABLE, variable_name
from broadcaster.errors import InputError, listed, quoted
from broadcaster.services.recipients.known_exports import KNOWN_EXPORTS, KnownExport
from broadcaster.services.recipients.limits import MAX_COLUMNS
from broadcaster.services.recipients.phone_columns import PhoneColumn

PHONE_COLUMN = PHONE_VARIABLE
"""The column with the phones, unless another one is named."""
E164_COLUMN = "phone_e164"
"""The same where all phones have their country code, as in `audience export`."""
PHONE_KEY = ""
"""The key of the phone in a row's variables until it is taken out; no variable can be called so."""

_LONGEST_COLUMN = 200
"""Characters of a column's name."""

# They join letters within words of some scripts; at a name's ends they are nothing.
_JOINERS = "\u200c\u200d"
_CALLED_PHONE = re.compile(
    r"phone|telp|tele?f|\btel\b|mobil|handy|whats|cell|\b(?:hp|wa|gsm|msisdn)\b|ponsel|seluler|móvil|celular|電話|电话|手机"
)


class PeekedRows(NamedTuple):
    """The first rows after the header, and the number of each."""

    lines: Sequence[int]
    rows: Sequence[Sequence[str]]


class Header(NamedTuple):
    """What the columns are, in their order."""

    columns: tuple[str, ...]
    """As written, but for what cannot be seen."""
    keys: tuple[str, ...]
    """The variable name of each, with PHONE_KEY for the phones."""
    notice: str | None
    """For people: that another column than the usual one was taken for the phones."""
    phones: Sequence[PhoneColumn]
    """All columns with phones of one person, where each row has its own of them; empty: there is one."""


def read_header(
    fields: Sequence[str], wanted: str | None, country: str | None, sample: PeekedRows, where: str, elsewhere: str
) -> Header:
    """What a header of these fields means; `wanted` is the column that was named for the phones.

    `where` is the place of the header for messages, and `elsewhere` what they say of other places to look at.
    Raises InputError for a header that cannot be used, and says what it could be.
    """
    columns = tuple(map(visible, fields))
    if len(columns) > MAX_COLUMNS:
        raise InputError(f"{where}: {len(columns)} columns, and at most {MAX_COLUMNS} are allowed; remove some")
    found = _PhoneSearch(columns, wanted, country, sample, where, elsewhere)
    phone = found.index()
    return Header(columns, _variable_keys(columns, phone, where), found.notice, found.phones)


def visible(name: str) -> str:
    """The name without marks that cannot be seen, with single spaces, in Unicode's form NFC."""
    shown = "".join(c for c in name if c in _JOINERS or c.isspace() or not _cannot_be_seen(c))
    return unicodedata.normalize("NFC", " ".join(shown.split()).strip(_JOINERS))


def folded(name: str) -> str:
    """What names are compared by: `Téléphone` in any case, any Unicode form, with or without invisible marks."""
    plain = unicodedata.normalize("NFKC", visible(name)).casefold()
    return unicodedata.normalize("NFKC", plain.translate(dict.fromkeys(map(ord, _JOINERS))))


def phones_among(values: Sequence[str], country: str | None) -> int:
    """How many of the values are phones, or could be if their country were known."""
    faults = PhoneNormaliser(country).all(values).faults
    national = sum(
        fault is PhoneFault.NEEDS_COUNTRY and sum(map(str.isdigit, values[index])) >= 9
        for index, fault in faults.items()
    )
    return len(values) - len(faults) + national


def _cannot_be_seen(character: str) -> bool:
    return unicodedata.category(character) in {"Cf", "Cc"}


def _variable_keys(columns: tuple[str, ...], phone: int, where: str) -> tuple[str, ...]:
    keys: dict[str, str] = {}
    for index, column in enumerate(columns):
        key = PHONE_KEY if index == phone else variable_name(column)
        if not key and index != phone:
            what = f"the name {quoted(column)} has no letters or digits" if column else "the column has no name"
            raise InputError(f"{where}, column {index + 1}: {what}; name it in the header, or remove it")
        if len(key) > _LONGEST_COLUMN:
            raise InputError(
                f"{where}, column {index + 1}: the name is longer than {_LONGEST_COLUMN} characters; shorten it"
            )
        if key in keys:
            raise InputError(
                f"{where}: columns {quoted(keys[key])} and {quoted(column)} are both {{{{ {key} }}}} in templates; "
                "rename or remove one"
            )
        keys[key] = column
    return tuple(keys)


class _PhoneSearch:
    """Looks for the column with the phones."""

    def __init__(
        self,
        columns: Sequence[str],
        wanted: str | None,
        country: str | None,
        sample: PeekedRows,
        where: str,
        other: str,
    ) -> None:
        self.notice: str | None = None
        self.phones: Sequence[PhoneColumn] = ()
        self._columns = columns
        self._folded = [folded(column) for column in columns]
        self._width = sum(map(bool, columns))
        self._wanted = visible(wanted or PHONE_COLUMN)
        self._is_named = wanted is not None
        self._country = country
        self._sample = sample
        self._where = where
        self._elsewhere = other

    def index(self) -> int:
        """Raises InputError where there is none, or more than one."""
        found = self._called(self._wanted)
        if not (found or self._is_named):
            found = self._called(E164_COLUMN)
        if len(found) == 1:
            if not self._is_named and (others := self._others_with_phones(found)):
                self.notice = (
                    f"phones are taken from column {quoted(self._columns[found[0]])}; there are also phones in "
                    f"{listed(others)}: --phone-column takes another one"
                )
            return found[0]
        if found:
            raise InputError(
                f"{self._where}: {len(found)} columns are called {quoted(self._wanted)}; rename or remove all but one"
            )
        known = None if self._is_named else self._of_known_export()
        if known is None:
            raise self._missing()
        return known

    def _called(self, name: str) -> list[int]:
        return [index for index, column in enumerate(self._folded) if column == folded(name)]

    def _of_known_export(self) -> int | None:
        """The first column of a known program's export that has phones."""
        for export in KNOWN_EXPORTS:
            if not export.is_header(self._folded):
                continue
            for name in export.phones:
                index = self._folded.index(name) if name in self._folded else -1
                if index >= 0 and self._phones_in(index):
                    self._take(export, index)
                    return index
        return None

    def _take(self, export: KnownExport, index: int) -> None:
        if not export.is_address_book:
            self.notice = self._export_notice(export, index)
            return
        self.notice = f"this looks like an export of {export.program}"
        self.phones = [
            PhoneColumn(place, self._columns[place], self._first_called(export.label_of(name)))
            for name in export.phones
            if (place := self._first_called([name])) is not None
        ]
        if others := self._others_with_phones([column.field for column in self.phones]):
            self.notice += f", whose columns are looked at, and not {listed(others)}"

    def _first_called(self, names: Sequence[str]) -> int | None:
        return next((self._folded.index(name) for name in names if name in self._folded), None)

    def _export_notice(self, export: KnownExport, index: int) -> str:
        others = [
            column
            for number, column in enumerate(self._columns)
            if number != index and self._folded[number] in export.phones and self._phones_in(number)
        ]
        also = f"; there are also phones in {listed(others)}" if others else ""
        return (
            f"this looks like an export of {export.program}: phones are taken from its column, "
            f"as with --phone-column {quoted(self._columns[index])}{also}"
        )

    def _missing(self) -> InputError:
        here = f"{self._where}: there is no column {quoted(self._wanted)}"
        has_phones = any(self._phones_in(index) for index in range(len(self._columns)))
        usual = None if has_phones and self._width > 1 else self._header_below()
        if usual is not None:
            line, phones = usual
            column = f" --phone-column {quoted(phones)}" if phones else ""
            return InputError(f"{here}; line {line} looks like the header: add --header-row {line}{column}")
        if any(phones_among([column], self._country) for column in self._columns):
            return InputError(
                f"{self._where}: there is no header; add a first line with the names of the columns, like phone,name"
            )
        close = self._column_by_values() or self._column_by_name()
        hint = f"did you mean --phone-column {quoted(close)}? " if close else ""
        return InputError(
            f"{here}; {hint}--phone-column names the one with the phone numbers; columns are: "
            f"{listed(self._columns)}{self._elsewhere}"
        )

    def _column_by_values(self) -> str | None:
        counts = [self._phones_in(index) for index in range(len(self._columns))]
        return self._columns[counts.index(max(counts))] if any(counts) else None

    def _column_by_name(self) -> str | None:
        close = difflib.get_close_matches(folded(self._wanted), self._folded, n=1)
        return self._columns[self._folded.index(close[0])] if close else None

    def _phones_in(self, index: int) -> int:
        """How many phones are in the column, where most of its values are."""
        values = [row[index] for row in self._sample.rows if index < len(row) and row[index].strip()]
        count = phones_among(values, self._country)
        return count if 2 * count > len(values) else 0

    def _others_with_phones(self, taken: Sequence[int]) -> list[str]:
        """The other columns that are called so and have phones."""
        return [
            column
            for place, column in enumerate(self._columns)
            if place not in taken and _CALLED_PHONE.search(self._folded[place]) and self._phones_in(place)
        ]

    def _header_below(self) -> tuple[int, str | None] | None:
        """A row that is more like a header than the one that should be: its number, and its column with phones.

        None for the column: it is the wanted one, or that of an export.
        """
        rows = self._sample.rows
        for line, row, after in zip(self._sample.lines, rows, [*rows[1:], ()], strict=False):
            names = [folded(field) for field in row if field.strip()]
            if folded(self._wanted) in names or any(export.is_header(names) for export in KNOWN_EXPORTS):
                return line, None
            has_names = len(names) > 1 and not phones_among(row, self._country)
            if self._width < 2 and has_names and phones_among(after, self._country):
                likely = next(
                    (name for name, value in zip(row, after, strict=False) if phones_among([value], self._country)),
                    None,
                )
                return line, likely and visible(likely)
        return None
