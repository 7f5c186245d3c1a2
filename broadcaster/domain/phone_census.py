"""What the numbers of a recipients file say together: their countries, and whether those may be believed. Pure.

A number without `+` or `00` is *bare*. Where the country of bare numbers is not known, they are read with their
country code first, as the API writes numbers. A national number that lost its zero can be read so too, and is somebody
else's abroad: Indonesia's 0812… is Japan's +81 2…. One number does not tell, but all of a file do: lost zeros scatter
over countries and land on landlines. docs/decisions/0024-whose-country.md has the reasons for the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from operator import itemgetter

from broadcaster.domain.landlines import Landlines
from broadcaster.domain.national_readings import EvenSample, national_readings
from broadcaster.domain.phone_countries import BEGINNING, NO_COUNTRY, country_name, origin
from broadcaster.domain.phone_proofs import calling_code, prove_mobile
from broadcaster.domain.phones import ReadPhones, is_mobile, parse_e164
from broadcaster.domain.rejections import too_many
from broadcaster.domain.written_phones import FEWEST_DIGITS, WrittenAs, plain

MOST_LINES = 10
"""How many lines are kept of each country, and of what speaks against it."""

_MAIN_SHARE = 0.75
_MOST_LOOKED_AT = 2_000
_LONGER_BEGINNING = 9
_MOST_BEGINNINGS = 200_000

_beginning = itemgetter(slice(BEGINNING))


@dataclass(slots=True)
class CountryCount:
    """How many usable numbers of a file are of one country."""

    country: str
    """ISO 3166 code, or NO_COUNTRY."""
    calling_code: int
    numbers: int = 0
    bare: int = 0
    """Of these, so many are written without `+` or `00`."""
    linked: int = 0
    """And so many in an id or a link of WhatsApp's."""
    lines: list[int] = field(default_factory=list)
    """The first MOST_LINES of them are on these."""

    def note_line(self, line: int) -> None:
        """One of them is on this line."""
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)

    @property
    def name(self) -> str:
        """In English."""
        return f"no country (+{self.calling_code})" if self.country == NO_COUNTRY else country_name(self.country)


def count_countries(numbers: Iterable[tuple[str, int]]) -> list[CountryCount]:
    """The countries of so many numbers with each of these beginnings, as they are stored, the most first."""
    counts: dict[str, CountryCount] = {}
    for beginning, count in numbers:
        if count:
            found = origin(beginning)
            counts.setdefault(found.country, CountryCount(found.country, found.calling_code)).numbers += count
    return _most_first(counts.values())


def without_repeated(countries: Sequence[CountryCount], repeated: Mapping[str, int]) -> list[CountryCount]:
    """The same of a file in which so many rows with each of these beginnings repeat a number of an earlier row."""
    of_country = Counter[str]()
    for beginning, rows in repeated.items():
        of_country[origin(beginning).country] += rows
    left = []
    for each in countries:
        numbers = each.numbers - of_country[each.country]
        left.append(replace(each, numbers=numbers, bare=min(each.bare, numbers), linked=min(each.linked, numbers)))
    return _most_first(left)


class PhoneCensus:
    """Counts the numbers of a file, batch by batch, in bounded memory.

    `country` is that of bare numbers; None: it is not known.
    """

    def __init__(self, country: str | None = None) -> None:
        self.country = country
        self.national_lines: list[int] = []
        """Of unknown country: bare numbers that start with 0, so that they have no country code."""
        self.landlines = Landlines()
        """Of all usable numbers, those of landlines."""
        self.bare_landlines: list[int] = []
        """Of unknown country: bare numbers that no mobile phone has, read with their country code first."""
        self._sample = EvenSample()
        self._counts: dict[str, CountryCount] = {}
        self._strangers: dict[str, CountryCount] = {}
        self._landlines_looked_at = 0
        self._unread: dict[int | None, list[int]] = {}
        self._unread_count = 0
        self._mobile: dict[tuple[int, str], bool | None] = {}

    def add(self, lines: Sequence[int], written: Sequence[str], read: ReadPhones) -> None:
        """Count some rows: the line and the written number of each, and what became of them."""
        usable = lines
        if read.faults:
            faults = read.faults
            usable = [line for row, line in enumerate(lines) if row not in faults]
        self._count(usable, read)
        self.landlines.add(usable, read.numbers)
        self._count_linked(written, read)
        if self.country is None:
            self._look_at_unread(lines, written, read.faults)
            bare = read.numbers if all(read.are_bare) else list(compress(read.numbers, read.are_bare))
            self._look_for_landlines(usable, bare, read)
            self._sample.add(_of_bare(written, read))
        else:
            self._look_for_strangers(usable, written, read)

    @property
    def countries(self) -> list[CountryCount]:
        """The countries of usable numbers, those with the most first."""
        return _most_first(self._counts.values())

    @property
    def is_certain(self) -> bool:
        """Whether the country of bare numbers is known, or they agree on one and are of a kind that WhatsApp is on."""
        if self.country is not None:
            return True
        if self.national_lines or self.bare_landlines or self._has_too_many_unread:
            return False
        return len(self._bare_codes | self._unread.keys()) <= 1 and not self.other_readings

    @property
    def samples(self) -> list[str]:
        """Of unknown country: some bare numbers, as digits."""
        return [each.digits for each in self._sample.numbers]

    @property
    def other_readings(self) -> list[str]:
        """Of unknown country: others of which the bare numbers may be as well, if they have no country code.

        Numbers with `+` of the same calling code, if there are as many, say that they have it. A few in a file of
        another calling code are `likely_mistakes`.
        """
        bare = [each for each in self._counts.values() if each.bare]
        if len({each.calling_code for each in bare}) != 1:
            return []
        count, marked = sum(each.bare for each in bare), sum(each.numbers - each.bare for each in bare)
        if marked >= count or self.likely_mistakes:
            return []
        return national_readings(self._sample.numbers, bare[0].calling_code, count)

    @property
    def unread_lines(self) -> list[int]:
        """Of unknown country: unusable bare numbers that start with none of the others' calling codes, or too many."""
        expected = frozenset[int | None]() if self._has_too_many_unread else self._bare_codes
        lines = (line for code, found in self._unread.items() if code not in expected for line in found)
        return sorted(lines)[:MOST_LINES]

    @property
    def likely_mistakes(self) -> list[CountryCount]:
        """Countries with numbers without `+` in a file that is nearly all of another calling code."""
        by_code = Counter[int]()
        for each in self._counts.values():
            by_code[each.calling_code] += each.numbers
        if not by_code:
            return []
        [(main, most)] = by_code.most_common(1)
        if most < _MAIN_SHARE * by_code.total():
            return []
        return [each for each in self.countries if each.bare + each.linked and each.calling_code != main]

    @property
    def strangers(self) -> list[CountryCount]:
        """Of known country: bare numbers that no mobile phone has there, and that one has abroad as they stand.

        Of the first _MOST_LOOKED_AT numbers that are none of mobile phones.
        """
        return _most_first(self._strangers.values())

    @property
    def _bare_codes(self) -> frozenset[int | None]:
        """The calling codes of usable bare numbers."""
        return frozenset(each.calling_code for each in self._counts.values() if each.bare)

    @property
    def _has_too_many_unread(self) -> bool:
        bare = sum(each.bare for each in self._counts.values())
        return too_many(self._unread_count, bare + self._unread_count)

    def _count(self, lines: Sequence[int], read: ReadPhones) -> None:
        counted = Counter(zip(map(_beginning, read.numbers), read.are_bare, strict=True))
        wanted: set[str] = set()
        for (beginning, is_bare), numbers in counted.items():
            found = origin(beginning)
            count = self._counts.setdefault(found.country, CountryCount(found.country, found.calling_code))
            count.numbers += numbers
            count.bare += numbers * is_bare
            if len(count.lines) < MOST_LINES:
                wanted.add(beginning)
        if not wanted:
            return
        for line, number in zip(lines, read.numbers, strict=True):
            if number[:BEGINNING] in wanted:
                self._counts[origin(number[:BEGINNING]).country].note_line(line)

    def _count_linked(self, written: Sequence[str], read: ReadPhones) -> None:
        if all(read.are_bare):
            return
        usable = (text for row, text in enumerate(written) if row not in read.faults)
        for text, number, is_bare in zip(usable, read.numbers, read.are_bare, strict=True):
            if not (is_bare or text.startswith("+") or text.isdecimal()) and plain(text).spelling is WrittenAs.LINKED:
                self._counts[origin(number[:BEGINNING]).country].linked += 1

    def _look_at_unread(self, lines: Sequence[int], written: Sequence[str], faults: Iterable[int]) -> None:
        for row in faults:
            digits, spelling, _ = plain(written[row])
            if spelling is not WrittenAs.BARE or len(digits) < FEWEST_DIGITS:
                continue
            self._sample.add([written[row]])
            if digits.startswith("0"):
                found = self.national_lines
            else:
                found = self._unread.setdefault(calling_code(digits), [])
                self._unread_count += 1
            if len(found) < MOST_LINES:
                found.append(lines[row])

    def _look_for_landlines(self, lines: Sequence[int], bare: Sequence[str], read: ReadPhones) -> None:
        if len(self.bare_landlines) >= MOST_LINES:
            return
        beginnings = set(zip(map(len, bare), map(_beginning, bare), strict=True))
        unproven = {beginning for beginning in beginnings if not self._prove(*beginning)}
        if not unproven:
            return
        for line, number, is_bare in zip(lines, read.numbers, read.are_bare, strict=True):
            if is_bare and (len(number), number[:BEGINNING]) in unproven and not self._is_mobile(number):
                self.bare_landlines.append(line)
                if len(self.bare_landlines) >= MOST_LINES:
                    return

    def _look_for_strangers(self, lines: Sequence[int], written: Sequence[str], read: ReadPhones) -> None:
        beginnings = set(zip(map(len, read.numbers), map(_beginning, read.numbers), strict=True))
        unproven = {beginning for beginning in beginnings if not self._prove(*beginning)}
        if not unproven:
            return
        texts = (text for row, text in enumerate(written) if row not in read.faults)
        for line, text, number, is_bare in zip(lines, texts, read.numbers, read.are_bare, strict=True):
            if self._landlines_looked_at >= _MOST_LOOKED_AT:
                return
            if not is_bare or (len(number), number[:BEGINNING]) not in unproven or self._is_mobile(number):
                continue
            self._landlines_looked_at += 1
            digits = plain(text).text
            if digits == number or calling_code(digits) is None or not self._is_mobile(digits):
                continue
            found = origin(digits[:BEGINNING])
            count = self._strangers.setdefault(found.country, CountryCount(found.country, found.calling_code))
            count.numbers += 1
            count.bare += 1
            count.note_line(line)

    def _is_mobile(self, number: str) -> bool:
        proven = self._prove(len(number), number[:_LONGER_BEGINNING])
        return is_mobile(parse_e164(number)) if proven is None else proven

    def _prove(self, length: int, beginning: str) -> bool | None:
        key = length, beginning
        if key not in self._mobile:
            if len(self._mobile) >= _MOST_BEGINNINGS:
                return prove_mobile(beginning, length)
            self._mobile[key] = prove_mobile(beginning, length)
        return self._mobile[key]


def _of_bare(written: Sequence[str], read: ReadPhones) -> Sequence[str]:
    """Of usable bare numbers, how they are written."""
    usable = [text for row, text in enumerate(written) if row not in read.faults] if read.faults else written
    return usable if all(read.are_bare) else list(compress(usable, read.are_bare))


def _most_first(counts: Iterable[CountryCount]) -> list[CountryCount]:
    return sorted(counts, key=lambda each: (-each.numbers, each.country))
