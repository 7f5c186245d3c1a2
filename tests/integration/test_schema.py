"""The schema: migrations produce what is declared, and the enums are Python's."""

from __future__ import annotations

from enum import StrEnum

import pytest
from sqlalchemy import Engine, text

from broadcaster.db import migrate
from broadcaster.db.tables import metadata
from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.instances import Wire
from broadcaster.domain.notices import NoticeEvent
from broadcaster.domain.opt_out_ways import OptOutWay
from broadcaster.domain.outcomes import Outcome, Resolution
from broadcaster.domain.receivers import ReceiverWay
from broadcaster.domain.schedules import Misfire, Overlap
from broadcaster.domain.states import (
    CAMPAIGN_TRANSITIONS,
    FINAL_CAMPAIGN_STATES,
    FINAL_MESSAGE_STATES,
    LANE_TRANSITIONS,
    MESSAGE_TRANSITIONS,
    OCCURRENCE_TRANSITIONS,
    SCHEDULE_TRANSITIONS,
    CampaignState,
    LaneHealth,
    MessageState,
    OccurrenceState,
    ScheduleState,
)


def test_migrations_produce_the_declared_tables(engine: Engine) -> None:
    assert migrate.differences(engine) is None


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    assert migrate.upgrade_schema(engine) == []
    migrate.require_current(engine)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("campaign_state", CampaignState),
        ("message_state", MessageState),
        ("lane_health", LaneHealth),
        ("outcome", Outcome),
        ("resolution", Resolution),
        ("wire", Wire),
        ("content_kind", ContentKind),
        ("schedule_state", ScheduleState),
        ("occurrence_state", OccurrenceState),
        ("misfire", Misfire),
        ("overlap", Overlap),
        ("opt_out_way", OptOutWay),
        ("notice_event", NoticeEvent),
        ("receiver_way", ReceiverWay),
    ],
)
def test_the_enum_in_postgres_is_the_one_in_python(engine: Engine, name: str, members: type[StrEnum]) -> None:
    with engine.begin() as connection:
        labels = connection.execute(text(f"SELECT unnest(enum_range(NULL::{name}))::text")).scalars().all()
    assert list(labels) == [member.value for member in members]


@pytest.mark.parametrize(
    ("members", "transitions"),
    [
        (CampaignState, CAMPAIGN_TRANSITIONS),
        (MessageState, MESSAGE_TRANSITIONS),
        (LaneHealth, LANE_TRANSITIONS),
        (ScheduleState, SCHEDULE_TRANSITIONS),
        (OccurrenceState, OCCURRENCE_TRANSITIONS),
    ],
)
def test_every_state_is_in_the_table_of_transitions(
    members: type[StrEnum], transitions: dict[StrEnum, object]
) -> None:
    assert set(transitions) == set(members)


def test_final_states_are_left_only_by_an_operators_word() -> None:
    left = {state for state in FINAL_MESSAGE_STATES if MESSAGE_TRANSITIONS[state]}
    assert left == {MessageState.FAILED, MessageState.UNKNOWN}
    assert {state for state in FINAL_CAMPAIGN_STATES if CAMPAIGN_TRANSITIONS[state]} == {CampaignState.FINISHED}


def test_every_table_and_column_says_what_it_is_for() -> None:
    silent = [table.name for table in metadata.sorted_tables if not table.comment]
    silent += [str(column) for table in metadata.sorted_tables for column in table.columns if not column.comment]
    assert silent == []


def test_every_view_says_what_it_shows(engine: Engine) -> None:
    with engine.begin() as connection:
        silent = connection.execute(
            text(
                "SELECT relname FROM pg_class"
                " WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace AND obj_description(oid) IS NULL"
            )
        ).scalars()
        assert list(silent) == []


def test_counters_that_do_not_balance_are_refused_by_the_database(engine: Engine) -> None:
    with engine.begin() as connection:
        checks = connection.execute(
            text("SELECT conname FROM pg_constraint WHERE conrelid = 'campaign_lanes'::regclass AND contype = 'c'")
        ).scalars()
        assert "campaign_lanes_i1_nothing_lost_check" in set(checks)
