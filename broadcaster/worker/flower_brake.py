"""A brake on guessing passwords: how long somebody has to wait before the next one is looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic

MOST_ADDRESSES = 1_000
"""Remembered at once; the one that was longest silent is forgotten first. What many do has a limit of its own."""


class Allowance:
    """So many at once, and then one for each `seconds` that pass (a GCRA clock, as for sending)."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._seconds = seconds
        self._ahead = seconds * (at_once - 1)
        self._due = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until there is one more; 0: there is one."""
        return max(0.0, self._due - self._ahead - now)

    def spend(self, now: float) -> None:
        self._due = max(self._due, now) + self._seconds


class Brake:
    """Counts wrong passwords for each address, and over all.

    Who is out of allowance waits, also with the right password: otherwise guessing would go on. The limit over all
    does not touch addresses that have had the right one, so that strangers cannot lock them out.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, Allowance] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._over_all = Allowance(at_once=30, seconds=4.0)

    def wait(self, address: str) -> float:
        """Seconds until a password from this address is looked at; 0: at once."""
        now, who = self._clock(), _network(address)
        own = self._wrong[who].wait(now) if who in self._wrong else 0.0
        return own if who in self._known else max(own, self._over_all.wait(now))

    def wrong(self, address: str) -> None:
        """A wrong password came from there."""
        now, who = self._clock(), _network(address)
        if who not in self._wrong:
            self._wrong[who] = Allowance(at_once=5, seconds=12.0)
        self._wrong[who].spend(now)
        _trim(self._wrong, who)
        if who not in self._known:
            self._over_all.spend(now)

    def right(self, address: str) -> None:
        """The right one came from there."""
        who = _network(address)
        self._known[who] = None
        _trim(self._known, who)


def _network(address: str) -> str:
    """What one attacker has: an IPv4 address, or the 64 bits of a network of IPv6."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or int(parsed) >> 64)


def _trim(entries: OrderedDict[str, Allowance] | OrderedDict[str, None], latest: str) -> None:
    entries.move_to_end(latest)
    while len(entries) > MOST_ADDRESSES:
        entries.popitem(last=False)
