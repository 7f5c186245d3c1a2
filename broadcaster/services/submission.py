"""Turns a recipients file and a content into a campaign: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heapreplace
from itertools import repeat
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, insert, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.queries import query
from broadcaster.domain.states import CampaignState
from broadcaster.errors import InputError
from broadcaster.services.campaign_checks import check_name, lanes_of, name_taken_meanwhile, refuse_past, refuse_taken
from broadcaster.services.contents import Content, store_content
from broadcaster.services.recipients import Batch, RecipientReader

SAMPLES = 3

Progress = Callable[[int, int | None, int], None]
"""Called now and then with bytes read, bytes in all if known, and rows so far."""


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


class _DryRunError(Exception):
    """Rolls the transaction back."""


def submit(
    engine: Engine,
    submission: Submission,
    recipients: RecipientReader,
    *,
    dry_run: bool = False,
    progress: Progress = lambda _read, _total, _rows: None,
) -> Submitted:
    """Store the campaign with all its messages in one transaction, or nothing at all.

    Raises UsageError for a wrong value, NotFoundError for an unknown instance, ConflictError for a name that is
    taken, InputError for a recipients file that cannot be used. A dry run does everything and keeps nothing.
    """
    name = submission.name
    check_name(name)
    result = Submitted(name)
    try:
        with name_taken_meanwhile(name), transaction(engine) as connection:
            refuse_taken(connection, name)
            # Before the recipients are read, which may take longer than until the start.
            refuse_past(connection, submission.starts_at)
            lanes = lanes_of(connection, submission.instances)
            _store(connection, submission, lanes, recipients, result, progress)
            if dry_run:
                raise _DryRunError
    except _DryRunError:
        result.campaign_id = None
    return result


def _store(
    connection: Connection,
    submission: Submission,
    lanes: dict[int, float | None],
    recipients: RecipientReader,
    result: Submitted,
    progress: Progress,
) -> None:
    connection.exec_driver_sql(query("stage_recipients"))
    _copy(connection, _batches(recipients, result, submission.content, progress), lanes)
    content_id = store_content(connection, submission.content)
    campaign = {"campaign_id": _insert_campaign(connection, submission, content_id, recipients, result)}
    connection.execute(insert(tables.campaign_lanes), [{**campaign, "lane_id": lane} for lane in lanes])
    result.total = connection.exec_driver_sql(query("insert_messages"), campaign).rowcount
    result.duplicates = result.read - result.rejected - result.total
    connection.exec_driver_sql(query("insert_rejected_recipients"), campaign)
    if result.total == 0:
        raise InputError(
            f"{recipients.name}: none of its {result.read} recipients can be used; "
            f"the first: line {result.rejects[0][0]}, {result.rejects[0][1]!r}: {result.rejects[0][2]}"
        )
    result.campaign_id = campaign["campaign_id"]
    result.seconds_to_send = _seconds_to_send(connection, result.campaign_id)


def _insert_campaign(
    connection: Connection, submission: Submission, content_id: int, recipients: RecipientReader, result: Submitted
) -> int:
    content = submission.content
    result.state = CampaignState.DRAFT if submission.draft else CampaignState.SCHEDULED
    values: dict[str, Any] = {
        "name": submission.name,
        "state": result.state,
        "content_id": content_id,
        "caption": content.caption.source if content.caption else None,
        "filename": content.filename,
        "priority": submission.priority,
        "max_attempts": submission.max_attempts,
        "recipients_read": result.read,
        "recipients_rejected": result.rejected,
        "source": recipients.name,
    }
    if submission.starts_at is not None:
        values["starts_at"] = submission.starts_at
    campaign_id = connection.scalar(insert(tables.campaigns).values(values).returning(tables.campaigns.c.id))
    return int(campaign_id)


def _batches(recipients: RecipientReader, result: Submitted, content: Content, progress: Progress) -> Iterator[Batch]:
    for batch in recipients:
        result.read += len(batch.recipients) + len(batch.rejected)
        result.rejected += len(batch.rejected)
        _sample(batch, result, content)
        for row in batch.rejected[: SAMPLES - len(result.rejects)]:
            result.rejects.append((row.line, row.phone, row.fault.sentence))
        progress(recipients.bytes_read, recipients.total_bytes, result.read)
        yield batch


def _sample(batch: Batch, result: Submitted, content: Content) -> None:
    """Render the first few messages; a phone that comes again makes none."""
    rendered = content.text or content.caption
    for _, phone, variables in batch.recipients:
        if len(result.samples) == SAMPLES:
            return
        if phone not in dict(result.samples):
            text = rendered.render(variables) if rendered else content.filename or content.body.decode()
            result.samples.append((phone, text))


def _copy(connection: Connection, batches: Iterator[Batch], lanes: dict[int, float | None]) -> None:
    """Stream the batches into the staging table by COPY's text format."""
    encode = msgspec.json.Encoder().encode
    next_lane = _deal(lanes)
    seq = 0
    cursor = connection.connection.cursor()
    with cursor.copy("COPY staged_recipients (seq, line, lane_id, phone, variables, reason) FROM STDIN") as copy:
        for batch in batches:
            lines = []
            for line, phone, variables in batch.recipients:
                seq += 1
                # JSON escapes control characters itself, so that only its backslashes need COPY's escape.
                values = encode(variables).decode().replace("\\", "\\\\") if variables else "\\N"
                lines.append(f"{seq}\t{line}\t{next(next_lane)}\t{phone}\t{values}\t\\N\n")
            lines.extend(
                f"\\N\t{row.line}\t\\N\t{_escape(row.phone)}\t\\N\t{_escape(row.fault.sentence)}\n"
                for row in batch.rejected
            )
            copy.write("".join(lines))


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


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _seconds_to_send(connection: Connection, campaign_id: int) -> float | None:
    table, lanes = tables.instances, tables.campaign_lanes
    rows = connection.execute(
        select(lanes.c.total, table.c.interval_seconds)
        .join(table, table.c.id == lanes.c.lane_id)
        .where(lanes.c.campaign_id == campaign_id)
    ).all()
    return max(row.total * row.interval_seconds for row in rows) or None
