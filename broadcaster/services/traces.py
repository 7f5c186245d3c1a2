"""Spans for OpenTelemetry (https://opentelemetry.io/docs/specs/otel/trace/api/), where the extra `otel` is installed.

A campaign is one trace. Its root is `submit`, from its submission to its start. Below the root are the claims,
`turn_over`; below a claim the requests of its messages, `POST /wa/send`; below a request the `turn_over` that
committed what came of it. Of a message that was claimed and then held back, that last `turn_over` is below its claim.
Of the messages one of so many is traced. Any process finds the root by the campaign's id, so nothing about traces is
stored or handed from one process to another. No span holds a phone, a text, a key, or a campaign's name.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows, value
from broadcaster.services.sending.followed import Follower, Traced
from broadcaster.services.sending.sending_process import lease_clock
from broadcaster.services.trace_export import ROOT, open_provider

_MOST_OPEN = 10_000
"""Messages whose outcome is not committed yet, at most: of more, the oldest are not followed to their end."""
_FLUSH_SECONDS = 2


class _Submitted(NamedTuple):
    campaign_id: int
    created_at: datetime
    started_at: datetime


class MessageTraces(Follower):
    """Makes the spans of one process. It is thread-safe as far as OpenTelemetry's tracer is."""

    def __init__(self, provider: TracerProvider, installation: str, every: int, clock: Callable[[], float]) -> None:
        """`installation` tells databases apart. One of `every` messages of a campaign is traced, from its first on."""
        self._provider = provider
        self._tracer = provider.get_tracer("broadcaster")
        self._installation = installation
        self._every = every
        self._clock = clock
        self._open: OrderedDict[Traced, SpanContext] = OrderedDict()
        """The latest span of each message that is under way."""

    def wants(self, seq: int) -> bool:
        """Whether the message with this number is traced."""
        return seq % self._every == 1 % self._every

    def submitted(self, engine: Engine, campaigns: Sequence[int]) -> None:
        """Make the roots of campaigns (ids) that have just been started."""
        if not campaigns:
            return
        with transaction(engine) as connection:
            found = rows(connection, "submitted_at", _Submitted, campaigns=list(campaigns))
        for each in found:
            self._make_root(each)

    def claimed(self, messages: Iterable[Traced], began: float, ended: float) -> None:
        """Note a claim: one span for each campaign that it took traced messages of."""
        spans: dict[int, SpanContext] = {}
        for message in messages:
            if not self.wants(message.seq):
                continue
            if (span := spans.get(message.campaign_id)) is None:
                parent = self._root(message.campaign_id)
                span = self._span("turn_over", parent, began, ended, campaign=message.campaign_id, part="claim")
                spans[message.campaign_id] = span
            self._follow(message, span)

    def posted(self, message: Traced, began: float, ended: float, outcome: str, status: int | None) -> None:
        """Note a request, and what came of it."""
        told = {"campaign": message.campaign_id, "message": message.seq, "attempt": message.attempt}
        if status is not None:
            told["http.response.status_code"] = status
        parent = self._open.get(message) or self._root(message.campaign_id)
        self._follow(message, self._span("POST /wa/send", parent, began, ended, outcome=outcome, **told))

    def committed(self, messages: Iterable[Traced], began: float, ended: float) -> None:
        """Note the commit of outcomes: these messages are followed no further."""
        for message in messages:
            if self.wants(message.seq) and (parent := self._open.pop(message, None)) is not None:
                self._span("turn_over", parent, began, ended, campaign=message.campaign_id, part="outcome")

    def close(self) -> None:
        """Hand over what is left, within a few seconds."""
        self._provider.force_flush(1000 * _FLUSH_SECONDS)
        self._provider.shutdown()

    def _follow(self, message: Traced, span: SpanContext) -> None:
        self._open[message] = span
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)

    def _span(self, name: str, parent: SpanContext, began: float, ended: float, **told: Any) -> SpanContext:
        attributes = {key if "." in key else f"broadcaster.{key}": value for key, value in told.items()}
        context = set_span_in_context(NonRecordingSpan(parent))
        start_time = self._time_of_day(began)
        span = self._tracer.start_span(name, context=context, start_time=start_time, attributes=attributes)
        span.end(self._time_of_day(ended))
        return span.get_span_context()

    def _time_of_day(self, moment: float) -> int:
        """As spans have it: nanoseconds since 1970, by the clock of this machine."""
        return time.time_ns() - int(1_000_000_000 * (self._clock() - moment))

    def _root(self, campaign_id: int) -> SpanContext:
        """The span context of a campaign's root, whichever process made it."""
        digest = sha256(f"{self._installation}/{campaign_id}".encode()).digest()
        trace_id, span_id = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    def _make_root(self, campaign: _Submitted) -> None:
        token = ROOT.set(self._root(campaign.campaign_id))
        try:
            span = self._tracer.start_span(
                "submit",
                start_time=_nanoseconds(campaign.created_at),
                attributes={"broadcaster.campaign": campaign.campaign_id},
            )
        finally:
            ROOT.reset(token)
        span.end(_nanoseconds(campaign.started_at))


def open_traces(endpoint: str, every: int, engine: Engine) -> MessageTraces:
    """What makes spans of one of `every` messages, and hands them to the collector at `endpoint`.

    Moments are on the clock of leases (`lease_clock`).
    """
    with transaction(engine) as connection:
        installation = str(value(connection, "installation"))
    return MessageTraces(open_provider(endpoint), installation, every, lease_clock)


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000_000)
