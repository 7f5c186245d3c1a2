"""What goes wrong, and when: fault rules and the choice between them.

Kinds, with what the ledger says of a message that they befall:

    latency                  accepted   `seconds` late (a client that has given up meanwhile does not change that)
    http_NNN                 refused    replies with the status NNN, 400 to 599
    http_NNN_after_accept    accepted   the same reply, a lie
    html                     refused    200 with a web page
    html_after_accept        accepted
    drop_before_reading      refused    RST at the first byte of the request
    drop_before_accept       refused    RST after the last byte of the request
    drop_after_accept        accepted   RST
    hang_before_accept       refused    silence for `seconds`, then RST
    hang_after_accept        accepted   silence for `seconds`, then the reply
    not_running              refused    200 with the words of an instance that is not running
    invalid_number           refused    200 with the words for a phone that is not on WhatsApp
    bad_key                  refused    200 with the words for a wrong key
    drip                     accepted   the reply byte by byte, over `seconds`
    big_reply                accepted   a reply of `bytes`

A request that breaks the rules of the API or has a wrong key is refused before any fault but drop_before_reading.
Kinds that end in `_after_accept` befall the three sending endpoints only; the others any endpoint, unless the rule
names one.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from broadcaster.simulator.api import ENDPOINTS, SENDING_ENDPOINTS

LATENCY = "latency"
DROP_BEFORE_READING = "drop_before_reading"

_KIND = re.compile(
    r"latency|drip|big_reply|not_running|invalid_number|bad_key|drop_before_reading|(drop|hang)_(before|after)_accept"
    r"|(html|http_[45]\d\d)(_after_accept)?"
)
_KINDS = (
    "latency, http_400 to http_599 and html (both also with _after_accept), drop_before_reading,"
    " drop_before_accept, drop_after_accept, hang_before_accept, hang_after_accept, not_running, invalid_number,"
    " bad_key, drip, big_reply"
)
_DEFAULT_SECONDS = {"hang": 30.0, "drip": 5.0}
_DEFAULT_BYTES = 10 * 1024 * 1024

Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault and the requests that it befalls: those that meet every condition given.

    Raises ValueError (msgspec: ValidationError) where the parts do not go together.
    """

    kind: str
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    phone: str | None = None
    """The exact phone, or a prefix followed by `*`."""
    instance: str | None = None
    endpoint: str | None = None
    nth: Count | None = None
    """Only the nth request that meets the conditions above."""
    count: Count | None = None
    """At most so many times."""
    after: Seconds = 0.0
    """Not before so many seconds have passed since the rules were set."""
    until: Seconds | None = None
    """Not after so many seconds."""

    # Checked below and not by Meta: msgspec 0.22 corrupts memory over a constrained number beside a fixed tuple.
    seconds: float | tuple[float, float] | None = None
    """How long (latency, hang, drip): fixed, or drawn evenly from a range."""
    retry_after: Annotated[int, Meta(ge=0)] | None = None
    """Send `Retry-After` with an http fault, in seconds."""
    http_date: bool = False
    """Send it as a date instead."""
    headers: dict[str, str] | None = None
    """More headers for an http fault."""
    bytes: Count | None = None
    """The size of a big_reply."""

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise ValueError(f"there is no fault kind {self.kind!r}; there are {_KINDS}")
        if self.endpoint is not None and self.endpoint not in ENDPOINTS:
            raise ValueError(f"there is no endpoint {self.endpoint!r}; there are {', '.join(ENDPOINTS)}")
        if self.phone is not None and not re.fullmatch(r"\d+\*?|\*", self.phone):
            raise ValueError("phone must be digits, or leading digits followed by *")
        if self.until is not None and self.until <= self.after:
            raise ValueError("until must be later than after")
        low, high = self.range_of_seconds
        if not 0 <= low <= high < math.inf:
            raise ValueError("seconds must not be negative, and a range must be in ascending order")
        if self.kind == LATENCY and self.seconds is None:
            raise ValueError("latency needs seconds")
        if self.kind == DROP_BEFORE_READING and (self.phone or self.instance or self.endpoint):
            raise ValueError(f"{self.kind} cannot depend on phone, instance or endpoint: nothing has been read")
        self._check_parameters()

    def _check_parameters(self) -> None:
        timed, http = self.base in {LATENCY, "hang", "drip"}, self.http_status is not None
        for name, given, fits in (
            ("seconds", self.seconds is not None, timed),
            ("retry_after", self.retry_after is not None, http),
            ("http_date", self.http_date, self.retry_after is not None),
            ("headers", self.headers is not None, http),
            ("bytes", self.bytes is not None, self.kind == "big_reply"),
        ):
            if given and not fits:
                raise ValueError(f"{name} does not go with {'no retry_after' if name == 'http_date' else self.kind}")

    @property
    def base(self) -> str:
        """The kind without its stage: `drop`, `hang`, `html`, `http_503`, …"""
        return re.sub(r"_(before|after)_(accept|reading)$", "", self.kind)

    @property
    def http_status(self) -> int | None:
        """The status of an http fault."""
        return int(self.base[5:]) if self.base.startswith("http_") else None

    @property
    def accepts(self) -> bool:
        """Whether the message is accepted all the same."""
        return self.kind.endswith("_after_accept") or self.kind in {LATENCY, "drip", "big_reply"}

    @property
    def is_silent(self) -> bool:
        """Whether no reply leaves."""
        return self.base == "drop" or self.kind == "hang_before_accept"

    @property
    def range_of_seconds(self) -> tuple[float, float]:
        """Between what the duration is drawn."""
        if isinstance(self.seconds, tuple):
            return self.seconds
        seconds = _DEFAULT_SECONDS.get(self.base, 0.0) if self.seconds is None else self.seconds
        return seconds, seconds

    @property
    def reply_bytes(self) -> int:
        """The size of a big_reply."""
        return self.bytes or _DEFAULT_BYTES

    def matches(self, instance: str, endpoint: str, phone: str) -> bool:
        """Whether a request is of the sort that this rule befalls."""
        if self.endpoint is not None and self.endpoint != endpoint:
            return False
        if self.kind.endswith("_after_accept") and endpoint not in SENDING_ENDPOINTS:
            return False
        if self.instance is not None and self.instance != instance:
            return False
        if self.phone is None:
            return True
        return phone.startswith(self.phone[:-1]) if self.phone.endswith("*") else phone == self.phone


class Fault(msgspec.Struct, frozen=True):
    """A rule that fired, with its duration drawn."""

    rule: FaultRule
    seconds: float = 0.0


class FaultPlan:
    """The rules in force. The same seed and the same order of requests give the same faults.

    Of the latency rules the first that fires applies, and of all others the first that fires, so the two combine.
    """

    def __init__(self, rules: Sequence[FaultRule] = (), seed: int = 0) -> None:
        self.rules = tuple(rules)
        self.fired: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - must be repeatable, guards nothing
        self._since = time.monotonic()
        self._seen = [0] * len(self.rules)
        self._count = [0] * len(self.rules)
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
            else:
                fault = self._fire(index, rule, already=fault) or fault
        return latency, fault

    def refuses_to_read(self) -> bool:
        """Whether a drop_before_reading befalls a request of which nothing is known yet."""
        if not self._unread:
            return False
        fault: Fault | None = None
        for index, rule in enumerate(self.rules):
            if rule.kind == DROP_BEFORE_READING:
                fault = self._fire(index, rule, already=fault) or fault
        return fault is not None

    def _fire(self, index: int, rule: FaultRule, already: Fault | None) -> Fault | None:
        # A rule counts the requests that another has taken too, so `nth` does not depend on the order of rules.
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
