"""Where spans go: OpenTelemetry's protocol over HTTP (https://opentelemetry.io/docs/specs/otlp/). Needs the extra."""

from __future__ import annotations

import logging
from contextvars import ContextVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext

_EXPORT_SECONDS = 2

ROOT: ContextVar[SpanContext | None] = ContextVar("ROOT", default=None)
"""The root that is being made, which gets these ids; None: a span gets random ones."""


class Identities(RandomIdGenerator):
    """Random ids, but for the roots of campaigns: every process has to know theirs."""

    def generate_span_id(self) -> int:
        """That of the root that is being made, or a new one."""
        return super().generate_span_id() if (root := ROOT.get()) is None else root.span_id

    def generate_trace_id(self) -> int:
        """As `generate_span_id`."""
        return super().generate_trace_id() if (root := ROOT.get()) is None else root.trace_id


def open_provider(endpoint: str) -> TracerProvider:
    """A provider whose spans go to the collector at `endpoint`, such as http://127.0.0.1:4318, in the background."""
    # A collector that is away must not fill the log: what cannot be handed over is dropped.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS)
    provider = TracerProvider(
        resource=Resource({"service.name": "broadcaster"}), id_generator=Identities(), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
