"""The brake on wrong passwords for Flower."""

from __future__ import annotations

import pytest

from broadcaster.domain.password_brake import MOST_ADDRESSES, Brake


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def brake(clock: Clock) -> Brake:
    return Brake(clock)


def test_an_address_has_five_wrong_ones_and_then_one_each_twelve_seconds(brake: Brake, clock: Clock) -> None:
    for _ in range(5):
        assert brake.wait("192.0.2.1") == 0
        brake.wrong("192.0.2.1")
    assert brake.wait("192.0.2.1") == 12
    assert brake.wait("192.0.2.2") == 0
    clock.now += 12
    assert brake.wait("192.0.2.1") == 0
    brake.wrong("192.0.2.1")
    assert brake.wait("192.0.2.1") == 12


def test_in_an_hour_no_number_of_addresses_has_more_than_a_thousand(brake: Brake, clock: Clock) -> None:
    looked_at = 0
    for second in range(3600):
        clock.now += 1
        for n in range(3):
            if brake.wait(f"198.51.{second % 256}.{n}") == 0:
                looked_at += 1
                brake.wrong(f"198.51.{second % 256}.{n}")
    assert looked_at <= 30 + 3600 / 4 + 1


def test_strangers_do_not_lock_out_who_has_the_password(brake: Brake) -> None:
    brake.right("192.0.2.1")
    for n in range(40):
        brake.wrong(f"198.51.100.{n}")
    assert brake.wait("203.0.113.9") > 0
    assert brake.wait("192.0.2.1") == 0
    for _ in range(5):
        brake.wrong("192.0.2.1")
    assert brake.wait("192.0.2.1") > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_an_ipv6_network_is_one_address(brake: Brake, one: str, other: str, same: bool) -> None:
    for _ in range(5):
        brake.wrong(one)
    assert (brake.wait(other) > 0) is same


def test_it_remembers_a_thousand_addresses_and_no_more(brake: Brake) -> None:
    for n in range(3 * MOST_ADDRESSES):
        brake.wrong(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
        brake.right(f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(brake._wrong) == len(brake._known) == MOST_ADDRESSES  # how much it keeps shows nowhere else
