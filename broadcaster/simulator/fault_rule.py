"""A fault rule: one thing that goes wrong, and the requests that it affects."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from broadcaster.simulator.api import ENDPOINTS, READING_ENDPOINTS, SENDING_ENDPOINTS
from broadcaster.simulator.lasting_troubles import ANY, READS, SENDS, TROUBLES

LATENCY = "latency"
DROP_BEFORE_READING = "drop_before_reading"
RATE_LIMIT = "rate_limit"
FALSE_YES = "false_yes"

_KIND = re.compile(
    r"latency|drip|big_reply|rate_limit|false_yes|drop_before_reading|(drop|hang)_(before|after|then)_accept"
    rf"|(html|reply|http_[45]\d\d)(_(after|then)_accept)?|{'|'.join(TROUBLES)}"
)
_KINDS = (
    "latency, http_400 to http_599, html and reply (also with _after_accept and _then_accept), drop_before_reading,"
    " drop_before_accept, drop_after_accept, drop_then_accept, hang_before_accept, hang_after_accept,"
    " hang_then_accept, drip, big_reply, rate_limit, false_yes,"
    f" {', '.join(TROUBLES)}"
)
_STAGE = re.compile(r"_(before|after|then)_(accept|reading)$")
_GROUPS = {ANY: frozenset(ENDPOINTS), SENDS: frozenset(SENDING_ENDPOINTS), READS: frozenset(READING_ENDPOINTS)}
_DEFAULT_SECONDS = {"hang": 30.0, "drip": 5.0, RATE_LIMIT: 1.0}
_DEFAULT_SECONDS_UNTIL_ACCEPTED = 5.0
_DEFAULT_BYTES = 10 * 1024 * 1024
_OK, _TOO_MANY, _LAST_STATUS = 200, 429, 599

Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault, and the requests that it affects: those that meet all given conditions.

    Raises ValueError (from msgspec: ValidationError) if the parts do not go together.
    """

    kind: str
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    phone: str | None = None
    """The exact phone, or a prefix followed by `*`."""
    instance: str | None = None
    endpoint: str | None = None
    """A path, `sends`, `reads` or `any`. None: the kind's usual endpoints."""
    nth: Count | None = None
    """Only the nth request that meets the conditions above."""
    count: Count | None = None
    """At most this many times."""
    after: Seconds = 0.0
    """Only once this many seconds have passed since the rules were set."""
    until: Seconds | None = None
    """Not later than this many seconds after the rules were set."""

    # Checked below, not by Meta: msgspec 0.22 corrupts memory for a constrained number beside a fixed tuple.
    seconds: float | tuple[float, float] | None = None
    """The duration (latency, hang, drip), delay (then_accept) or window (rate_limit) in seconds: fixed, or drawn
    evenly from a range."""
    retry_after: Annotated[int, Meta(ge=0)] | None = None
    """Seconds for `Retry-After`, for kinds with a status."""
    http_date: bool = False
    """Send `Retry-After` as a date instead."""
    headers: dict[str, str] | None = None
    """More headers, for kinds with a status."""
    bytes: Count | None = None
    """The size of a big_reply."""
    status: int | None = None
    """The status of a reply. None: 200."""
    body: Any = msgspec.UNSET
    """The body of a reply: text as it is, anything else as JSON. Empty by default."""
    rate: Count | None = None
    """How many requests of an instance a rate_limit lets through in any `seconds`."""

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise ValueError(f"there is no fault kind {self.kind!r}; there are {_KINDS}")
        if self.endpoint is not None and self.endpoint not in {*ENDPOINTS, *_GROUPS}:
            raise ValueError(
                f"there is no endpoint {self.endpoint!r}; there are {', '.join(ENDPOINTS)}; {', '.join(_GROUPS)}"
            )
        if self.phone is not None and not re.fullmatch(r"\d+\*?|\*", self.phone):
            raise ValueError("phone must be digits, or leading digits followed by *")
        if self.until is not None and self.until <= self.after:
            raise ValueError("until must be later than after")
        low, high = self.range_of_seconds
        if not 0 <= low <= high < math.inf:
            raise ValueError("seconds must not be negative, and a range must be in ascending order")
        if self.kind == LATENCY and self.seconds is None:
            raise ValueError("latency needs seconds")
        if self.kind == RATE_LIMIT and self.rate is None:
            raise ValueError("rate_limit needs rate")
        if self.kind == DROP_BEFORE_READING and (self.phone or self.instance or self.endpoint):
            raise ValueError(f"{self.kind} cannot depend on phone, instance or endpoint: nothing has been read")
        if self.status is not None and not _OK <= self.status <= _LAST_STATUS:
            raise ValueError("status must be 200 to 599")
        self._check_parameters()

    def _check_parameters(self) -> None:
        timed = self.base in {LATENCY, "hang", "drip", RATE_LIMIT} or self.accepts_late
        http, reply = self.http_status is not None, self.base == "reply"
        for name, given, fits in (
            ("seconds", self.seconds is not None, timed),
            ("retry_after", self.retry_after is not None, http),
            ("http_date", self.http_date, self.retry_after is not None),
            ("headers", self.headers is not None, http),
            ("bytes", self.bytes is not None, self.kind == "big_reply"),
            ("status", self.status is not None, reply),
            ("body", self.body is not msgspec.UNSET, reply),
            ("rate", self.rate is not None, self.kind == RATE_LIMIT),
        ):
            if given and not fits:
                raise ValueError(f"{name} does not go with {'no retry_after' if name == 'http_date' else self.kind}")

    @property
    def base(self) -> str:
        """The kind without its stage: `drop`, `hang`, `html`, `http_503`, …"""
        return _STAGE.sub("", self.kind)

    @property
    def http_status(self) -> int | None:
        """The status of the kinds that have one: http, reply, rate_limit and the troubles."""
        if self.base.startswith("http_"):
            return int(self.base[5:])
        if self.base == "reply":
            return self.status or _OK
        if self.kind == RATE_LIMIT:
            return _TOO_MANY
        trouble = TROUBLES.get(self.kind)
        return None if trouble is None else trouble.status

    @property
    def accepts(self) -> bool:
        """Whether the message is accepted nevertheless."""
        return self.kind.endswith(("_after_accept", "_then_accept")) or self.kind in {LATENCY, "drip", "big_reply"}

    @property
    def accepts_late(self) -> bool:
        """Whether the message is accepted only after the answer."""
        return self.kind.endswith("_then_accept")

    @property
    def is_silent(self) -> bool:
        """Whether no reply leaves."""
        return self.base == "drop" or self.kind in {"hang_before_accept", "hang_then_accept"}

    @property
    def range_of_seconds(self) -> tuple[float, float]:
        """The range from which the duration is drawn."""
        if isinstance(self.seconds, tuple):
            return self.seconds
        usual = _DEFAULT_SECONDS_UNTIL_ACCEPTED if self.accepts_late else _DEFAULT_SECONDS.get(self.base, 0.0)
        seconds = usual if self.seconds is None else self.seconds
        return seconds, seconds

    @property
    def reply_bytes(self) -> int:
        """The size of a big_reply."""
        return self.bytes or _DEFAULT_BYTES

    def matches(self, instance: str, endpoint: str, phone: str) -> bool:
        """Whether this rule affects such a request."""
        scope = self.endpoint or self._usual_scope
        if scope != endpoint and endpoint not in _GROUPS.get(scope, ()):
            return False
        if self._needs_a_message and endpoint not in SENDING_ENDPOINTS:
            return False
        if self.instance is not None and self.instance != instance:
            return False
        if self.phone is None:
            return True
        return phone.startswith(self.phone[:-1]) if self.phone.endswith("*") else phone == self.phone

    @property
    def _usual_scope(self) -> str:
        if self.kind == RATE_LIMIT:
            return READS
        trouble = TROUBLES.get(self.kind)
        return ANY if trouble is None else trouble.befalls

    @property
    def _needs_a_message(self) -> bool:
        return self.kind == FALSE_YES or self.kind.endswith(("_after_accept", "_then_accept"))
