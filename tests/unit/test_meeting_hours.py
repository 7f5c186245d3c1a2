"""When campaigns and instances are open at once, and which occurrences are never sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from broadcaster.domain.meeting_hours import Chances, meeting_of, said_hours
from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup

BERLIN = RecipientGroup("DE", ("Europe/Berlin",))
JAKARTA = RecipientGroup("ID", ("Asia/Jakarta",))
MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)


def hours(*windows: str, zone: str = "UTC", is_by_recipient: bool = False) -> OpeningHours:
    return OpeningHours(windows=windows, zone=zone, is_by_recipient=is_by_recipient)


@pytest.mark.parametrize(
    ("campaign", "instance", "opens"),
    [
        (None, None, "05 08:00"),
        (None, hours("18:00-20:00"), "05 18:00"),
        (hours("08:00-20:00"), hours("18:00-22:00"), "05 18:00"),
        (hours("Tue 08:00-20:00"), hours("18:00-22:00"), "06 18:00"),
        # They touch, and no moment is in both.
        (hours("09:00-12:00"), hours("12:00-14:00"), None),
        (hours("Mon-Fri 09:00-12:00"), hours("Sat,Sun 09:00-12:00"), None),
        # By clocks in different zones.
        (hours("09:00-12:00", zone="Asia/Jakarta"), hours("09:00-12:00"), None),
        (hours("16:00-18:00", zone="Asia/Jakarta"), hours("09:00-12:00"), "05 09:00"),
    ],
)
def test_a_campaign_is_open_when_its_instance_is_too(
    campaign: OpeningHours | None, instance: OpeningHours | None, opens: str | None
) -> None:
    meeting = meeting_of(campaign, {"a": instance}, [NOBODY], MONDAY)
    assert (meeting.opens_at and f"{meeting.opens_at:%d %H:%M}") == opens
    assert list(meeting.apart) == ([] if opens else ["a"])


def test_the_first_of_instances_and_recipients_counts_and_those_left_out_are_told() -> None:
    instances = {"early": hours("01:00-03:00"), "late": hours("12:00-14:00"), "noon": hours("10:00-11:30")}
    campaign = hours("08:00-12:00", is_by_recipient=True)
    meeting = meeting_of(campaign, instances, [BERLIN, JAKARTA], MONDAY)
    assert meeting.opens_at == MONDAY.replace(hour=10)
    assert (meeting.apart, meeting.unmet) == (["late"], [])
    del instances["early"]
    assert meeting_of(campaign, instances, [BERLIN, JAKARTA], MONDAY).unmet == [JAKARTA]


def test_recipients_of_whom_nothing_is_known_count_as_met_by_their_own_clocks_only() -> None:
    instances = {"late": hours("12:00-14:00")}
    mornings = hours("08:00-12:00", is_by_recipient=True)
    meeting = meeting_of(mornings, instances, (), MONDAY)
    assert (meeting.opens_at, meeting.apart) == (MONDAY, [])
    assert meeting_of(hours("08:00-12:00"), instances, (), MONDAY).opens_at is None


def test_hours_are_said_with_those_of_the_first_few_instances() -> None:
    instances = {name: hours("09:00-12:00") for name in "abcde"} | {"any": None}
    assert said_hours(None, {"any": None}) == ""
    assert said_hours(hours("10:00-11:00"), {"a": instances["a"]}) == (
        "10:00-11:00 UTC, through instance 'a' 09:00-12:00 UTC"
    )
    assert said_hours(None, instances).endswith("instance 'c' 09:00-12:00 UTC, and 2 more instances")


def test_whichever_sends_first_is_told_also_where_it_has_no_hours() -> None:
    instances = {"shop": None, "night": hours("22:00-23:00")}
    assert said_hours(None, instances) == "at any time through 'shop', through instance 'night' 22:00-23:00 UTC"
    assert meeting_of(None, instances, (), MONDAY).first == ["shop"]
    assert meeting_of(hours("22:30-22:50"), instances, (), MONDAY).first == ["shop", "night"]
    assert said_hours(hours("22:30-22:50"), instances) == ("22:30-22:50 UTC, through instance 'night' 22:00-23:00 UTC")


def chances(*due: datetime, windows: tuple[str, ...], expires: int | None) -> Chances:
    after = None if expires is None else timedelta(hours=expires)
    return Chances.of(due, hours(*windows), {"a": None}, after, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("expires", "all_are_missed", "remark"),
    [
        # It opens at nine on the next day: 17.5 hours later.
        (6, True, "expired before anything of them can be sent: 3 of the next 3 occurrences"),
        (18, False, None),
        (None, False, "sent on another day than they are due, unless you give --expires: 3 of the next 3 occurrences"),
    ],
)
def test_occurrences_after_their_windows_expire_or_leave_a_day_late(
    expires: int | None, all_are_missed: bool, remark: str | None
) -> None:
    due = [MONDAY.replace(hour=15, minute=30) + timedelta(days=day) for day in range(3)]
    found = chances(*due, windows=("09:00-15:00",), expires=expires)
    assert found.all_are_missed is all_are_missed
    assert [each.partition(";")[0] for each in found.remarks()] == ([remark] if remark else [])


def test_what_expires_at_the_moment_of_its_opening_is_missed() -> None:
    assert chances(MONDAY, windows=("09:00-15:00",), expires=1).all_are_missed
    assert not chances(MONDAY, windows=("08:59-15:00",), expires=1).all_are_missed
    assert not chances(windows=("09:00-15:00",), expires=1).all_are_missed
