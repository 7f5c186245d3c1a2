"""What the parts of a plan have for groups of people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from broadcaster.domain.frequency import PersonRule
from broadcaster.domain.opening_hours import RecipientGroup
from broadcaster.domain.people_groups import Alike, PeopleBeside, by_clocks, even_groups, groups_in_order, of_groups
from broadcaster.domain.planned_parts import OWN, PlannedPart
from broadcaster.domain.planned_people import PeopleRules
from broadcaster.domain.skips import Skipped, joined_skips, said_skips

OTHER = 7
NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)
JAPAN = RecipientGroup("JP", ("Asia/Tokyo",))
KOREA = RecipientGroup("KR", ("Asia/Seoul",))
NIGERIA = RecipientGroup("NG", ("Africa/Lagos",))
BRAZIL = RecipientGroup("BR", ("America/Sao_Paulo",))


def by_people(parts: list[PlannedPart]) -> list[tuple[int, int]]:
    return [(part.people, part.messages) for part in parts]


@pytest.mark.parametrize(
    ("messages", "theirs", "whole", "found"),
    [
        (100, {1: 50, 2: 50}, 200, [(1, 25), (2, 25), (0, 50)]),
        (100, {1: 50, 2: 50}, 100, [(1, 50), (2, 50)]),
        (100, {1: 60, 2: 60}, 100, [(1, 50), (2, 50)]),
        (1, {1: 1, 2: 1, 3: 1}, 3, [(2, 1)]),
        (10, {}, 10, [(0, 10)]),
    ],
)
def test_each_group_has_its_share_of_a_part(
    messages: int, theirs: dict[int, int], whole: int, found: list[tuple[int, int]]
) -> None:
    assert by_people(list(of_groups(PlannedPart(lane_id=1, messages=messages), theirs, whole))) == found


def test_groups_that_are_large_are_cut_and_small_ones_are_joined_where_they_are_of_the_same_campaigns() -> None:
    found = [Alike([1], [], 25), Alike([1], [NOW], 3), Alike([2], [], 4)]
    assert [(each.selections, each.people) for each in even_groups(found, 10)] == [
        ([1], 10),
        ([1], 10),
        ([1], 8),
        ([2], 4),
    ]


def test_others_are_before_and_between_groups_that_are_somewhere_in_a_list() -> None:
    theirs, places = {1: 20, 2: 20, 3: 10}, {1: 0.3, 2: 0.51, 3: 0.95}
    found = by_people(list(of_groups(PlannedPart(lane_id=1, messages=50), theirs, 100, places)))
    assert found == [(0, 10), (1, 10), (2, 10), (0, 15), (3, 5)]


def places(groups: Iterable[Alike]) -> list[tuple[int, float, float]]:
    return [(each.people, round(each.place, 2), round(each.places[0], 2)) for each in groups]


def test_people_of_lists_in_one_order_are_in_groups_one_after_the_other() -> None:
    found = [Alike([1], [], 10, place=number / 8, places=[number / 8]) for number in range(8)]
    assert places(groups_in_order(found, 20)) == [
        (20, 0.06, 0.06),
        (20, 0.31, 0.31),
        (20, 0.56, 0.56),
        (20, 0.81, 0.81),
    ]


def test_people_of_lists_in_different_orders_are_in_groups_by_both() -> None:
    found = [Alike([1], [], 10, place=own / 2, places=[other / 2]) for own in range(2) for other in range(2)]
    assert places(groups_in_order(found, 10)) == [(10, 0, 0), (10, 0, 0.5), (10, 0.5, 0), (10, 0.5, 0.5)]
    assert places(groups_in_order(found, 40)) == [(40, 0.25, 0.25)]
    assert [each.selections for each in groups_in_order([*found, Alike([1, 2], [], 1)], 40)] == [[1], [1, 2]]


def of(*groups: RecipientGroup, people: int = 10) -> Alike:
    return Alike([OTHER], [], people, places=[0.0], groups=list(groups))


@pytest.mark.parametrize(
    ("most", "found"),
    [
        (4, [[(BRAZIL,)], [(NIGERIA,)], [(JAPAN,)], [(KOREA,)]]),
        (3, [[(BRAZIL,)], [(NIGERIA,)], [(JAPAN, KOREA)] * 2]),
        (2, [[(BRAZIL,)], [(JAPAN, KOREA, NIGERIA)] * 3]),
        (1, [[(BRAZIL, JAPAN, KOREA, NIGERIA)] * 4]),
    ],
)
def test_people_are_apart_by_country_and_neighbours_by_their_clocks_are_joined_where_there_are_many(
    most: int, found: list[list[tuple[RecipientGroup, ...]]]
) -> None:
    people = [of(JAPAN, people=5), of(NIGERIA, people=20), of(KOREA, people=5), of(BRAZIL, people=30)]
    assert [[tuple(each.groups) for each in alike] for alike in by_clocks(people, most, NOW)] == found


def test_people_whose_country_nobody_knows_are_of_all_countries() -> None:
    assert [[each.groups for each in alike] for alike in by_clocks([of(JAPAN), of()], 2, NOW)] == [[[]], [[JAPAN]]]
    assert [[each.groups for each in alike] for alike in by_clocks([of(JAPAN), of()], 1, NOW)] == [[[], []]]


@pytest.mark.parametrize(
    ("groups", "japan", "nigeria"),
    [
        ([of(JAPAN), of(NIGERIA)], [(1, 10), (0, 20)], [(2, 10), (0, 50)]),
        ([of(JAPAN)], [(1, 10), (0, 20)], [(0, 60)]),
        ([of(JAPAN, NIGERIA, people=30)], [(1, 10), (0, 20)], [(1, 20), (0, 40)]),
        ([of(people=30)], [(1, 10), (0, 20)], [(1, 20), (0, 40)]),
        ([of(JAPAN), of(people=30)], [(1, 10), (2, 10), (0, 10)], [(2, 20), (0, 40)]),
    ],
    ids=["two countries", "one country", "joined", "unknown", "some unknown"],
)
def test_what_goes_to_a_country_goes_to_its_people_alone(
    groups: list[Alike], japan: list[tuple[int, int]], nigeria: list[tuple[int, int]]
) -> None:
    rules = PeopleRules(cooldown=3_600)
    beside = PeopleBeside(groups, rules, {OTHER: PeopleRules()}, [2], 75.0)
    own = [PlannedPart(lane_id=1, messages=30, group=JAPAN), PlannedPart(lane_id=1, messages=60, group=NIGERIA)]
    assert by_people(beside.parts(own, OWN)) == [*japan, *nigeria]
    # The other one's windows are the same for everybody.
    whole = by_people(beside.parts([PlannedPart(lane_id=2, messages=90, campaign=OTHER)], OWN))
    assert whole[:-1] == [(key, each.people) for key, each in enumerate(groups, 1)]


def test_parts_of_a_campaign_and_of_others_are_planned_by_the_people_whom_they_share() -> None:
    rules = PeopleRules(cooldown=3_600)
    beside = PeopleBeside([Alike([OTHER], [], 10), Alike([], [NOW], 20)], rules, {OTHER: PeopleRules()}, [2], 75.0)
    own = [
        PlannedPart(lane_id=1, messages=40),
        PlannedPart(lane_id=1, messages=5, rule=PersonRule.CAP, first_free_at=NOW),
    ]
    assert by_people(beside.parts(own, OWN)) == [(1, 10), (2, 20), (0, 10), (0, 5)]
    others = [PlannedPart(lane_id=2, messages=100, campaign=OTHER), PlannedPart(lane_id=2, messages=9, campaign=8)]
    assert by_people(beside.parts(others, OWN)) == [(1, 10), (0, 90), (0, 9)]
    assert beside.planned(OWN).moments == {1: [], 2: [NOW.timestamp()]}
    assert beside.planned(OWN).rules == {OWN: rules, OTHER: PeopleRules()}


def test_those_who_are_skipped_for_one_reason_are_told_together() -> None:
    skips = joined_skips(
        [Skipped("cap", 2, True), Skipped("cooldown", 3, False), Skipped("cooldown", 9, False, is_about=True)]
    )
    assert said_skips(skips) == "about 14: 2 so far (cap), 3 by now (cooldown), about 9 more (cooldown)"
    assert said_skips(joined_skips([Skipped("opted_out", 3, False)])) == "3 to come (opted_out)"
    alike = [Skipped("cooldown", 25, False), Skipped("cooldown", 20, False, is_about=True)]
    assert said_skips(joined_skips(alike)) == "about 45 (cooldown): 25 by now, about 20 more"
