"""Options of instances: where the key comes from, where one sends, how much and in which encoding."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.base_urls import DEFAULT_BASE_URL
from broadcaster.cli.options.limit_options import named_limits
from broadcaster.domain.gaps import GapChange, parse_gap, parse_rest
from broadcaster.domain.instances import Wire
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.span_limits import parse_ramp
from broadcaster.errors import InputError, UsageError
from broadcaster.input_files import STANDARD_INPUT, read_input
from broadcaster.services import instances

_LARGEST = 1_000_000
_NO_COUNTRY = "none"
_LONGEST_KEY_FILE = 16 * 1024
"""Bytes: a key, and what surrounds it."""


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """Where the secret key comes from."""

    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The secret key. Others on this machine can read it in `ps`: prefer --key-file or --key-stdin.",
        ),
    ] = field(default=None, repr=False)
    key_file: Annotated[Path | None, typer.Option("--key-file", metavar="FILE", help="Read the key from a file.")] = (
        None
    )
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from standard input.")] = False

    def read(self) -> str | None:
        """The key from wherever it was given; None: nowhere. Raises UsageError where that is twice, and InputError."""
        if (self.key is not None) + (self.key_file is not None) + self.key_stdin > 1:
            raise UsageError("give only one of --key, --key-file and --key-stdin")
        if self.key_file is None and not self.key_stdin:
            return self.key
        try:
            return read_input(self.key_file or STANDARD_INPUT, _LONGEST_KEY_FILE, "the key").decode()
        except UnicodeDecodeError:
            raise InputError(
                f"{self.key_file or 'standard input'} is not text: it should hold the key and nothing else"
            ) from None


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Where an instance sends, how much, and in which encoding."""

    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help=f"Where the API answers. Default: {DEFAULT_BASE_URL}."),
    ] = None
    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate",
            metavar="RATE",
            help="The most it may send: 20/min, 5/s, 1000/h, 1000/d or unlimited. Repeat it: all of them hold.",
        ),
    ] = None
    ramp: Annotated[
        str | None,
        typer.Option(
            "--ramp",
            metavar="N,N,…",
            help="The most on its first day, its second and so on: a step for each day in which it sent and was well, "
            "and one back after trouble. `none`: no ramp.",
        ),
    ] = None
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="NAME",
            help="A limit that it shares with others (`broadcaster limit add`). Repeat it; `none`: it shares none.",
        ),
    ] = None
    gap: Annotated[
        str | None,
        typer.Option(
            "--gap",
            metavar="FROM..TO",
            help="By chance so far apart, one after the other, and no less than the rates want: 20s..60s. `none`: by "
            "the rates alone.",
        ),
    ] = None
    rest: Annotated[
        str | None,
        typer.Option(
            "--rest",
            metavar="'FROM..TO after N'",
            help='Send nothing for a while, by chance so long, after so many messages: "5m..10m after 50". `none`: '
            "never.",
        ),
    ] = None
    burst: Annotated[
        int | None,
        typer.Option(
            "--burst",
            metavar="N",
            min=1,
            max=_LARGEST,
            help="Of these, how many at once. Default: a second's worth, at least 2.",
        ),
    ] = None
    max_in_flight: Annotated[
        int | None,
        typer.Option(
            "--max-in-flight",
            metavar="N",
            min=1,
            max=_LARGEST,
            help=f"The most requests under way at once. Default: {instances.DEFAULT_MAX_IN_FLIGHT}.",
        ),
    ] = None
    wire: Annotated[
        Wire | None, typer.Option("--wire", metavar="json|form", help="How requests are encoded. Default: json.")
    ] = None
    country: Annotated[
        str | None,
        typer.Option(
            "--country",
            metavar="ID",
            help="Of phones that are written without their country code: ID, DE, … `none`: not known.",
        ),
    ] = None

    @property
    def steps(self) -> tuple[int, ...] | None:
        """The ramp, if one is given. Raises UsageError."""
        return None if self.ramp is None else parse_ramp(self.ramp)

    @property
    def chance(self) -> GapChange:
        """What is said of gaps and rests. Raises UsageError."""
        gap = None if self.gap is None else parse_gap(self.gap)
        rest = None if self.rest is None else parse_rest(self.rest)
        return GapChange(
            gap,
            rest,
            without_gap=self.gap is not None and gap is None,
            without_rest=self.rest is not None and rest is None,
        )

    @property
    def shared(self) -> list[str] | None:
        """The names of the limits that it is to share; None: nothing is said of them."""
        return named_limits(self.limit)

    @property
    def is_without_country(self) -> bool:
        """Whether it is said that the country is not known."""
        return self.country is not None and self.country.strip().casefold() == _NO_COUNTRY

    @property
    def known_country(self) -> str | None:
        """The country, if one is named."""
        return None if self.is_without_country else self.country


@dataclass(frozen=True, slots=True)
class NewGatewayOptions(GatewayOptions):
    """The same of an instance that is added: without a limit only where that is said."""

    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate",
            metavar="RATE",
            help="The most it may send: 20/min, 5/s, 1000/h, 1000/d; unlimited has to be said. Repeat it: all of them "
            f"hold. Default: {format_rate(instances.DEFAULT_RATE)}.",
        ),
    ] = None
