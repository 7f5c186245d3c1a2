"""What the tables are made of: the metadata, the types, and columns that many of them have."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    MetaData,
    TextClause,
    text,
)

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.inbound_meanings import InboundMeaning
from broadcaster.domain.instances import Wire
from broadcaster.domain.notices import NoticeEvent
from broadcaster.domain.opt_out_ways import OptOutWay
from broadcaster.domain.outcomes import Outcome, Resolution
from broadcaster.domain.receivers import ReceiverWay
from broadcaster.domain.schedules import Misfire, Overlap
from broadcaster.domain.sharing import MoveReason
from broadcaster.domain.states import CampaignState, LaneHealth, MessageState, OccurrenceState, ScheduleState

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def enum_type(members: type[StrEnum], name: str) -> Enum:
    """The Postgres enum of the values of `members`."""
    return Enum(members, name=name, metadata=metadata, values_callable=lambda e: [m.value for m in e])


def campaign_id(*references: ForeignKey) -> Column[Any]:
    """The column by which a row belongs to a campaign."""
    return Column("campaign_id", BigInteger, *references, nullable=False, comment="The campaign that it belongs to.")


def moment(name: str, comment: str, **kwargs: Any) -> Column[Any]:
    """A point in time, with its zone. `kwargs` are those of Column."""
    return Column(name, DateTime(timezone=True), comment=comment, **kwargs)


def of_session(name: str) -> TextClause:
    """The default that is the `operator` or the `command` of the session, as the audit trail has it."""
    return text(f"nullif(left(current_setting('broadcaster.{name}', true), 200), '')")


campaign_state = enum_type(CampaignState, "campaign_state")
message_state = enum_type(MessageState, "message_state")
lane_health = enum_type(LaneHealth, "lane_health")
outcome = enum_type(Outcome, "outcome")
wire = enum_type(Wire, "wire")
resolution = enum_type(Resolution, "resolution")
content_kind = enum_type(ContentKind, "content_kind")
schedule_state = enum_type(ScheduleState, "schedule_state")
occurrence_state = enum_type(OccurrenceState, "occurrence_state")
misfire = enum_type(Misfire, "misfire")
opt_out_way = enum_type(OptOutWay, "opt_out_way")
overlap = enum_type(Overlap, "overlap")
move_reason = enum_type(MoveReason, "move_reason")
inbound_meaning = enum_type(InboundMeaning, "inbound_meaning")
notice_event = enum_type(NoticeEvent, "notice_event")
receiver_way = enum_type(ReceiverWay, "receiver_way")
