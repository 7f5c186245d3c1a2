"""Outcomes that a worker cannot write before it ends go to the disk, and the next one writes them; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

import pytest

from broadcaster.services.sending.outcome_writer import LINGER, MOST, RETRY, OutcomeWriter
from broadcaster.services.sending.spool import Spool
from tests.support.outcome_desk import ASKS, COMMIT, Desk, away, now, row

# The end


def test_a_writer_that_stops_spools_what_it_cannot_write_at_once_and_goes_on_writing_what_it_can(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(0.1)
        asked = now()
        writer.stop()
        assert desk.told.written_ == [(1, False), (2, False)]
        assert desk.told.at[-1] == asked, "it waits for the next try no longer"
        assert writer.commit_by() == inf
        desk.postgres.trouble = lambda _: None
        desk.write(writer, 3)
        await asyncio.sleep(RETRY)
        desk.postgres.trouble = away
        desk.write(writer, 4)
        await asyncio.sleep(0.1)

    desk.run(use)
    assert desk.told.written_[2:] == [(3, True), (4, False)]
    assert desk.postgres.seqs() == [[3]]
    assert desk.spooled() == [1, 2, 4]


def test_a_writer_that_stops_during_a_try_waits_for_what_comes_of_it(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(LINGER + COMMIT + RETRY + COMMIT / 2)
        assert len(desk.postgres.began) == 2
        desk.write(writer, 2)
        writer.stop()
        assert desk.told.written_ == []
        assert desk.spooled() == []
        await asyncio.sleep(COMMIT)
        assert desk.told.written_ == [(1, False), (2, False)]
        await asyncio.sleep(5)

    desk.run(use)
    assert len(desk.postgres.began) == 2
    assert desk.spooled() == [1, 2]


def test_what_a_writer_that_stops_has_spooled_was_committed_after_all_and_nobody_is_told_twice(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        await desk.write_unheard(writer, 1, 2)
        writer.stop()
        writer.committed()

    desk.run(use, driven=False)
    assert desk.told.written_ == [(1, False), (2, False)]
    assert desk.spooled() == [1, 2]


def test_giving_up_while_a_commit_hangs_spools_that_group_all_that_wait_and_what_comes_yet(desk: Desk) -> None:
    desk.postgres.takes = 1e6

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(LINGER * 2)
        desk.write(writer, 3)
        await asyncio.sleep(5)
        assert desk.told.written_ == []
        writer.stop()
        writer.give_up()
        desk.write(writer, 4)
        await asyncio.sleep(5)
        desk.write(writer, 5)
        await asyncio.sleep(5)
        assert writer.commit_by() == inf

    desk.run(use)
    assert len(desk.postgres.began) == 1
    assert desk.told.written_ == []
    assert desk.spooled() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("trouble", [away, lambda _: None])
def test_what_becomes_of_a_commit_after_giving_up_changes_nothing(
    desk: Desk, trouble: Callable[[object], Exception | None]
) -> None:
    desk.postgres.takes = 5.0
    desk.postgres.trouble = trouble
    desk.asks = ASKS

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(LINGER * 2)
        desk.write(writer, 2)
        writer.stop()
        writer.give_up()
        await asyncio.sleep(10)
        assert writer.commit_by() == inf

    desk.run(use)
    assert len(desk.postgres.began) == 1
    assert desk.told.written_ == []
    assert desk.spooled() == [1, 2]


def test_giving_up_before_a_group_was_begun_spools_it(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(LINGER / 2)
        writer.give_up()
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.postgres.began == []
    assert desk.spooled() == [1]


def test_a_writer_with_nothing_left_leaves_nothing_behind(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(1)
        writer.stop()
        writer.give_up()

    desk.run(use)
    assert desk.spooled() == []
    assert not desk.directory.exists()


def test_what_neither_postgres_nor_the_disk_takes_holds_up_nobody(desk: Desk) -> None:
    desk.directory.write_text("in the way")
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        writer.stop()
        desk.write(writer, 1)
        await asyncio.sleep(0.1)

    desk.run(use)
    assert desk.told.written_ == [(1, False)]


# What others left


def left_behind(desk: Desk, *seqs: int) -> None:
    spool = Spool(desk.directory)
    spool.append([row(seq) for seq in seqs])
    spool.close()


def test_what_others_left_is_written_in_groups_once(desk: Desk) -> None:
    left_behind(desk, *range(MOST))
    left_behind(desk, MOST)

    async def use(writer: OutcomeWriter) -> None:
        assert await writer.replay()
        assert await writer.replay()

    desk.run(use)
    assert [len(each.rows) for each in desk.postgres.committed] == [MOST, 1]
    assert sorted(seq for group in desk.postgres.seqs() for seq in group) == list(range(MOST + 1))
    assert desk.spooled() == []


def test_what_others_left_is_kept_until_postgres_takes_it(desk: Desk) -> None:
    left_behind(desk, 1, 2)
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        assert not await writer.replay()
        assert desk.spooled() == [1, 2]
        desk.postgres.trouble = lambda _: None
        assert await writer.replay()

    desk.run(use)
    assert desk.postgres.seqs() == [[1, 2]]


def test_what_a_living_process_spooled_is_left_to_it(desk: Desk) -> None:
    living = Spool(desk.directory)
    living.append([row(1)])

    async def use(writer: OutcomeWriter) -> None:
        assert await writer.replay()

    desk.run(use)
    assert desk.postgres.committed == []
    living.close()
    assert desk.spooled() == [1]
