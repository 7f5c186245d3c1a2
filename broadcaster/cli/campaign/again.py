"""`broadcaster campaign clone` and `remove`: a campaign once more, or as if it had not been."""

from __future__ import annotations

import sys
from shlex import quote
from typing import Annotated

import typer

from broadcaster.cli.campaign import Name
from broadcaster.cli.database import database
from broadcaster.cli.options.limit_options import CampaignLimits, named_limits
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json
from broadcaster.errors import UsageError
from broadcaster.services.campaigns import cloning, removal
from broadcaster.settings import load
from broadcaster.time_zones import shown_time


def clone(
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The name of the new draft.", show_default=False)],
    limit: CampaignLimits = None,
    as_json: Json = False,
) -> None:
    """Make a draft with the same content, recipients and options, whatever became of the campaign.

    Everybody is sent to again, once the draft is started. One over an audience goes to its members of that time. It
    has the same windows and, without --limit, the same limits, and expires at the same moment where that is ahead.

    Example: broadcaster campaign clone promo promo-december
    """
    with database(load()) as engine:
        cloned = cloning.clone_campaign(engine, name, new, limits=named_limits(limit))
    if as_json:
        document = cloned._asdict() | {"hours": cloned.hours and str(cloned.hours)}
        del document["lost_expiry"]
        say_json(document)
        return
    whom = f"messages: {cloned.messages:,}" if cloned.audience is None else f"over audience {cloned.audience}"
    say(f"campaign {cloned.name} is stored, as {cloned.state}; {whom}")
    if cloned.expires_at is not None:
        say(f"what has not left at {shown_time(cloned.expires_at)} expires")
    if cloned.lost_expiry is not None:
        say(f"it does not expire: campaign {name} did at {shown_time(cloned.lost_expiry)}")
    say(
        f"change it with `broadcaster campaign set {quote(new)}`, "
        f"start it with `broadcaster campaign start {quote(new)}`"
    )


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without a question, as scripts have to.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a campaign of which nothing has left: it is as if it had not been, and its name is free.

    A draft, or one that is scheduled, or paused before anything left. There is no way back.

    Example: broadcaster campaign remove promo --yes
    """
    with database(load()) as engine:
        found = removal.find_removable(engine, name)
        if not yes:
            _ask(found)
        messages = removal.remove_campaign(engine, found)
    if as_json:
        say_json({"name": name, "messages": messages})
    else:
        say(f"campaign {name} is removed; messages that were not sent: {messages:,}")


def _ask(found: removal.Removable) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"removing campaign {found.name!r} with its {found.messages:,} messages wants --yes")
    typer.confirm(
        f"Remove campaign {found.name} ({found.state}) with its {found.messages:,} messages?", abort=True, err=True
    )
