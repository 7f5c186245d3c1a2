"""When campaigns and instances may send, and when that is next."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from broadcaster.db.tables.columns import metadata, moment

opening_hours = Table(
    "opening_hours",
    metadata,
    Column(
        "id",
        Integer,
        Identity(always=True),
        primary_key=True,
        comment="Instances, campaigns and schedules refer to it.",
    ),
    Column(
        "digest",
        LargeBinary,
        nullable=False,
        unique=True,
        comment="SHA-256 of the document: each is stored once.",
    ),
    Column("document", JSONB, nullable=False, comment="Windows, zone, days off (domain/opening_hours.py)."),
    comment="When campaigns and instances may send, each stored once. A row never changes.",
)

recipient_groups = Table(
    "recipient_groups",
    metadata,
    Column(
        "id",
        SmallInteger,
        Identity(always=True),
        primary_key=True,
        comment="Messages carry it; 0 is no group: where recipients are plays no part.",
    ),
    Column("country", Text, nullable=False, comment="ISO 3166 code; 001: of no country."),
    Column(
        "zones",
        ARRAY(Text),
        nullable=False,
        comment="The zones that their clocks may be set to; none: nobody can know.",
    ),
    UniqueConstraint("country", "zones"),
    comment="Recipients who may be sent to at the same times: where their numbers are from.",
)

_NEVER = text("'-infinity'")

openings = Table(
    "openings",
    metadata,
    Column("hours_id", Integer, ForeignKey(opening_hours.c.id), nullable=False, comment="The hours that are open."),
    Column("recipient_group", SmallInteger, nullable=False, comment="For whom; 0: for everybody."),
    moment("opens_at", "From when on.", nullable=False, server_default=_NEVER),
    moment("closes_at", "Until before when.", nullable=False, server_default=_NEVER),
    moment(
        "reckoned_at",
        "The moment for which that was reckoned, which may be before it opens.",
        nullable=False,
        server_default=_NEVER,
    ),
    PrimaryKeyConstraint("hours_id", "recipient_group"),
    comment="When hours are open now or next, for a group of recipients. Ticks move it on; late ones leave it closed.",
)
