"""Every two transactions that write messages, lanes, campaigns, doubts or counters, whichever way they meet.

The second runs while the first is held: between its snapshot and its locks, and again between its statement and its
commit. Whatever they are, the books hold afterwards (invariants.sql, invariants.py). The list of statements is taken
from the code, so that a new one joins by itself. Only those that have nothing in common do not meet (footprints.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.interleavings.footprints import Footprint
from tests.interleavings.pairs import Arena, Effect, Meeting
from tests.interleavings.recipes import PAUSED_BEFORE, RECIPES
from tests.interleavings.transactions import Recipe
from tests.interleavings.writers import BOOKS, writing_statements
from tests.support.servers import TestServers

Effects = dict[Recipe, Effect]

_STALE = {"turn_over that records sent of a stale claim", "turn_over that records failed of a stale attempt"}
_CLAIM = "turn_over that claims"
_BETWEEN_CLAIMS = [
    recipe
    for recipe in RECIPES
    if len(recipe.steps) == 1 and (recipe.worker or recipe.label.endswith("EVERYTHING") or "sweep" in recipe.label)
]


@pytest.fixture(scope="module")
def arena(servers: TestServers) -> Iterator[Arena]:
    with servers.environment() as variables:
        opened = Arena(variables["BROADCASTER_MIGRATION_DATABASE_URL"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def effects(arena: Arena) -> Effects:
    return {recipe: arena.effect(recipe) for recipe in RECIPES}


@pytest.fixture
def tidy_arena(arena: Arena) -> Iterator[Arena]:
    yield arena
    arena.tidy()


def _recipe(label: str) -> Recipe:
    return next(recipe for recipe in RECIPES if recipe.label == label)


def test_every_statement_that_writes_the_books_has_a_recipe() -> None:
    tried = set().union(*(recipe.names for recipe in RECIPES))
    missing = writing_statements() - tried
    assert not missing, (
        f"add to recipes.py how the code runs {', '.join(sorted(missing))}, and to books.sql what it finds"
    )


def test_every_recipe_does_something(effects: Effects) -> None:
    idle = {recipe.label for recipe, effect in effects.items() if not effect.changed & BOOKS}
    assert idle == _STALE, "the books or the parameters are not those that they want"


def test_the_books_are_put_back_after_every_recipe(effects: Effects) -> None:
    left = set().union(*(effect.left_behind for effect in effects.values()))
    # What nothing is decided by: what operators did.
    assert left <= {"audit_log"}


def test_a_footprint_has_every_table_that_its_transaction_changes(arena: Arena, effects: Effects) -> None:
    missed = {
        recipe.label: missing
        for recipe, effect in effects.items()
        if (missing := effect.changed - arena.footprint(recipe).written)
    }
    assert not missed


@pytest.mark.parametrize(
    ("label", "written", "locked", "touched"),
    [
        ("turn_over that claims", "limits messaged_phones", "", "opted_out caps openings"),
        ("turn_over that records sent", "attempt_slots", "", ""),
        ("a rest of FINISHED", "content_versions", "lanes", ""),
        ("purge_campaign", "doubts", "", "settlements"),
        ("lengthen_frequency", "lanes", "", ""),
    ],
    ids=["a statement", "a trigger", "a foreign key", "a function", "a lock of a table"],
)
def test_a_footprint_has_whatever_is_touched_by(
    arena: Arena, label: str, written: str, locked: str, touched: str
) -> None:
    footprint = arena.footprint(_recipe(label))
    assert set(written.split()) <= footprint.written <= footprint.locked <= footprint.touched
    assert set(locked.split()) <= footprint.locked - footprint.written
    assert set(touched.split()) <= footprint.touched


def test_who_waits_for_an_advisory_lock_meets_its_holder(arena: Arena) -> None:
    forget, hold_off = (
        {name for name in kind if "advisory" in name}
        for kind in (arena.footprint(_recipe("forget_phone")).written, arena.footprint(_recipe("stop_phone")).touched)
    )
    assert forget == hold_off != set()


def test_what_has_nothing_in_common_is_apart_and_nothing_else(arena: Arena) -> None:
    reading, locking, writing = (
        Footprint(frozenset({"t", *more}), frozenset(locked), frozenset(written))
        for more, locked, written in (((), (), ()), (("l",), ("l",), ()), (("w",), ("w",), ("w",)))
    )
    assert reading.is_apart_from(reading) and reading.is_apart_from(locking) and locking.is_apart_from(writing)
    assert not locking.is_apart_from(locking) and not writing.is_apart_from(writing)
    seeing = reading._replace(touched=frozenset("w"))
    assert not seeing.is_apart_from(writing) and not writing.is_apart_from(seeing)
    assert not arena.may_disturb(_recipe("end_leases"), _recipe("purge_inbound"))


def test_what_is_held_sees_what_there_was_before_another_session_committed(arena: Arena) -> None:
    assert arena.sees_the_past()


@pytest.mark.parametrize("first", RECIPES, ids=str)
def test_the_books_hold_whatever_meets(tidy_arena: Arena, first: Recipe) -> None:
    broken = [
        f"{first}, held {meeting.value}, and {second}: {problem}"
        for second, meeting in itertools.product(RECIPES, Meeting)
        if tidy_arena.may_disturb(first, second)
        for problem in tidy_arena.meet(first, second, meeting)
    ]
    assert not broken, "\n".join(broken)


def test_claims_of_lanes_that_have_nothing_but_a_campaign_in_common_keep_to_its_limit(tidy_arena: Arena) -> None:
    claims = [recipe for recipe in RECIPES if recipe.label.startswith(f"{_CLAIM} for lane")]
    assert len(claims) == 2
    alone = """
        WITH others AS (DELETE FROM lane_limits WHERE limit_id = 1)
        UPDATE campaigns SET state = 'paused' WHERE id IN (10, 15)
    """
    sending = "SELECT count(*) FROM messages WHERE campaign_id = 1 AND state = 'sending'"
    for first, second, meeting in itertools.product(claims, claims, Meeting):
        assert tidy_arena.meet(first, second, meeting, given=alone) == []
        # The books begin with seven, and there was one place.
        assert tidy_arena.sql(sending) == [(8,)], (first, second, meeting)


@pytest.mark.parametrize("last", [_CLAIM, "turn_over that records pending and claims"])
@pytest.mark.parametrize("second", _BETWEEN_CLAIMS, ids=str)
def test_the_books_hold_whatever_comes_between_two_claims(tidy_arena: Arena, second: Recipe, last: str) -> None:
    first, fourth = _recipe(_CLAIM), _recipe(last)
    broken = [
        f"{first}, {second}, {third}, {fourth}: {problem}"
        for third in [*_BETWEEN_CLAIMS, PAUSED_BEFORE]
        for problem in tidy_arena.follow([first, second, third, fourth])
    ]
    assert not broken, "\n".join(broken)
