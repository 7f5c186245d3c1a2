"""What goes wrong, and when: fault rules and the choice between them.

Kinds, with what the ledger says about an affected message:

    latency                  accepted   `seconds` late, even if the client has given up meanwhile
    http_NNN                 refused    replies with the status NNN, 400 to 599
    http_NNN_after_accept    accepted   the same reply, which is a lie
    http_NNN_then_accept     accepted   the same reply at once, accepted `seconds` (5) after it
    html                     refused    200 with a web page
    html_after_accept        accepted
    html_then_accept         accepted   after the page
    reply                    refused    any `status` (200) with any `body` (empty): text as it is, else JSON
    reply_after_accept       accepted
    reply_then_accept        accepted   after the reply
    drop_before_reading      refused    RST at the first byte of the request
    drop_before_accept       refused    RST after the last byte of the request
    drop_after_accept        accepted   RST
    drop_then_accept         accepted   RST, accepted `seconds` after it
    hang_before_accept       refused    silence for `seconds`, then RST
    hang_after_accept        accepted   silence for `seconds`, then the reply
    hang_then_accept         accepted   silence; accepted `seconds` after the client has gone
    drip                     accepted   the reply byte by byte, over `seconds`
    big_reply                accepted   a reply of `bytes`
    false_yes                refused    the reply of an accepted message
    rate_limit               refused    429 to an instance's requests beyond `rate` in any `seconds` (1)

Lasting troubles by name, with the endpoints that they affect unless the rule names one; `lasting_troubles` has their
words:

    not_running, not_connected, not_connected_id, not_connected_pt, logged_out, no_session, starting      any
    bad_key, key_code, unauthorized, account_disabled, wrong_address, no_route, wrong_method, wrong_wire  any
    no_credit, low_balance, subscription, quota, strange_words, strange_status                          sends
    invalid_number, no_whatsapp, no_whatsapp_id, too_big, too_long, too_often                           sends
    contradiction, empty                                                                                sends

All of them refuse. They last until the rules change, `count` is reached or `until` has passed.

A proxy that has forwarded the request is `http_503_after_accept` or `http_408_after_accept`. One that has not is
`http_503` with `retry_after`. One that still holds it is `http_504_then_accept` or `hang_then_accept`. A request that
is accepted late enters the ledger at that time.

A request that breaks the rules of the API or has a wrong key is refused before any fault but drop_before_reading.
Kinds that end in `_after_accept` or `_then_accept`, and false_yes, apply only to the three sending endpoints;
rate_limit to the three that read. All others apply to any endpoint, unless the rule names one, `sends` or `reads`.
"""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Sequence

import msgspec

from broadcaster.simulator.fault_rule import DROP_BEFORE_READING, LATENCY, RATE_LIMIT, FaultRule

__all__ = ["Fault", "FaultPlan", "FaultRule"]


class Fault(msgspec.Struct, frozen=True):
    """A rule that fired, with its duration drawn."""

    rule: FaultRule
    seconds: float = 0.0


class FaultPlan:
    """The rules in force. The same seed and the same order of requests give the same faults.

    The first latency rule that fires applies, and so does the first other rule that fires: the two combine.
    """

    def __init__(self, rules: Sequence[FaultRule] = (), seed: int = 0) -> None:
        self.rules = tuple(rules)
        self.fired: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - must be repeatable, protects nothing
        self._since = time.monotonic()
        self._seen = [0] * len(self.rules)
        self._count = [0] * len(self.rules)
        self._answered: dict[tuple[int, str], deque[float]] = {}
        self._unread = any(rule.kind == DROP_BEFORE_READING for rule in self.rules)

    def choose(self, instance: str, endpoint: str, phone: str) -> tuple[Fault | None, Fault | None]:
        """The latency and the fault of a request that has been read."""
        latency: Fault | None = None
        fault: Fault | None = None
        for index, rule in enumerate(self.rules):
            if rule.kind == DROP_BEFORE_READING or not rule.matches(instance, endpoint, phone):
                continue
            if rule.kind == LATENCY:
                latency = self._fire(index, rule, already=latency) or latency
            elif rule.kind != RATE_LIMIT or self._exceeds(index, rule, instance):
                fault = self._fire(index, rule, already=fault) or fault
        return latency, fault

    def refuses_to_read(self) -> bool:
        """Whether a drop_before_reading rule hits a request before anything of it is read."""
        if not self._unread:
            return False
        fault: Fault | None = None
        for index, rule in enumerate(self.rules):
            if rule.kind == DROP_BEFORE_READING:
                fault = self._fire(index, rule, already=fault) or fault
        return fault is not None

    def _fire(self, index: int, rule: FaultRule, already: Fault | None) -> Fault | None:
        # A rule also counts requests that another rule has taken, so that `nth` does not depend on their order.
        self._seen[index] += 1
        elapsed = time.monotonic() - self._since
        if (
            already is not None
            or (rule.nth is not None and self._seen[index] != rule.nth)
            or (rule.count is not None and self._count[index] >= rule.count)
            or elapsed < rule.after
            or (rule.until is not None and elapsed > rule.until)
            or (rule.probability < 1 and self._random.random() >= rule.probability)
        ):
            return None
        self._count[index] += 1
        self.fired[rule.kind] += 1
        return Fault(rule, self._random.uniform(*rule.range_of_seconds))

    def _exceeds(self, index: int, rule: FaultRule, instance: str) -> bool:
        now = time.monotonic()
        answered = self._answered.setdefault((index, instance), deque())
        while answered and answered[0] <= now - rule.range_of_seconds[0]:
            answered.popleft()
        if rule.rate is not None and len(answered) >= rule.rate:
            return True
        answered.append(now)
        return False
