"""What has to hold after any two statements, whichever way they met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg

from broadcaster.domain.states import CAMPAIGN_TRANSITIONS, MESSAGE_TRANSITIONS, CampaignState, MessageState
from tests.interleavings.transactions import LEFT_BEHIND, Books, Campaign, Recipe, Side, claim_token, leases_of_claims

Grant = tuple[int, int, int]
"""campaign, seq, attempt"""


class Outcome(NamedTuple):
    """What a transaction came to: the rows of each of its statements, or the error that undid it."""

    rows: list[list[Any]]
    error: Exception | None


class Ran(NamedTuple):
    """One side of a pair."""

    side: Side
    recipe: Recipe
    outcome: Outcome


class Move(NamedTuple):
    """A message that changed its state, attempt or claim."""

    side: Side
    campaign: int
    seq: int
    source: MessageState
    target: MessageState
    attempt_before: int
    attempt: int
    claim_before: UUID | None
    claim: UUID | None


_SENDING = """
SELECT m.campaign_id, m.seq, l.id, m.claim_token, l.lease_token
FROM messages m JOIN lanes l ON l.id = m.lane_id WHERE m.state = 'sending' AND l.lease_token IS NOT NULL
"""


@cache
def _books_query() -> str:
    states = [state.value for state in MessageState]
    return (
        (Path(__file__).parent / "invariants.sql")
        .read_text(encoding="utf-8")
        .format(
            recounted=", ".join(f"count(*) FILTER (WHERE state = '{state}') AS {state}" for state in states),
            kept=", ".join(f"cl.{state}" for state in states),
            counted=", ".join(f"coalesce(recount.{state}, 0)" for state in states),
        )
    )


def broken(connection: psycopg.Connection[Any], ran: Sequence[Ran], books: Books) -> list[str]:
    """What is wrong, in words."""
    problems = [text for (text,) in connection.execute(_books_query())]
    for source, target in connection.execute("SELECT source::text, target::text FROM gate.campaign_moves ORDER BY n"):
        names = set().union(*(each.recipe.names for each in ran))
        if not _may_move(CampaignState(source), CampaignState(target), names):
            problems.append(f"a campaign went from {source} to {target}")
    moves = [
        Move(int(side), campaign, seq, MessageState(source), MessageState(target), *rest)
        for side, campaign, seq, source, target, *rest in connection.execute(
            "SELECT side, campaign_id, seq, source::text, target::text, attempt_before, attempt_after, claim_before,"
            " claim_after FROM gate.moves ORDER BY n"
        )
    ]
    problems += _wrong_leases(connection)
    for move in moves:
        problems += _wrong_move(move)
    for each in ran:
        mine = [move for move in moves if move.side == each.side]
        problems += _wrong_shape(each)
        problems += _wrong_grants(each, mine)
        problems += _wrong_outcomes(each, mine, books)
    doubled = Counter(grant for each in ran for grant in _granted(each))
    problems += [f"I2: message {grant} was granted {times} times" for grant, times in doubled.items() if times > 1]
    taken = Counter(row[0] for each in ran if "take_lanes" in each.recipe.names for row in _returned(each))
    problems += [f"I2: lane {lane} was taken {times} times" for lane, times in taken.items() if times > 1]
    return problems


def _returned(each: Ran) -> list[Any]:
    return [] if each.outcome.error else each.outcome.rows[-1]


def _turned_over(each: Ran) -> list[Any]:
    """What `turn_over` returned of lanes and messages. Its last row is that of the outcomes."""
    return _returned(each)[:-1] if "turn_over" in each.recipe.names else []


def _recorded(each: Ran) -> list[int]:
    """The places of the outcomes that moved a message, as `turn_over` said."""
    rows = _returned(each)
    return (rows[-1][-1] or []) if rows else []


def _may_move(source: CampaignState, target: CampaignState, names: set[str]) -> bool:
    if target in CAMPAIGN_TRANSITIONS[source]:
        return True
    # Two moves in one statement: `draft → scheduled`, and as it is due, `scheduled → running`.
    return (source, target) == (CampaignState.DRAFT, CampaignState.RUNNING) and "start_campaign" in names


def _wrong_leases(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """A lane that is held has nothing that is being sent by an earlier holder."""
    leases = leases_of_claims()
    for campaign, seq, lane, claim, lease in connection.execute(_SENDING):
        if lease != leases[claim, lane]:
            yield f"I2: message {seq} of campaign {campaign} is sending through lane {lane}, now held under {lease}"


def _wrong_move(move: Move) -> Iterator[str]:
    what = f"message {move.seq} of campaign {move.campaign}"
    if move.source is not move.target and move.target not in MESSAGE_TRANSITIONS[move.source]:
        yield f"{what} went from {move.source} to {move.target}"
    if move.target is MessageState.SENDING:
        if (move.attempt, move.claim) != (move.attempt_before + 1, claim_token(move.side)):
            yield f"I2: {what} is sending in attempt {move.attempt} after {move.attempt_before}, claim {move.claim}"
    elif (move.attempt, move.claim) != (move.attempt_before, None):
        yield f"I7: {what} became {move.target} in attempt {move.attempt}, not {move.attempt_before}, {move.claim}"


def _wrong_shape(each: Ran) -> Iterator[str]:
    """A row for each lane and message, and then one of outcomes, which its worker takes apart by their order."""
    if "turn_over" not in each.recipe.names or each.outcome.error:
        return
    *rows, (*rest, _) = _returned(each)
    if any(value is not None for value in rest) or any(row[0] is None or row[-1] is not None for row in rows):
        yield f"{each.recipe} returned {_returned(each)}"


def _granted(each: Ran) -> list[Grant]:
    """The messages that a claim returned: what its worker sends."""
    return [(row[4], row[5], row[8]) for row in _turned_over(each) if row[5] is not None]


def _wrong_grants(each: Ran, moves: list[Move]) -> Iterator[str]:
    if any(campaign == Campaign.EXPIRED for campaign, *_ in _granted(each)):
        yield f"{each.recipe} claims what has expired"
    if any(row[0] == LEFT_BEHIND for row in _turned_over(each)):
        yield f"I7: {each.recipe} was answered for lane {LEFT_BEHIND}, whose lease has ended"
    moved = Counter((m.campaign, m.seq, m.attempt) for m in moves if m.target is MessageState.SENDING)
    if moved != Counter(_granted(each)):
        yield f"I3: {each.recipe} returned {_granted(each)} and moved {sorted(moved)}"


def _wrong_outcomes(each: Ran, moves: list[Move], books: Books) -> Iterator[str]:
    """A worker's outcome moves what that very claim is sending, and says so."""
    ended = [move for move in moves if move.source is MessageState.SENDING]
    if "turn_over" not in each.recipe.names:
        for move in ended:
            if "recover_leases" not in each.recipe.names or move.target is not MessageState.IN_DOUBT:
                yield f"I7: {each.recipe} ended the sending of message {move.seq} of campaign {move.campaign}"
        return
    rows = msgspec.json.decode(each.recipe.steps[-1].parameters(books, each.side)["outcomes"])
    given = [(row["campaign_id"], row["seq"], row["attempt"], row["claim"]) for row in rows]
    moved = Counter((m.campaign, m.seq, m.attempt, str(m.claim_before)) for m in ended)
    said = Counter(given[place - 1] for place in _recorded(each))
    for stranger in moved - Counter(given):
        yield f"I7: {each.recipe} moved {stranger}, which it was not given"
    if moved != said:
        yield f"I7: {each.recipe} moved {sorted(moved)} and said {sorted(said)}"
