"""The statements that touch messages, each atomic, as the database runs them. They are pure: world in, world out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from tests.model.world import Hold, Lane, OutcomeStatement, Rules, TurnOver, World, with_lane, with_message

_MOVES = {"accepted": "sent", "rejected": "failed", "not sent": "pending", "unclear": "in_doubt"}


def turn_over(
    world: World, rules: Rules, statement: TurnOver, *, began_in_time: bool
) -> Iterator[tuple[World, tuple[Hold, ...]]]:
    """`turn_over.sql`: outcomes are written, whoever holds the lane, and its holder gets messages.

    Every way to take pending messages of the lane, up to `want`; not all of them need be due. What its own outcomes
    make pending is not among them, since it sees what there was before.

    A statement that had to wait judges the lease's end and the campaign's state by the moment at which it began; the
    token it compares with the row that it has locked.
    """
    lane, lease, token, want, outcomes = statement
    row = world.lanes[lane]
    holds = row.lease == lease and (began_in_time or not row.expired)
    pending = [m for m, each in enumerate(world.messages) if each.state == "pending" and rules.lane_of[m] == lane]
    for outcome in outcomes:
        world = record_outcome(world, rules, outcome)
    if holds:
        is_over = row.expired and not rules.statements_end_before_leases
        world = with_lane(world, lane, row if is_over else Lane(row.lease))
    yield world, ()
    if rules.claim_checks_lease and not holds:
        return
    for taken in (some for n in range(1, want + 1) for some in combinations(pending, n)):
        after = world if holds else world._replace(wrote_stale=True)
        for m in taken:
            attempt = world.messages[m].attempt + 1
            after = with_message(after, m, state="sending", attempt=attempt, claim=token, landed=False)
        yield after, tuple(Hold(m, after.messages[m].attempt, token) for m in taken)


def read_claim(world: World, token: int) -> tuple[Hold, ...]:
    """`read_claim.sql`: what is `sending` under that token."""
    return tuple(
        Hold(m, each.attempt, token)
        for m, each in enumerate(world.messages)
        if each.state == "sending" and each.claim == token
    )


def record_outcome(world: World, rules: Rules, outcome: OutcomeStatement) -> World:
    """One outcome of `turn_over.sql`. A row that has moved on stays as it is."""
    row = world.messages[outcome.message]
    is_attempt, is_claim = row.attempt == outcome.attempt, row.claim == outcome.claim
    if row.state != "sending" or (rules.outcome_checks_attempt and not is_attempt):
        return world
    if rules.outcome_checks_claim and not is_claim:
        return world
    if not (is_attempt and is_claim):
        world = world._replace(wrote_stale=True)
    spent = row.spent + (outcome.outcome == "unclear")
    return with_message(world, outcome.message, state=_MOVES[outcome.outcome], claim=0, spent=spent, by_word=False)
