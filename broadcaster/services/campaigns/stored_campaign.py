"""What a stored campaign sends and to whom: those that it has, or before its start those of its audience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from broadcaster.db.queries import query
from broadcaster.domain.conditions import Condition
from broadcaster.domain.contents import Content, stored_content
from broadcaster.domain.states import CampaignState
from broadcaster.errors import NotFoundError
from broadcaster.services.audiences.audience import Audience
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.purged import refuse_purged


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient. `fault` is why nothing can be sent to this member of an audience."""

    phone: str
    variables: Mapping[str, str]
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCampaign:
    """A campaign as it is stored. Make one with `read_campaign`."""

    id: int
    name: str
    state: CampaignState
    source: str
    content_id: int
    content: Content
    max_attempts: int
    selection: Selection | None
    """Whom it goes to when it starts; None: its messages are there."""

    def recipients(self, connection: Connection, most: int, phone: str | None = None) -> list[Recipient]:
        """The first few that it goes to, or only `phone` where it goes to that one."""
        if self.selection is not None:
            rows = self.selection.sample(connection, most, phone=phone)
            return [Recipient(row["phone"], row["variables"], row["fault"]) for row in rows]
        parameters = {"campaign_id": self.id, "phone": phone, "most": most}
        return [Recipient(*row) for row in connection.exec_driver_sql(query("sample_messages"), parameters)]


def read_campaign(connection: Connection, name: str) -> StoredCampaign:
    """The campaign called so. Raises NotFoundError, and ConflictError where its messages are deleted."""
    row = connection.exec_driver_sql(query("read_campaign"), {"name": name}).one_or_none()
    if row is None:
        raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
    refuse_purged(name, row.purged_at)
    content = stored_content(row.kind, row.body, row.caption, row.filename)
    return StoredCampaign(
        id=row.id,
        name=name,
        state=CampaignState(row.state),
        source=row.source,
        content_id=row.content_id,
        content=content,
        max_attempts=row.max_attempts,
        selection=read_selection(row, content) if row.audience_id is not None and row.started_at is None else None,
    )


def read_selection(row: Row[Any], content: Content) -> Selection:
    """Whom a campaign over an audience goes to: of a row of `read_campaign` or `lock_due_audience_campaign`."""
    return Selection(
        audience=Audience(row.audience_id, row.audience, tuple(row.columns)),
        conditions=msgspec.convert(row.conditions or [], tuple[Condition, ...]),
        variables=row.campaign_variables or {},
        content=content,
    )
