"""What a stored campaign sends and to whom: those that it has, or before its start those of its audience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from broadcaster.db.statements import first, rows
from broadcaster.domain.care import Care
from broadcaster.domain.conditions import Condition
from broadcaster.domain.contents import Content, stored_content
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.sharing import Sharing
from broadcaster.domain.states import CampaignState
from broadcaster.errors import NotFoundError
from broadcaster.services.audiences.audience import Audience
from broadcaster.services.audiences.selection import Recipient, Selection
from broadcaster.services.campaigns.purged import refuse_purged


class _Campaign(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    state: CampaignState
    source: str
    starts_at: datetime
    due_at: datetime
    """When it was or will be due; where it waits for an operator: now, or later."""
    started_at: datetime | None
    purged_at: datetime | None
    content_version: int
    content_id: int
    kind: str
    body: bytes
    caption: str | None
    filename: str | None
    locale: str
    file_column: str | None
    max_attempts: int
    require_consent: bool
    care: Care | None
    sharing: Sharing | None
    limits: dict[str, int] | None
    priority: int
    segment: int
    hours_id: int | None
    hours: OpeningHours | None
    expires_at: datetime | None
    audience_id: int | None
    audience: str | None
    columns: tuple[str, ...] | None
    conditions: tuple[Condition, ...] | None
    campaign_variables: dict[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCampaign:
    """A campaign as it is stored. Make one with `read_campaign`."""

    id: int
    name: str
    state: CampaignState
    source: str
    starts_at: datetime
    started_at: datetime | None
    content_version: int
    content_id: int
    content: Content
    max_attempts: int
    require_consent: bool
    care: Care | None
    sharing: Sharing
    limits: Mapping[str, int]
    """The limits that hold for it, by name: their ids."""
    priority: int
    segment: int
    hours_id: int | None
    hours: OpeningHours | None
    """When it may be sent; None: always."""
    expires_at: datetime | None
    over: Selection | None
    """The audience that it is over, and whom of it; None: its recipients came from a file, or it was removed since."""

    @property
    def selection(self) -> Selection | None:
        """Whom it goes to when it starts; None: its messages are there."""
        return self.over if self.started_at is None else None

    def expiry_after(self, moment: datetime) -> datetime | None:
        """When what is sent of it again from `moment` on expires: as it does, unless it has by then."""
        return self.expires_at if self.expires_at is not None and self.expires_at > moment else None

    def recipients(self, connection: Connection, most: int, phone: str | None = None) -> list[Recipient]:
        """The first few that it goes to, or only `phone` where it goes to that one."""
        if self.selection is not None:
            return self.selection.ready(connection).sample(connection, most, phone=phone)
        return rows(connection, "sample_messages", Recipient, campaign_id=self.id, phone=phone, most=most)


def read_campaign(connection: Connection, name: str) -> StoredCampaign:
    """The campaign called so. Raises NotFoundError, and ConflictError where its messages are deleted."""
    row = first(connection, "read_campaign", _Campaign, name=name)
    if row is None:
        raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
    refuse_purged(name, row.purged_at)
    content = stored_content(row.kind, row.body, row.caption, row.filename, row.locale, row.file_column)
    return StoredCampaign(
        id=row.id,
        name=name,
        state=row.state,
        source=row.source,
        starts_at=row.starts_at,
        started_at=row.started_at,
        content_version=row.content_version,
        content_id=row.content_id,
        content=content,
        max_attempts=row.max_attempts,
        require_consent=row.require_consent,
        care=row.care,
        sharing=row.sharing or Sharing(),
        limits=row.limits or {},
        priority=row.priority,
        segment=row.segment,
        hours_id=row.hours_id,
        hours=row.hours,
        expires_at=row.expires_at,
        over=_selection(row, content),
    )


def _selection(row: _Campaign, content: Content) -> Selection | None:
    if row.audience_id is None or row.audience is None:
        return None
    return Selection(
        audience=Audience(row.audience_id, row.audience, row.columns or ()),
        conditions=row.conditions or (),
        variables=row.campaign_variables or {},
        content=content,
        starts_at=row.due_at,
    )
