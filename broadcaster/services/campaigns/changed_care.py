"""How careful a stored campaign is: what of that is to be another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, null, update

from broadcaster.db import tables
from broadcaster.db.statements import execute
from broadcaster.domain.care import Care, FrequencyChange, StopChange, percent
from broadcaster.domain.spans import said_span
from broadcaster.services.campaigns.changed_terms import Difference
from broadcaster.services.campaigns.checks import lanes_in_use, refuse_unread
from broadcaster.services.campaigns.judging import judge_anew
from broadcaster.services.campaigns.stored_campaign import StoredCampaign


class CareChange(NamedTuple):
    """What is to be another one; None: it stays."""

    stops: StopChange | None = None
    """At which figures it pauses itself."""
    frequency: FrequencyChange | None = None
    """How often its people may have been messaged."""
    without_canary: bool = False
    """To everybody at once."""
    without_care: bool = False
    """Without any of it, but for what else is given."""

    @property
    def frees_people(self) -> bool:
        """Whether those who wait may wait no more."""
        return self.frequency is not None or self.without_care

    def of(self, before: Care) -> Care:
        """What they make of the care before. Raises UsageError."""
        care = Care() if self.without_care else before.at_once() if self.without_canary else before
        if self.stops is not None:
            care = msgspec.structs.replace(care, stops=self.stops.of(care.stops))
        return care if self.frequency is None else self.frequency.of(care)


def change_care(
    connection: Connection, campaign: StoredCampaign, change: CareChange, *, dry_run: bool
) -> Sequence[Difference]:
    """Store another care of a campaign that is locked, and return what is different; a dry run stores nothing.

    Raises UsageError for limits that no instance could tell of.
    """
    was = campaign.care or Care()
    now = change.of(was)
    if now.stops != was.stops:
        refuse_unread(connection, lanes_in_use(connection, campaign.id), now)
    if now == was or dry_run:
        return _differences(was, now)
    document = null() if now == Care() else msgspec.to_builtins(now)
    table = tables.campaigns
    connection.execute(update(table).where(table.c.id == campaign.id).values(care=document))
    if was.canary and not now.canary:
        execute(connection, "drop_canary", campaign_id=campaign.id)
    if now.stops != was.stops:
        judge_anew(connection, campaign.id)
    return _differences(was, now)


def _differences(was: Care, now: Care) -> Sequence[Difference]:
    both = (was, now)
    said = [
        Difference("stops itself at", *(str(each.stops) if each.stops.are_given else None for each in both)),
        Difference("canary", *(", ".join(map(percent, each.canary)) or None for each in both)),
        Difference(
            "max unanswered", *(None if each.max_unanswered is None else str(each.max_unanswered) for each in both)
        ),
        Difference("only known", *("yes" if each.only_known else "no" for each in both)),
        Difference("cooldown", *(said_span(each.cooldown) if each.cooldown else None for each in both)),
        Difference("when recent", *("skip" if each.skips_recent else "wait" for each in both)),
        Difference("caps", *("gone beyond" if each.beyond_caps else "kept to" for each in both)),
    ]
    return [each for each in said if each.was != each.now]
