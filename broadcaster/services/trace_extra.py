"""Whether what traces need is installed. Apart from the rest, which cannot be imported without it."""

from __future__ import annotations

from importlib.util import find_spec

TRACES_NEED = (
    "BROADCASTER_OTLP_ENDPOINT: traces need the extra `otel`: pip install 'wachatpro-broadcaster[otel]', or unset it"
)
"""What is missing where `can_trace` is false, and what to do."""


def can_trace() -> bool:
    """Whether what traces need beyond Broadcaster is installed."""
    try:
        return all(map(find_spec, ("opentelemetry.exporter.otlp.proto.http", "opentelemetry.sdk")))
    except ImportError:
        # A package that it is in is not there.
        return False
