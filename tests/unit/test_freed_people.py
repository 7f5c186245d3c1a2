"""People who are free one after the other, in the pieces of a plan."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from broadcaster.domain.frequency import MOST_PIECES, Freed, PersonRule, in_few_pieces

NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)


def free(first: float, last: float, messages: int) -> Freed:
    return Freed(NOW + timedelta(seconds=first), NOW + timedelta(seconds=last), messages, PersonRule.COOLDOWN)


def one_after_the_other(people: int, *, apart: float = 1.0, since: float = 0.0) -> list[Freed]:
    return [free(since + number * apart, since + number * apart, 1) for number in range(people)]


def of_any(kinds: dict[str, list[Freed]]) -> list[Freed]:
    return [freed for _, freed in in_few_pieces(kinds)]


def waits(freed: Iterable[Freed]) -> list[float]:
    """For how long the first message of each piece waits for the last one, in seconds."""
    return [(each.at - each.first_at).total_seconds() for each in freed]


def test_those_who_are_free_evenly_are_in_pieces_of_about_the_same_length() -> None:
    found = of_any({"": one_after_the_other(240)})
    assert sum(each.messages for each in found) == 240
    assert len(found) == MOST_PIECES + 1
    assert max(waits(found)) <= 2 * 240 / MOST_PIECES
    assert [each.at for each in found] == sorted(each.at for each in found)
    assert found[-1].at == NOW + timedelta(seconds=239)


def test_the_first_of_them_is_a_piece_of_its_own() -> None:
    first, *_ = of_any({"": [free(10, 500, 100), free(500, 900, 100)]})
    assert (first.messages, first.at) == (1, NOW + timedelta(seconds=10))


def test_nobody_waits_for_those_who_are_free_much_later() -> None:
    found = of_any({"": [*one_after_the_other(500), *one_after_the_other(500, since=30 * 86_400.0)]})
    assert max(waits(found)) < 100


def test_those_who_differ_most_in_when_they_are_free_are_in_the_most_pieces() -> None:
    found = list(in_few_pieces({"long": one_after_the_other(500, apart=60), "short": one_after_the_other(500)}))
    assert sum(kind == "long" for kind, _ in found) > MOST_PIECES * 0.7
    assert sum(each.messages for _, each in found) == 1_000


def test_those_of_many_kinds_are_in_a_piece_of_each() -> None:
    kinds = {number: one_after_the_other(10, since=number) for number in range(50)}
    found = list(in_few_pieces(kinds))
    assert len(found) == 51
    assert {kind for kind, _ in found} == set(kinds)


def test_few_are_in_a_piece_each_and_nobody_in_none() -> None:
    assert of_any({"": one_after_the_other(5)}) == one_after_the_other(5)
    assert of_any({"": [free(3, 3, 40)]}) == [free(3, 3, 40)]
    assert of_any({"": []}) == of_any({}) == []
