"""Slows down the guessing of passwords: how long a client waits before its next password is checked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic

from broadcaster.domain.pacing import Pace, Pacer

MOST_ADDRESSES = 1_000
"""The most addresses that are remembered. The longest silent one is forgotten first. A limit over all covers the
rest."""


class Brake:
    """Counts wrong passwords for each address, and over all.

    A client without allowance waits even with the right password: otherwise guessing would go on. The limit over all
    does not apply to addresses that once gave the right password, so that strangers cannot lock them out.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, Pacer] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._over_all = _allowance(30, 4.0, clock())

    def wait(self, address: str) -> float:
        """Seconds until a password from this address is checked; 0: now."""
        now, who = self._clock(), _network(address)
        own = self._wrong[who].wait(now) if who in self._wrong else 0.0
        return max(0.0, own if who in self._known else max(own, self._over_all.wait(now)))

    def wrong(self, address: str) -> None:
        """A wrong password came from this address."""
        now, who = self._clock(), _network(address)
        if who not in self._wrong:
            self._wrong[who] = _allowance(5, 12.0, now)
        _spend(self._wrong[who], now)
        _trim(self._wrong, who)
        if who not in self._known:
            _spend(self._over_all, now)

    def right(self, address: str) -> None:
        """The right password came from this address."""
        who = _network(address)
        self._known[who] = None
        _trim(self._known, who)


def _allowance(at_once: int, seconds: float, now: float) -> Pacer:
    """So many tries at once, then one every `seconds` seconds."""
    return Pacer(Pace(seconds, seconds * (at_once - 1), at_once), debt=0.0, now=now)


def _spend(allowance: Pacer, now: float) -> None:
    allowance.admit(now)
    allowance.replied(now)


def _network(address: str) -> str:
    """What one attacker controls: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or int(parsed) >> 64)


def _trim(entries: OrderedDict[str, Pacer] | OrderedDict[str, None], latest: str) -> None:
    entries.move_to_end(latest)
    while len(entries) > MOST_ADDRESSES:
        entries.popitem(last=False)
