"""`broadcaster campaign list` and `show`: where campaigns stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from broadcaster.cli.campaign import Name
from broadcaster.cli.database import reader
from broadcaster.cli.options.output import Json
from broadcaster.cli.output import local_time, say, say_fields, say_json, say_table
from broadcaster.cli.troubles import said_by_instances, say_troubles, trouble_document, troubles
from broadcaster.domain.standstill import Standstill
from broadcaster.domain.states import FINAL_MESSAGE_STATES, MessageState
from broadcaster.services.campaigns import reports
from broadcaster.services.campaigns.purged import told_of_purge
from broadcaster.settings import load

STATE_STYLES = {
    "running": "green",
    "finished": "bold green",
    "paused": "yellow",
    "scheduled": "cyan",
    "cancelled": "dim",
    "failed": "bold red",
}
OPEN_STATES = tuple(state for state in MessageState if state not in FINAL_MESSAGE_STATES)


def list_latest(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """List the latest campaigns, newest first. OPEN counts the messages that are not final yet."""
    with reader(load()) as source:
        rows = reports.list_campaigns(source, limit=limit)
    if as_json:
        say_json([campaign_document(row) for row in rows])
    elif rows:
        columns = ("campaign", "state", "total", "sent", "failed")
        say_table(
            ["NAME", "STATE", "TOTAL", "SENT", "FAILED", "OPEN", "STARTS"],
            (
                [*(row[name] for name in columns), still_open(row), local_time(row["starts_at"], seconds=False)]
                for row in rows
            ),
            styles=STATE_STYLES,
            folded=["NAME"],
        )
    else:
        say("there are no campaigns yet: submit one with `broadcaster campaign submit`")


def show(name: Name, as_json: Json = False) -> None:
    """Show where a campaign stands: its messages by state, its instances and times, and what keeps it from moving."""
    settings = load()
    with reader(settings) as source:
        document = campaign_document(reports.campaign_summary(source, name))
        found = troubles(source, settings, name)
    if as_json:
        say_json(with_troubles(document, found))
    else:
        say_fields(campaign_fields(document))
        say_purged(document)
        say_troubles(said_by_instances(found))


def campaign_document(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A campaign for programs: the keys of `--json`."""
    rest = {key: value for key, value in row.items() if key not in ("campaign", "campaign_id")}
    return {"name": row["campaign"], "id": row["campaign_id"], **rest}


def with_troubles(document: Mapping[str, Any], found: Sequence[Standstill]) -> dict[str, Any]:
    """The document of one campaign, with what keeps it from moving."""
    return {**document, "standing_still": [trouble_document(each) for each in found]}


def campaign_fields(document: Mapping[str, Any]) -> dict[str, object]:
    """A campaign for people: states that hold no message are left out."""
    reason = document["state_reason"]
    counts = {state.value.replace("_", " "): document[state] for state in MessageState if document[state]}
    return {
        "campaign": document["name"],
        "state": f"{document['state']} ({reason})" if reason else document["state"],
        "messages": document["total"],
        **{f"  {state}": count for state, count in counts.items()},
        "instances": ", ".join(document["instances"] or ()),
        "content": document["content"],
        "recipients": _recipients(document),
        **{
            key.removesuffix("_at"): local_time(document[key])
            for key in ("created_at", "starts_at", "started_at", "finished_at")
        },
    }


def say_purged(document: Mapping[str, Any]) -> None:
    """A line where the campaign has its totals only."""
    if document["purged_at"] is not None:
        say(told_of_purge(document["purged_at"]))


def _recipients(document: Mapping[str, Any]) -> str:
    source, read, rejected = (document[key] for key in ("source", "recipients_read", "recipients_rejected"))
    if document["audience"] is not None and document["started_at"] is None:
        return f"{source}, as it is at the start"
    return f"{source}: {read:,} read, {rejected:,} rejected, {read - rejected - document['total']:,} repeated"


def still_open(row: Mapping[Any, Any]) -> int:
    """How many of a campaign's messages are not final yet."""
    return sum(row[state] for state in OPEN_STATES)
