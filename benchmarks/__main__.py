"""`python -m benchmarks [FIGURE …] [--quick]`"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial

from benchmarks import results
from benchmarks.figures import (
    backlog,
    bare_loop,
    cli_start,
    fairness,
    files,
    ingest,
    lanes,
    latency,
    limits,
    opt_outs,
    pacing,
    plans,
    reports,
    soak,
    startup,
    sustained,
    whole_path,
    worker_cost,
)
from benchmarks.processes import BenchmarkError
from benchmarks.stand import open_stand

FIGURES = {
    "whole-path": whole_path,
    "bare-loop": bare_loop,
    "worker-cost": worker_cost,
    "files": files,
    "ingest": ingest,
    "backlog": backlog,
    "opt-outs": opt_outs,
    "limits": limits,
    "sustained": sustained,
    "lanes": lanes,
    "pacing": pacing,
    "plans": plans,
    "fairness": fairness,
    "latency": latency,
    "reports": reports,
    "startup": startup,
    "cli-start": cli_start,
    "soak": soak,
}
BY_NAME_ONLY = ("soak",)


def main() -> int:
    """Measure, print, and, unless it was a quick look, write it down. A figure that is void leaves the others."""
    options = _options()
    measured: dict[str, results.Figure] = {}
    void = False
    for name in options.figures or [name for name in FIGURES if name not in BY_NAME_ONLY]:
        title = (FIGURES[name].__doc__ or "").split("\n", 1)[0].removesuffix(".")
        print(f"\n{title}\n", flush=True)
        started = time.monotonic()
        measure = partial(soak.measure, minutes=options.minutes) if name == "soak" else FIGURES[name].measure
        try:
            rows: Sequence[results.Row] = measure(options.quick)
        except BenchmarkError as error:
            print(f"{name}: {error}", file=sys.stderr)
            void = True
            continue
        measured[name] = results.Figure(title, results.today(), rows)
        print(f"{results.table(rows)}\n\n{name} took {time.monotonic() - started:.0f} s", flush=True)
    known = measured if options.quick or options.figures else _with_earlier(measured)
    print(f"\nTargets\n\n{results.targets(known.values())}")
    if measured and not options.quick:
        _write_down(measured)
    return int(void)


def _with_earlier(measured: Mapping[str, results.Figure]) -> Mapping[str, results.Figure]:
    """Figures that were not measured, the soak above all, keep what they came to the last time."""
    known = {**results.read(), **measured}
    return {name: known[name] for name in FIGURES if name in known}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(FIGURES)}; default: all but soak")
    parser.add_argument("--quick", action="store_true", help="smaller, once each, not written down")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long to soak; default: 30")
    options = parser.parse_args()
    if unknown := sorted(set(options.figures) - set(FIGURES)):
        parser.error(f"no figure is called {unknown[0]!r}: choose from {', '.join(FIGURES)}")
    return options


def _write_down(measured: Mapping[str, results.Figure]) -> None:
    figures = _with_earlier(measured)
    with open_stand() as stand:
        versions = str(stand.scalar("SHOW server_version")), str(stand.redis.info("server")["redis_version"])
    results.write(results.Results(results.machine(*versions), figures))


if __name__ == "__main__":
    sys.exit(main())
