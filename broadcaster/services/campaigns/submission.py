"""Turns a recipients file and a content into a campaign: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heapreplace
from itertools import repeat
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.names import check_name
from broadcaster.domain.states import CampaignState
from broadcaster.errors import InputError
from broadcaster.services.campaigns.checks import lanes_of, name_taken_meanwhile, refuse_past, refuse_taken
from broadcaster.services.campaigns.contents import Content, store_content
from broadcaster.services.campaigns.loading import MessageText, load, share, shares_staged, stage
from broadcaster.services.campaigns.segments import SHARED, attach_segment
from broadcaster.services.forgetting.forgotten import Forgotten, OpenVault, no_vault
from broadcaster.services.recipients.reader import SAMPLES, Batch, Progress, RecipientReader

_CAMPAIGN_IDS = "campaigns_id_seq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A campaign as it is asked for."""

    name: str
    instances: Sequence[str]
    content: Content
    max_attempts: int
    starts_at: datetime | None = None
    """Aware; None: at once."""
    priority: int = 0
    draft: bool = False


@dataclass(slots=True)
class Submitted:
    """What became of a submission (or would, for a dry run)."""

    name: str
    read: int = 0
    total: int = 0
    rejected: int = 0
    duplicates: int = 0
    campaign_id: int | None = None
    state: CampaignState = CampaignState.DRAFT
    samples: list[tuple[str, str]] = field(default_factory=list)
    """The first few (phone, rendered message)."""
    rejects: list[tuple[int, str, str]] = field(default_factory=list)
    """The first few (line, phone as written, reason)."""
    seconds_to_send: float | None = None
    """At the instances' rates; None where one is unlimited."""


def submit(
    engine: Engine,
    submission: Submission,
    recipients: RecipientReader,
    *,
    open_vault: OpenVault = no_vault,
    dry_run: bool = False,
    progress: Progress = lambda _read, _total, _rows: None,
) -> Submitted:
    """Store the campaign with all its messages in one transaction, or nothing at all.

    Raises UsageError for a wrong value, NotFoundError for an unknown instance, ConflictError for a name that is
    taken, InputError for a recipients file that cannot be used, ContentionError where somebody was forgotten
    meanwhile. A dry run does what tells the same, and writes to temporary tables alone: nothing of it is left on disk.
    """
    name = submission.name
    check_name(name)
    result = Submitted(name)
    with name_taken_meanwhile(name), transaction(engine) as connection:
        refuse_taken(connection, name)
        # Before the recipients are read, which may take longer than until the start.
        refuse_past(connection, submission.starts_at)
        lanes = lanes_of(connection, submission.instances)
        forgotten = Forgotten(connection, open_vault)
        batches = _batches(recipients, forgotten, result, submission.content, progress)
        result.state = CampaignState.DRAFT if submission.draft else CampaignState.SCHEDULED
        if dry_run:
            shares = _try(connection, recipients.variables, lanes, batches)
        else:
            shares = _store(connection, submission, lanes, recipients, batches, forgotten, result)
        _check(connection, recipients.name, result, shares)
    return result


def _try(
    connection: Connection, variables: Sequence[str], lanes: dict[int, float | None], batches: Iterator[Batch]
) -> dict[int, int]:
    """How many messages each lane would get."""
    with MessageText(0, variables, _deal(lanes)) as messages:
        stage(connection, messages, batches)
        return shares_staged(connection)


def _store(
    connection: Connection,
    submission: Submission,
    lanes: dict[int, float | None],
    recipients: RecipientReader,
    batches: Iterator[Batch],
    forgotten: Forgotten,
    result: Submitted,
) -> dict[int, int]:
    """How many messages each lane gets."""
    campaign_id = connection.execute(select(func.nextval(_CAMPAIGN_IDS))).scalar_one()
    with MessageText(campaign_id, recipients.variables, _deal(lanes)) as messages:
        segment = load(connection, messages, batches)
        forgotten.hold(connection)
        # Only now: another submission of the same content or name waits for what is written here.
        connection.execute(
            insert(tables.campaigns).values(
                id=campaign_id,
                segment=segment.number if segment else SHARED,
                **_campaign(submission, result),
                content_id=store_content(connection, submission.content),
                source=recipients.name,
            )
        )
        table = tables.campaign_lanes
        connection.execute(insert(table), [{"campaign_id": campaign_id, "lane_id": lane} for lane in lanes])
        if segment:
            attach_segment(connection, segment)
        else:
            share(connection, messages)
        messages.copy_rejected(connection)
    result.campaign_id = campaign_id
    shares = select(table.c.lane_id, table.c.total).where(table.c.campaign_id == campaign_id)
    return {row.lane_id: row.total for row in connection.execute(shares)}


def _check(connection: Connection, source: str, result: Submitted, shares: Mapping[int, int]) -> None:
    result.total = sum(shares.values())
    result.duplicates = result.read - result.rejected - result.total
    if result.total == 0:
        raise InputError(
            f"{source}: none of its {result.read} recipients can be used; "
            f"the first: line {result.rejects[0][0]}, {result.rejects[0][1]!r}: {result.rejects[0][2]}"
        )
    result.seconds_to_send = _seconds_to_send(connection, shares)


def _campaign(submission: Submission, result: Submitted) -> dict[str, Any]:
    content = submission.content
    values: dict[str, Any] = {
        "name": submission.name,
        "state": result.state,
        "caption": content.caption.source if content.caption else None,
        "filename": content.filename,
        "priority": submission.priority,
        "max_attempts": submission.max_attempts,
        "recipients_read": result.read,
        "recipients_rejected": result.rejected,
    }
    if submission.starts_at is not None:
        values["starts_at"] = submission.starts_at
    return values


def _batches(
    recipients: RecipientReader, forgotten: Forgotten, result: Submitted, content: Content, progress: Progress
) -> Iterator[Batch]:
    for batch in map(forgotten.without, recipients):
        result.read += len(batch.phones) + len(batch.rejected)
        result.rejected += len(batch.rejected)
        _sample(batch, result, content)
        for row in batch.rejected[: SAMPLES - len(result.rejects)]:
            result.rejects.append((row.line, row.phone, row.fault.sentence))
        progress(recipients.bytes_read, recipients.total_bytes, result.read)
        yield batch


def _sample(batch: Batch, result: Submitted, content: Content) -> None:
    """Render the first few messages; a phone that comes again makes none."""
    if len(result.samples) == SAMPLES:
        return
    rendered = content.text or content.caption
    for _, phone, variables in batch.recipients:
        if len(result.samples) == SAMPLES:
            return
        if phone not in dict(result.samples):
            text = rendered.render(variables) if rendered else content.filename or content.body.decode()
            result.samples.append((phone, text))


def _deal(lanes: dict[int, float | None]) -> Iterator[int]:
    """Lanes in proportion to their rates, evenly spread, so that all are done at about the same time."""
    if len(lanes) == 1:
        return repeat(next(iter(lanes)))
    return _deal_by_rate(lanes)


def _deal_by_rate(lanes: dict[int, float | None]) -> Iterator[int]:
    limited = [rate for rate in lanes.values() if rate is not None]
    unlimited = max([100.0, *(10 * rate for rate in limited)])
    costs = {lane: 1 / (rate or unlimited) for lane, rate in lanes.items()}
    free_at = [(cost, lane) for lane, cost in costs.items()]
    heapify(free_at)
    while True:
        moment, lane = free_at[0]
        yield lane
        heapreplace(free_at, (moment + costs[lane], lane))


def _seconds_to_send(connection: Connection, shares: Mapping[int, int]) -> float | None:
    table = tables.instances
    rows = connection.execute(select(table.c.id, table.c.interval_seconds).where(table.c.id.in_(shares))).all()
    return max(shares[row.id] * row.interval_seconds for row in rows) or None
