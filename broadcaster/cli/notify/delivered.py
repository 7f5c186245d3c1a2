"""`broadcaster notify test`, `log`: whether receivers can be reached, and what they were told."""

from __future__ import annotations

from shlex import quote
from typing import Annotated

import typer

from broadcaster.cli.database import database, nudge_workers, prepare_nudge, vault_opener
from broadcaster.cli.notify import Name
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, say_table
from broadcaster.domain.notices import NoticeEvent
from broadcaster.errors import InputError
from broadcaster.services.notices.delivering import send_trial_notice
from broadcaster.services.notices.notice_log import LoggedDelivery, read_deliveries
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

_STYLES = {"delivered": "green", "sent": "green", "given up": "bold red", "waiting": "yellow", "failed": "bold red"}


def try_out(name: Name) -> None:
    """Send a receiver a notice that is marked as a test, from here and now, and say what it answers.

    Where it is taken, all that waits for this receiver is sent at once. Exit code 1: it was not taken.

    Example: broadcaster notify test ops
    """
    settings = load()
    prepare_nudge()
    with database(settings) as engine:
        answer = send_trial_notice(engine, settings, vault_opener(settings), name)
    if not answer.is_taken:
        raise InputError(f"receiver {name!r} has not taken it: {answer.words}")
    if answer.campaign_id is None:
        whence = "sent from here, with this command's settings; workers have theirs from when they were started"
        say(f"receiver {name} has taken it: {answer.words} ({whence})")
        return
    nudge_workers(settings)
    say(f"{answer.words}: see what became of it with `broadcaster notify log {quote(name)}`")


def log(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only of this receiver.", show_default=False)
    ] = None,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Only what has not arrived: it waits, or was given up.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what was told to whom, the latest first, and what became of it. Kept for 90 days.

    What a receiver does not take is tried again after 10 s, 30 s, 90 s and so on up to an hour, and given up after
    three days. A test is tried once, and not counted among what is undelivered.

    Example: broadcaster notify log ops --undelivered
    """
    with database(load()) as engine:
        found = read_deliveries(engine, name, undelivered=undelivered, limit=limit)
    if as_json:
        say_json([_document(each) for each in found])
    elif found:
        headers = ["NOTED", "RECEIVER", "EVENT", "NOTICE", "TRIES", "OUTCOME", "ANSWER"]
        folded = ["RECEIVER", "NOTICE", "ANSWER"]
        say_table(headers, [_cells(each) for each in found], styles=_STYLES, folded=folded)
        if len(found) == limit:
            say(f"the latest {limit:,}; --limit shows more")
        if any(each.event is NoticeEvent.TEST and each.outcome == "given up" for each in found):
            say("tests that were not taken are not among the UNDELIVERED of `broadcaster notify list`")
    else:
        say("nothing that has not arrived" if undelivered else "nothing was told yet")


def _document(each: LoggedDelivery) -> dict[str, object]:
    return {
        "id": str(each.id),
        "noted_at": each.noted_at,
        "receiver": each.receiver,
        "way": each.way,
        "event": each.event,
        "subject": each.subject,
        "summary": each.notice.summary,
        "detail": each.notice.detail,
        "advice": each.notice.advice,
        "command": each.notice.command,
        "figures": each.notice.figures,
        "outcome": each.outcome,
        "tries": each.tries,
        "delivered_at": each.delivered_at,
        "given_up_at": each.given_up_at,
        "next_try_at": each.next_try_at,
        "answer": each.answer,
        "message_state": each.message_state,
        "message_reason": each.message_reason,
    }


def _cells(each: LoggedDelivery) -> tuple[object, ...]:
    said = each.notice.summary + (f": {each.notice.detail}" if each.notice.detail else "")
    answer = each.message_reason or each.answer
    return shown_time(each.noted_at, seconds=True), each.receiver, each.event, said, each.tries, each.outcome, answer
