"""What is said of messages that went from one instance to another."""

from __future__ import annotations

from collections.abc import Sequence

from broadcaster.cli.output import say, say_table
from broadcaster.services.campaigns.move_reports import OpenFailover, ToldMove
from broadcaster.time_zones import shown_time


def say_failovers(failovers: Sequence[OpenFailover]) -> None:
    """A line for each instance whose part others send."""
    for each in failovers:
        why = f" ({each.reason})" if each.reason else ""
        say(
            f"failover: what instance {each.instance} has of campaign {each.campaign} goes through the others since "
            f"{shown_time(each.began_at)}{why}; moved: {each.messages:,}, still there: {each.pending:,}"
        )


def say_moves(moves: Sequence[ToldMove], *, of_instance: bool = False) -> None:
    """A table of them, if there are any; with their campaigns where they are of one instance."""
    if not moves:
        return
    say("")
    say_table(
        [*(["CAMPAIGN"] if of_instance else []), "MOVED", "FROM", "TO", "LATEST", "WHY"],
        (
            [
                *([each.campaign] if of_instance else []),
                *(each.messages, each.from_instance, each.to_instance, shown_time(each.latest, seconds=True)),
                f"{each.reason.words} ({each.moved_by})" if each.moved_by else each.reason.words,
            ]
            for each in moves
        ),
        folded=["CAMPAIGN", "FROM", "TO", "WHY"] if of_instance else ["FROM", "TO", "WHY"],
    )
