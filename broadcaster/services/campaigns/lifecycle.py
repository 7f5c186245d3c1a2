"""Starting, pausing, resuming, cancelling and retrying campaigns: each one guarded transaction."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Engine, func, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, first, rows
from broadcaster.domain.states import CampaignState
from broadcaster.errors import ConflictError, ContentionError, NotFoundError, quoted
from broadcaster.services.campaigns.judging import judge_anew
from broadcaster.services.campaigns.leaving_out import skip_left_out_by_now
from broadcaster.services.campaigns.moving import deal_draft
from broadcaster.services.campaigns.purged import refuse_purged
from broadcaster.time_zones import shown_time

Result = TypeVar("Result")
_RETRIED = (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.FINISHED)
_TRIES = 5
"""Workers write the messages of a running campaign all the time; a command that loses against them is repeated."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A campaign after a command: its new state, and how many messages the command moved."""

    name: str
    state: CampaignState
    messages: int = 0


class FailedFor(msgspec.Struct, frozen=True):
    """How many messages of a campaign failed for one reason, as reports count them."""

    reason: str
    messages: int


@dataclass(frozen=True, slots=True)
class Retried(Moved):
    """The same of a command that sends what failed again, or would."""

    reasons: Sequence[FailedFor] = ()
    """Those messages by reason, the most frequent first."""


class Change(msgspec.Struct, frozen=True):
    """What a statement that changes a campaign has made of it."""

    state: CampaignState
    messages: int


def start_campaign(engine: Engine, name: str, *, now: bool = False) -> Moved:
    """`draft → scheduled`; when its time has come, `scheduled → running` follows at once.

    With `now` it has come, also of a campaign that is scheduled already. One that is queued as an occurrence of a
    schedule is started as that, beside those before it.
    """
    patiently(lambda: _deal_draft(engine, name, now=now))
    return _move(
        engine,
        name,
        "start_campaign",
        CampaignState.SCHEDULED,
        "draft",
        before="hasten_campaign" if now else None,
        follows=_start_its_occurrence,
        refuses_expired=True,
    )


def _start_its_occurrence(connection: Connection, campaign_id: int) -> None:
    execute(connection, "start_queued_occurrence", campaign_id=campaign_id)


def _deal_draft(engine: Engine, name: str, *, now: bool) -> None:
    """What has waited since it was dealt may start at a time when other instances can send."""
    with transaction(engine) as connection:
        campaign_id, state = lock_campaign(connection, name)
        if state is CampaignState.DRAFT:
            deal_draft(connection, campaign_id, now=now)


def pause_campaign(engine: Engine, name: str) -> Moved:
    """Nothing leaves any more but what is in flight."""
    return _move(engine, name, "pause_campaign", CampaignState.PAUSED, "running or scheduled")


def resume_campaign(engine: Engine, name: str) -> Moved:
    """Go on where it was paused: only what was not sent is sent, and to nobody whom its care leaves out by now.

    Its figures are counted anew from here.
    """
    return _move(engine, name, "resume_campaign", CampaignState.RUNNING, "paused", follows=_go_on)


def _go_on(connection: Connection, campaign_id: int) -> None:
    skip_left_out_by_now(connection, campaign_id)
    judge_anew(connection, campaign_id)


def cancel_campaign(engine: Engine, name: str) -> Moved:
    """What has not left is cancelled for good; what is in flight still gets its outcome."""
    sources = "draft or paused or running or scheduled"
    return _move(engine, name, "cancel_campaign", CampaignState.CANCELLED, sources)


def retry_campaign(
    engine: Engine, name: str, reasons: Collection[str] | None = None, *, dry_run: bool = False
) -> Retried:
    """Send the failed messages of a campaign again, with a new set of attempts; a dry run only counts them.

    With `reasons` only those that reports count under one of these, or under one that has it as a part. Never one that
    may have been sent, unless an operator has settled it as failed. Raises NotFoundError for a reason that nothing
    failed for, and ConflictError where the state of the campaign does not allow it, it has expired, or another
    campaign has taken its rest.
    """

    def retry() -> Retried:
        with transaction(engine) as connection:
            campaign_id, state = lock_campaign(connection, name)
            _refuse_taken(connection, name, campaign_id)
            found = rows(connection, "failed_by_reason", FailedFor, campaign_id=campaign_id)
            wanted = _wanted(name, found, reasons)
            if state not in _RETRIED:
                raise ConflictError(_wrong_state(name, state, "finished or paused or running", CampaignState.RUNNING))
            _refuse_expired(connection, campaign_id, name)
            if dry_run:
                return Retried(name, state, sum(each.messages for each in wanted), wanted)
            asked = None if reasons is None else [each.reason for each in wanted]
            # One row: it is locked, and its state allows it.
            [changed] = rows(connection, "retry_campaign", Change, campaign_id=campaign_id, reasons=asked)
            judge_anew(connection, campaign_id)
            return Retried(name, changed.state, changed.messages, wanted)

    return patiently(retry)


def _wanted(name: str, found: Sequence[FailedFor], reasons: Collection[str] | None) -> Sequence[FailedFor]:
    """Those for a reason that is asked for: it is one of them, or else a part of some, in whatever case."""
    if reasons is None:
        return found
    wanted: set[str] = set()
    for asked in (reason.strip() for reason in reasons):
        same = {each.reason for each in found if each.reason == asked}
        with_it = {each.reason for each in found if asked and asked.casefold() in each.reason.casefold()}
        if not (same or with_it):
            there_are = "; ".join(repr(each.reason) for each in found)
            told = f"the reasons are: {there_are}" if found else "no message failed"
            raise NotFoundError(f"campaign {name!r} has no message that failed for {quoted(asked)}; {told}")
        wanted |= same or with_it
    return [each for each in found if each.reason in wanted]


def _refuse_taken(connection: Connection, name: str, campaign_id: int) -> None:
    table = tables.campaigns
    if connection.scalar(select(table.c.rest_taken_at).where(table.c.id == campaign_id)) is not None:
        raise ConflictError(
            f"campaign {name!r} is not sent again itself, since another one has its rest: send to whoever has not got "
            f"it with `broadcaster campaign submit NEW --instance NAME --rest-of {shlex.quote(name)}`"
        )


def patiently(move: Callable[[], Result]) -> Result:
    """What `move` returns, a transaction that Postgres may end in favour of another one: it is repeated then.

    Raises ContentionError where it loses again and again.
    """
    for _ in range(_TRIES - 1):
        with suppress(ContentionError):
            return move()
    return move()


def _move(
    engine: Engine,
    name: str,
    statement: str,
    target: CampaignState,
    sources: str,
    *,
    before: str | None = None,
    follows: Callable[[Connection, int], None] | None = None,
    refuses_expired: bool = False,
) -> Moved:
    """Run a statement that changes the campaign if its state allows it, and else returns no row.

    `before` is one that is run first, whatever it finds, and `follows` is done where it was changed. `sources` are the
    states that do, for people. A campaign that is `target` already is left as it is.
    """

    def move() -> Moved:
        with transaction(engine) as connection:
            campaign_id, state = lock_campaign(connection, name)
            _refuse_confirmation(connection, campaign_id, name)
            if refuses_expired:
                _refuse_expired(connection, campaign_id, name)
            if before is not None:
                execute(connection, before, campaign_id=campaign_id)
            changed = first(connection, statement, Change, campaign_id=campaign_id)
            if changed is not None:
                if follows is not None:
                    follows(connection, campaign_id)
                return Moved(name, changed.state, changed.messages)
            if state is target:
                return Moved(name, state)
            raise ConflictError(_wrong_state(name, state, sources, target))

    return patiently(move)


def _refuse_confirmation(connection: Connection, campaign_id: int, name: str) -> None:
    """It is one message to one person, who waits for it."""
    table = tables.campaigns
    if connection.scalar(select(table.c.confirms).where(table.c.id == campaign_id)) is not None:
        raise ConflictError(
            f"campaign {name!r} confirms an opt-out: it is sent by itself, and neither paused nor cancelled; to send "
            "no more of them use `broadcaster instance set INSTANCE --confirm-opt-out off`, and to send nothing "
            "`broadcaster instance pause INSTANCE`"
        )


def _refuse_expired(connection: Connection, campaign_id: int, name: str) -> None:
    """What such a campaign were given to send would expire at once."""
    table = tables.campaigns
    expired = select(table.c.expires_at).where(table.c.id == campaign_id, table.c.expires_at <= func.now())
    if (expires_at := connection.scalar(expired)) is not None:
        raise ConflictError(f"campaign {name!r} expired at {shown_time(expires_at)}: nothing of it is sent any more")


def _wrong_state(name: str, state: CampaignState, sources: str, target: CampaignState) -> str:
    return f"campaign {name!r} is {state}; only a campaign that is {sources} can become {target}"


def lock_campaign(connection: Connection, name: str) -> tuple[int, CampaignState]:
    """Its id and state, which nobody else changes until the transaction ends.

    Raises NotFoundError, and ConflictError where its messages are deleted.
    """
    table = tables.campaigns
    found = select(table.c.id, table.c.state, table.c.purged_at).where(table.c.name == name)
    row = connection.execute(found.with_for_update(key_share=True)).first()
    if row is None:
        raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
    refuse_purged(name, row.purged_at)
    return row.id, CampaignState(row.state)
