"""Landlines are counted as the library of numbers tells them, of whatever country."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from broadcaster.domain import landlines
from broadcaster.domain.landlines import MOST_LANDLINE_LINES, Landlines


def examples() -> list[tuple[str, bool]]:
    """Numbers of each kind of each country, and ten more like each, with whether they are landlines'."""
    dice = random.Random(5)
    found: dict[str, bool] = {}
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE):
            example = phonenumbers.example_number_for_type(region, kind)
            for _ in range(11 if example else 0):
                digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
                digits = digits[:-3] + f"{dice.randrange(1000):03}"
                number = phonenumbers.parse(f"+{digits}")
                if phonenumbers.is_valid_number(number):
                    found[digits] = phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE
    return dice.sample(sorted(found.items()), len(found))


def test_what_is_counted_is_what_the_library_says() -> None:
    numbers = examples()
    counted = Landlines()
    for start in range(0, len(numbers), 500):
        batch = numbers[start : start + 500]
        counted.add(range(start, start + len(batch)), [digits for digits, _ in batch])
    expected = [line for line, (_, is_landline) in enumerate(numbers) if is_landline]
    assert len(expected) > 1_000
    assert (counted.count, counted.lines) == (len(expected), expected[:MOST_LANDLINE_LINES])


def test_however_many_there_are_the_library_is_asked_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(landlines, "is_landline", lambda number: asked.append(number) or True)
    counted = Landlines()
    counted.add(range(10_000), [f"6221555{n:04}" for n in range(10_000)])
    assert (counted.count, len(asked) <= 100) == (10_000, True)
