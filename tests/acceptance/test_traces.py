"""Spans of a campaign, from its submission to its outcomes, as a collector of OpenTelemetry gets them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from broadcaster.simulator import FaultPlan, Simulator, parse_fault
from tests.support.cli import RunCli, assert_done, command, run
from tests.support.stack import running_stack

PHONES = [f"1202555{n:04d}" for n in range(100, 120)]
EVERY = 5


class Collector(ThreadingHTTPServer):
    """Takes spans over HTTP, as protobuf."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.received: list[bytes] = []

    def spans(self) -> list[Span]:
        found = []
        for body in self.received:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found += scope.spans
        return found


class Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.server.received.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        serving = threading.Thread(target=collector.serve_forever)
        serving.start()
        yield collector
        collector.shutdown()
        serving.join()


def submit(run_cli: RunCli, simulator: Simulator, tmp_path: Path) -> None:
    options = ("--key-stdin", "--base-url", simulator.base_url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", "main", *options, stdin="a-key"))
    recipients = tmp_path / "recipients.csv"
    recipients.write_text("phone\n" + "".join(f"+{phone}\n" for phone in PHONES))
    arguments = ("--instance", "main", "--recipients", recipients, "--text", "Hi there")
    assert_done(run_cli("campaign", "submit", "secret-news", *arguments))


def value(span: Span, name: str) -> object:
    [found] = [each.value for each in span.attributes if each.key == name]
    return getattr(found, found.WhichOneof("value"))


def test_a_traced_message_is_a_branch_from_the_submission_to_its_outcome(
    run_cli: RunCli, simulator: Simulator, environ: dict[str, str], tmp_path: Path
) -> None:
    # One message is refused once, and tried again.
    simulator.gateway.faults = FaultPlan([parse_fault(f"kind=http_429,phone={PHONES[EVERY]},nth=1,retry_after=1")])
    with collecting() as collector:
        environ["BROADCASTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{collector.server_port}"
        environ["BROADCASTER_TRACE_EVERY"] = str(EVERY)
        submit(run_cli, simulator, tmp_path)
        with running_stack(tmp_path, environ) as stack:
            roles = [stack.start("beat"), stack.start("worker")]
            assert_done(run_cli("campaign", "watch", "secret-news", "--timeout", "60"))
            assert [role.stop() for role in roles] == [0, 0]
        spans = collector.spans()
    by_id = {span.span_id: span for span in spans}
    assert len({span.trace_id for span in spans}) == 1
    [root] = [span for span in spans if not span.parent_span_id]
    assert root.name == "submit"
    outcomes = [span for span in spans if span.name == "turn_over" and value(span, "broadcaster.part") == "outcome"]
    traced = Counter()
    for outcome in outcomes:
        post = by_id[outcome.parent_span_id]
        if post.name == "turn_over":
            # The refusal held it back, after it was claimed: it was not posted, and is claimed anew.
            assert (value(post, "broadcaster.part"), post.parent_span_id) == ("claim", root.span_id)
            continue
        claim = by_id[post.parent_span_id]
        assert (post.name, claim.name, claim.parent_span_id) == ("POST /wa/send", "turn_over", root.span_id)
        assert claim.end_time_unix_nano <= post.start_time_unix_nano <= post.end_time_unix_nano
        assert post.end_time_unix_nano <= outcome.end_time_unix_nano
        traced[value(post, "broadcaster.message"), value(post, "broadcaster.outcome")] += 1
    numbers = range(1, len(PHONES) + 1, EVERY)
    refused = {(EVERY + 1, "throttled")} & traced.keys()
    assert {key for key in traced if key not in refused} == {(number, "accepted") for number in numbers}
    assert set(traced.values()) == {1}
    everything = b"".join(collector.received)
    assert not any(told in everything for told in (b"secret-news", b"1202555", b"Hi there", b"a-key"))


def test_a_collector_that_is_away_keeps_nobody_waiting_and_leaves_no_line(
    run_cli: RunCli, simulator: Simulator, environ: dict[str, str], tmp_path: Path
) -> None:
    environ["BROADCASTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    environ["BROADCASTER_TRACE_EVERY"] = "1"
    submit(run_cli, simulator, tmp_path)
    with running_stack(tmp_path, environ) as stack:
        beat, worker = stack.start("beat"), stack.start("worker")
        assert_done(run_cli("campaign", "watch", "secret-news", "--timeout", "60"))
        assert [beat.stop(), worker.stop(timeout=20)] == [0, 0]
        log = worker.log.read_text()
    assert "Traceback" not in log
    assert "v1/traces" not in log
    assert sum(entry.accepted for entry in simulator.ledger.entries) == len(PHONES)


def test_without_the_extra_the_setting_is_refused_in_one_line(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "opentelemetry.py").write_text("raise ImportError('no such package')\n")
    environ["PYTHONPATH"] = f"{hidden}:{environ.get('PYTHONPATH', '')}"
    environ["BROADCASTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    with running_stack(tmp_path, environ) as stack:
        worker = stack.start("worker", ready=False)
        assert worker.process.wait(30) == 2
        said = worker.log.read_text()
    assert "traces need the extra `otel`" in said
    assert "Traceback" not in said
    checks = run(command("doctor", "--json"), environ=environ, cwd=tmp_path, stdin=b"", timeout=60).json["checks"]
    [found] = [each for each in checks if each["check"] == "traces"]
    assert (found["level"], "traces need the extra `otel`" in found["detail"]) == ("bad", True)
