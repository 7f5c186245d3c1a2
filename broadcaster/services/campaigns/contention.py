"""What else the people of a campaign get: who was messaged too lately for it, and who is in other campaigns."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, func, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows, value
from broadcaster.domain.care import Care
from broadcaster.domain.frequency import READ_PIECES, Contention, Freed, PersonRule
from broadcaster.services.first_leaving import AT_ONCE, first_leaving
from broadcaster.services.frequency import caps_in
from broadcaster.settings import load


class _Contended(NamedTuple):
    campaign: str | None
    people: int


def may_contend(connection: Connection, care: Care, *, name: str) -> bool:
    """Whether there is anything that may keep people from a campaign of that name, or send them something else."""
    if care.cooldown is not None or (not care.beyond_caps and caps_in(connection)):
        return True
    return bool(value(connection, "others_send", name=name))


def count_contention(connection: Connection, care: Care | None, *, name: str, leaves_at: datetime) -> Contention:
    """That of the table `candidates`, for a campaign of that name that may leave then. Marked ones play no part."""
    care = care or Care()
    caps = [] if care.beyond_caps else [each.cap for each in caps_in(connection)]
    found: list[Freed] = []
    spans = [*(cap.span for cap in caps), *([] if care.cooldown is None else [care.cooldown])]
    if spans:
        found = rows(
            connection,
            "recent_candidates",
            Freed,
            at=leaves_at,
            pieces=READ_PIECES,
            span=max(spans),
            grace=load().acceptance_seconds,
            most=[cap.most for cap in caps],
            spans=[cap.span for cap in caps],
            cooldown=care.cooldown,
        )
    (_, people), *others = rows(connection, "contended_candidates", _Contended, name=name)
    return Contention(
        cooldown=sum(each.messages for each in found if each.rule is PersonRule.COOLDOWN),
        cap=sum(each.messages for each in found if each.rule is PersonRule.CAP),
        is_skipped=care.skips_recent,
        free=tuple(found),
        in_others=people,
        others=tuple(each.campaign or "" for each in others),
    )


def contention_of(engine: Engine, name: str) -> Contention | None:
    """That of a campaign that has its messages, none of which has left; None: it has not."""
    table = tables.campaigns
    of_care = table.c.care, table.c.require_consent, table.c.starts_at
    asked = select(table.c.id, table.c.segment, table.c.audience_id, *of_care)
    with transaction(engine) as connection:
        row = connection.execute(asked.where(table.c.name == name)).one()
        if row.audience_id is not None:
            return None
        of_campaign = {"segment": row.segment, "campaign_id": row.id, "require_consent": row.require_consent}
        execute(connection, "candidates_of_messages", **of_campaign)
        execute(connection, "analyze_candidates")
        care = None if row.care is None else msgspec.convert(row.care, Care)
        now: datetime = connection.execute(select(func.now())).scalar_one()
        leaving = first_leaving(connection, [row.id]).get(row.id, AT_ONCE)
        return count_contention(connection, care, name=name, leaves_at=leaving.after(max(now, row.starts_at)))
