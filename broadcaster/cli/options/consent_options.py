"""The options by which a list tells who has agreed to messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from broadcaster.errors import UsageError
from broadcaster.time_zones import shown_zone

if TYPE_CHECKING:
    from broadcaster.services.consent.listed_consents import ListedConsents

CONSENT_PANEL = "Consent"


@dataclass(frozen=True, slots=True)
class ConsentOptions:
    """How the people of a list have agreed, and which column says when."""

    consent_source: Annotated[
        str | None,
        typer.Option(
            "--consent-source",
            metavar="WORDS",
            help="How these people have agreed to messages, such as 'web form 2026-11'. Kept for each, as evidence.",
            rich_help_panel=CONSENT_PANEL,
        ),
    ] = None
    consent_column: Annotated[
        str | None,
        typer.Option(
            "--consent-column",
            metavar="COLUMN",
            help="On which day, or when; empty where somebody has not. Without it all of them have.",
            rich_help_panel=CONSENT_PANEL,
        ),
    ] = None

    @property
    def are_given(self) -> bool:
        """Whether there is any of them."""
        return self != ConsentOptions()

    def check(self) -> None:
        """Raise UsageError for a column of which nobody knows how these people agreed."""
        if self.consent_column is not None and self.consent_source is None:
            raise UsageError(
                "--consent-column says when people agreed: add how, such as --consent-source 'web form 2026-11'"
            )

    @contextmanager
    def listed(self) -> Iterator[ListedConsents | None]:
        """The consents of a list that is read in the block; None: it tells none."""
        from broadcaster.services.consent.listed_consents import ListedConsents  # noqa: PLC0415 - start-up time

        if self.consent_source is None:
            yield None
            return
        with ListedConsents(self.consent_source, self.consent_column, datetime.now(shown_zone())) as consents:
            yield consents
