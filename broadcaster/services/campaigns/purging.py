"""Deleting what is personal of campaigns that ended long ago: totals stay, and the proof that their books balanced.

The database does it, and refuses what may be wanted yet (db/schema/functions/purge_campaign.sql). Each campaign is a
transaction of its own, so that whoever is interrupted has purged some and not others, and may begin again.
docs/decisions/0019-purging.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import NamedTuple

import msgspec
import structlog
from psycopg import errors
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import first, rows, value
from broadcaster.domain.states import CampaignState
from broadcaster.errors import ConflictError, ContentionError, NotFoundError
from broadcaster.services.campaigns.purged import refuse_purged

log = structlog.get_logger()

_TRIES = 10
_PAUSE = 0.3
"""Seconds between two tries, in which those pass who waited behind the first one."""
_RUN_SECONDS = 20.0
"""After which the hourly task begins no further campaign."""
_MOST = 1_000
"""Campaigns that one run looks for."""
_MOST_REPLIES = 10_000
"""Messages to us that one run purges."""
_REFUSALS = (errors.ObjectNotInPrerequisiteState, errors.DataCorrupted)


class CampaignStaysError(ConflictError):
    """A campaign is not purged. `reason` is what keeps it, in words."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Candidate(msgspec.Struct, frozen=True):
    """A campaign, and what would go of it."""

    id: int
    name: str
    state: CampaignState
    finished_at: datetime | None
    messages: int
    attempts: int
    rejected: int
    kept_because: str | None
    """What keeps it from being purged; None: nothing."""


class DuePurge(NamedTuple):
    """A campaign that ended long enough ago, and that nothing keeps from being purged."""

    id: int
    name: str


class Purge(msgspec.Struct, frozen=True):
    """What went of a campaign, by state and outcome: its row of `purges`."""

    messages: Mapping[str, int]
    attempts: Mapping[str, int]
    rejected: int


def find_candidates(engine: Engine, older_than: timedelta, name: str | None = None) -> list[Candidate]:
    """The campaigns that ended so long ago and are not purged yet, the oldest first; or only `name` with its tests.

    Those that were created so long ago and have not ended are among them, and kept.

    Raises NotFoundError, and ConflictError where that one is purged already.
    """
    with transaction(engine) as connection:
        if name is not None:
            table = tables.campaigns
            found = connection.execute(table.select().where(table.c.name == name)).one_or_none()
            if found is None:
                raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
            refuse_purged(name, found.purged_at)
        return rows(connection, "purgeable_campaigns", Candidate, older_than=older_than, name=name)


def purge_campaign(engine: Engine, campaign_id: int, older_than: timedelta) -> Purge | None:
    """Delete what is personal of a campaign that ended so long ago, and more than a day ago; None: it was done before.

    Tries again for some seconds where others hold what it needs. Raises CampaignStaysError where something
    keeps the campaign, ContentionError where it never got its locks.
    """
    for _ in range(_TRIES - 1):
        try:
            return _purge(engine, campaign_id, older_than)
        except ContentionError:
            sleep(_PAUSE)
    return _purge(engine, campaign_id, older_than)


def purge_due(engine: Engine, days: int) -> dict[str, int]:
    """Purge the campaigns that ended so many days ago, the oldest first, for some seconds; how many, and of what.

    What one cannot have this time waits for the next. Twice at once does no harm.
    """
    older_than, ends = timedelta(days=days), monotonic() + _RUN_SECONDS
    done = {"campaigns": 0, "messages": 0, "attempts": 0, "rejected": 0}
    with transaction(engine) as connection:
        due = rows(connection, "due_purges", DuePurge, older_than=older_than, most=_MOST)
    for campaign_id, name in due:
        if monotonic() >= ends:
            break
        try:
            purge = purge_campaign(engine, campaign_id, older_than)
        except (ConflictError, ContentionError) as error:
            log.error("campaign not purged", campaign=name, error=str(error))
            continue
        if purge is not None:
            went = {"messages": sum(purge.messages.values()), "attempts": sum(purge.attempts.values())}
            log.info("campaign purged", campaign=name, **went, rejected=purge.rejected)
            for what, count in {"campaigns": 1, **went, "rejected": purge.rejected}.items():
                done[what] += count
    return done | {"replies": _purge_inbound(engine, older_than)}


def _purge_inbound(engine: Engine, older_than: timedelta) -> int:
    """Delete what is personal of old messages to us that belong to no campaign; returns how many there were."""
    try:
        with transaction(engine) as connection:
            return int(value(connection, "purge_inbound", older_than=older_than, most=_MOST_REPLIES))
    except ContentionError as error:
        log.error("replies not purged", error=str(error))
        return 0


def _purge(engine: Engine, campaign_id: int, older_than: timedelta) -> Purge | None:
    with transaction(engine) as connection, _refusals():
        return first(connection, "purge_campaign", Purge, campaign_id=campaign_id, older_than=older_than)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turns what the database says of a campaign that stays into a CampaignStaysError."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, _REFUSALS):
            said = error.orig.diag
            raise CampaignStaysError(str(said.message_primary), str(said.message_detail)) from None
        raise
