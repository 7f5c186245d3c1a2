"""The hours of `--window legal`: what is known of countries, with the sources (docs/legal-hours.md). Pure.

No advice on the law: what is not in the table is not known, and rules differ by kind of message and of sender.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import msgspec

from broadcaster.domain.windows import Window, parse_window

LEGAL = "legal"
"""In place of a window: those of this table."""


class LegalHours(msgspec.Struct, frozen=True):
    """When people in a country may be sent advertising, as far as the source goes."""

    country: str
    """ISO 3166 code."""
    windows: Sequence[str]
    """By each recipient's clock (`parse_window`)."""
    holidays: Sequence[str]
    """Whose holidays are days off (`parse_country_of_holidays`)."""
    rule: str
    """Where it is written, and of what."""
    source: str
    """Where that was read."""
    looked_up: date

    def parsed(self) -> Sequence[Window]:
        """Its windows."""
        return [parse_window(window) for window in self.windows]


@cache
def legal_hours_by_country() -> Mapping[str, LegalHours]:
    """All that is known, by ISO 3166 code."""
    text = files(__package__).joinpath("legal_hours.json").read_bytes()
    return MappingProxyType({each.country: each for each in msgspec.json.decode(text, type=list[LegalHours])})
