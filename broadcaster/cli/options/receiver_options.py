"""Options of receivers: where notices go, and of what they tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from broadcaster.cli.options.phones import Country
from broadcaster.domain.notices import TOLD
from broadcaster.domain.receivers import OPT_OUTS_ABOVE, ReceiverWay, usable_mail
from broadcaster.errors import UsageError
from broadcaster.input_files import STANDARD_INPUT, read_input
from broadcaster.services.notices.receivers import Destination
from broadcaster.webhook_urls import usable_webhook

_LONGEST_INPUT = 16 * 1024
"""Bytes."""


@dataclass(frozen=True, slots=True)
class ReceiverOptions:
    """Where notices go."""

    webhook: Annotated[
        str | None,
        typer.Option(
            "--webhook",
            metavar="URL|-",
            help="Post them there, signed by Standard Webhooks. Others on this machine can read the URL in `ps`; "
            "- reads it from standard input.",
        ),
    ] = None
    mail: Annotated[
        str | None,
        typer.Option("--mail", metavar="ADDRESS", help="Mail them there, through BROADCASTER_SMTP_URL."),
    ] = None
    whatsapp: Annotated[
        str | None,
        typer.Option("--whatsapp", metavar="PHONE", help="Send them to this phone; needs --instance."),
    ] = None
    instance: Annotated[
        str | None,
        typer.Option("--instance", metavar="NAME", help="The instance that sends to the phone, within its limits."),
    ] = None
    country: Country = None

    def destination(self, *, allow_private: bool, phone_of: Callable[[str], str]) -> Destination | None:
        """Where that is; None: nothing is said of it. Raises UsageError, also for more than one of the ways.

        `phone_of` gives the E.164 digits of the phone as it is written.
        """
        given = [option for option in ("webhook", "mail", "whatsapp") if getattr(self, option) is not None]
        if len(given) > 1:
            raise UsageError(f"--{given[0]} with --{given[1]}: a receiver is told in one way; add another one")
        if (self.whatsapp is None) != (self.instance is None):
            raise UsageError("--whatsapp and --instance go together: who gets it, and which instance sends it")
        if self.country is not None and self.whatsapp is None:
            raise UsageError("--country is of the phone of --whatsapp")
        if self.webhook is not None:
            return Destination(
                ReceiverWay.WEBHOOK, usable_webhook(_read_url(self.webhook), allow_private=allow_private)
            )
        if self.mail is not None:
            return Destination(ReceiverWay.MAIL, usable_mail(self.mail.strip()))
        if self.whatsapp is not None:
            return Destination(ReceiverWay.WHATSAPP, phone_of(self.whatsapp), self.instance)
        return None


Events = Annotated[
    list[str] | None,
    typer.Option(
        "--on",
        metavar="EVENT",
        help=f"Only of this: {', '.join(TOLD)}. Repeat it. Default: all of them.",
    ),
]
OptOutsAbove = Annotated[
    str | None,
    typer.Option(
        "--optouts-above",
        metavar="SHARE",
        help=f"campaign.optouts is told above this share, from 50 messages on. Default: {OPT_OUTS_ABOVE:.0%}.",
    ),
]


def _read_url(given: str) -> str:
    if given != str(STANDARD_INPUT):
        return given.strip()
    try:
        return read_input(STANDARD_INPUT, _LONGEST_INPUT, "the URL").decode().strip()
    except UnicodeDecodeError:
        raise UsageError("--webhook: standard input is not text: it should hold the URL and nothing else") from None
