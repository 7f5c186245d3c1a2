"""Whom a campaign leaves out for the care of its number: counted when it is submitted, skipped when it starts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from broadcaster.db import tables
from broadcaster.db.statements import Statement, execute, rows
from broadcaster.domain.care import Care
from broadcaster.domain.frequency import NO_CONTENTION, Contention
from broadcaster.services.campaigns.contention import count_contention, may_contend
from broadcaster.services.campaigns.submission import Submission


class LeftOutCounts(NamedTuple):
    """How many messages would be skipped now, since the person has not answered for long, or is not known.

    None: the campaign does not ask that. Who is both counts as not answering. `contention` is what the
    others get besides.
    """

    unanswered: int | None
    not_known: int | None
    contention: Contention


class _Marked(NamedTuple):
    reason: str
    messages: int


def count_left_out(
    connection: Connection, submission: Submission, lanes: Collection[int], candidates: Statement, **parameters: Any
) -> LeftOutCounts:
    """Of the recipients that the statement `candidates` finds, with these parameters, for lanes with these ids."""
    care = submission.care or Care()
    if not (care.leaves_out or may_contend(connection, care, name=submission.name)):
        return LeftOutCounts(None, None, NO_CONTENTION)
    _mark(connection, care, lanes, candidates, **parameters)
    counts = {marked.reason: marked.messages for marked in rows(connection, "count_marked", _Marked)}
    return LeftOutCounts(
        unanswered=None if care.max_unanswered is None else counts.get("unanswered", 0),
        not_known=counts.get("not_known", 0) if care.only_known else None,
        contention=count_contention(connection, care, name=submission.name, starts_at=submission.starts_at),
    )


def skip_left_out(connection: Connection, care: Care | None, campaign_id: int, segment: int) -> int:
    """Skip them, in the transaction that makes the campaign `running`; returns how many."""
    if care is None or not care.leaves_out:
        return 0
    of_campaign = {"segment": segment, "campaign_id": campaign_id}
    _mark(connection, care, (), "candidates_of_messages", **of_campaign)
    return execute(connection, "skip_marked", **of_campaign)


def skip_left_out_by_now(connection: Connection, campaign_id: int) -> int:
    """The same of a campaign that has started: other instances know other people, and somebody has not answered since.

    The caller has it locked.
    """
    table = tables.campaigns
    asked = select(table.c.care, table.c.segment).where(table.c.id == campaign_id, table.c.started_at.is_not(None))
    row = connection.execute(asked).first()
    if row is None or row.care is None:
        return 0
    return skip_left_out(connection, msgspec.convert(row.care, Care), campaign_id, row.segment)


def _mark(
    connection: Connection, care: Care, lanes: Collection[int], candidates: Statement, **parameters: Any
) -> None:
    execute(connection, candidates, **parameters)
    execute(connection, "analyze_candidates")
    if care.max_unanswered is not None:
        execute(connection, "mark_unanswered", most=care.max_unanswered, after=timedelta(seconds=care.after))
    if care.only_known:
        execute(connection, "mark_not_known", lanes=list(lanes))
