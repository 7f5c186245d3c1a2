"""Says of which countries the numbers of a file are, and what about them looks like a mistake. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from broadcaster.domain.phone_census import MOST_LINES, CountryCount, PhoneCensus
from broadcaster.domain.phone_countries import NO_COUNTRY, callable_countries, country_name
from broadcaster.domain.phones import PhoneError, PhoneNormaliser, is_mobile, parse_e164

_MOST_NAMED = 12
"""Countries that are named in one sentence."""
_MOST_LIKELY = 3


def said_countries(countries: Sequence[CountryCount]) -> str:
    """The numbers of each country, and on which lines those of all but the first are: `598 Indonesia, 2 Japan: …`."""
    if not countries:
        return "none"
    main, *others = (f"{each.numbers:,} {each.name}" for each in countries)
    if not countries[0].lines:
        return ", ".join([main, *others])
    with_lines = [
        f"{name}: {said_lines(each.lines, each.numbers)}" for name, each in zip(others, countries[1:], strict=True)
    ]
    more = [f"{len(with_lines) - _MOST_NAMED} countries more"] if len(with_lines) > _MOST_NAMED else []
    return f"{main}, {'; '.join([*with_lines[:_MOST_NAMED], *more])}" if others else main


def said_landlines(count: int, lines: Sequence[int]) -> str:
    """How many numbers are landlines, and on which lines: `landlines: 2 (lines 17, 230), which seldom have …`."""
    return f"landlines: {count:,} ({said_lines(lines, count)}); few of them have WhatsApp"


def said_lines(lines: Sequence[int], count: int | None = None) -> str:
    """Where something is: `line 5`, or `lines 5, 8, …` where there are more, of `count` in all if that is known."""
    more = ", …" if (count is None and len(lines) >= MOST_LINES) or (count or 0) > len(lines) else ""
    return f"line{'s' * (len(lines) > 1 or bool(more))} {', '.join(f'{line}' for line in lines)}{more}"


def why_uncertain(census: PhoneCensus) -> str:
    """Why numbers without their country cannot be read, and what to do. For a census that is not certain."""
    doubts = ", and ".join(_doubts(census))
    return (
        "the country of the numbers that are written without + and country code is not known, and read with the "
        f"country code first they do not look right ({doubts}): {_option(census)}, or write "
        "them with + and their country code; --accept-countries reads them with the country code first all the same"
    )


def why_uncertain_alone(census: PhoneCensus) -> str:
    """The same of one number alone, without it."""
    read_as = census.countries[0].name if census.countries else "no country"
    if others := census.other_readings:
        return (
            f"It is written without + and country code, and may be a mobile phone's in {read_as} or in "
            f"{_named(others)}: {_option(census)}, or write it with + and its country code."
        )
    return (
        f"It is written without + and country code, and read with its country code first it is no mobile phone's "
        f"({read_as}): {_option(census)}, or write it with + and its country code."
    )


def why_strange_alone(census: PhoneCensus) -> str:
    """Why one number alone looks like a mistake. For a census with strangers."""
    [abroad] = census.strangers
    return (
        f"It is written without +, no mobile phone has it in {country_name(census.country or NO_COUNTRY)}, and as it "
        f"stands it is a mobile phone's in another country ({abroad.name}): write it with + and its country code."
    )


def why_to_stop(census: PhoneCensus) -> Iterator[str]:
    """What looks like a mistake in the countries of a file that could be read, and what to do: one sentence each."""
    mistakes = census.likely_mistakes
    if mistakes:
        bare = ", ".join(
            f"{each.bare + each.linked:,} {each.name}: {said_lines(each.lines, each.numbers)}" for each in mistakes
        )
        yield (
            f"numbers without + look like a mistake, since nearly all others are of {census.countries[0].name} "
            f"({bare}): write them with + and their country code, name their country with --country, or take them as "
            "they were read with --accept-countries"
        )
    if census.strangers:
        abroad = ", ".join(f"{each.numbers:,} {each.name}: {said_lines(each.lines)}" for each in census.strangers)
        yield (
            f"numbers without + look like a mistake, since no mobile phone has them in "
            f"{country_name(census.country or NO_COUNTRY)}, and as they stand they are of mobile phones elsewhere "
            f"({abroad}): write them with + and their country code, or take them for national numbers with "
            "--accept-countries"
        )


def likely_countries(samples: Sequence[str]) -> list[str]:
    """The ISO 3166 codes of the countries in which the most of these bare numbers, and half of them, are mobile."""
    found: dict[str, int] = {}
    for country in callable_countries():
        normalise = PhoneNormaliser(country)
        found[country] = sum(_is_mobile_in(normalise, digits) for digits in samples)
    most = max(found.values())
    return [country for country, count in found.items() if count == most and 2 * count >= max(1, len(samples))]


def _is_mobile_in(normalise: PhoneNormaliser, digits: str) -> bool:
    try:
        return is_mobile(parse_e164(normalise(digits)))
    except PhoneError:
        return False


def _doubts(census: PhoneCensus) -> Iterator[str]:
    bare = [each for each in census.countries if each.bare]
    if bare:
        yield said_countries(bare)
    if census.bare_landlines:
        yield f"no mobile phones: {said_lines(census.bare_landlines)}"
    if census.national_lines:
        yield f"with a 0 first: {said_lines(census.national_lines)}"
    if census.unread_lines:
        yield f"no numbers at all: {said_lines(census.unread_lines)}"
    if others := census.other_readings:
        yield f"without one they are mobile numbers of {_named(others)} as well"


def _named(countries: Sequence[str]) -> str:
    *first, last = map(country_name, countries[:_MOST_LIKELY])
    return f"{', '.join(first)} or {last}" if first else last


def _option(census: PhoneCensus) -> str:
    """What says of which country they are; where the country code may be one, also that of this country."""
    if others := census.other_readings:
        likely = [*others[:_MOST_LIKELY], next(each.country for each in census.countries if each.bare)]
    else:
        likely = likely_countries(census.samples)[:_MOST_LIKELY] if census.samples else []
    if not likely:
        return "name their country, as in --country ID"
    first, *more = likely
    rest = f" (or {', '.join(more)})" if more else ""
    return f"add --country {first} for {country_name(first)}{rest}"
