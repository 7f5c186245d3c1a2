"""`python -m benchmarks [FIGURE …] [--quick]`"""

from __future__ import annotations

import argparse
import sys

from redis import Redis

from benchmarks import results
from benchmarks.figures import bare_loop, ingest, startup, whole_path, worker_cost
from benchmarks.processes import BenchmarkError
from benchmarks.stand import open_stand

FIGURES = {
    "whole-path": whole_path,
    "bare-loop": bare_loop,
    "worker-cost": worker_cost,
    "ingest": ingest,
    "startup": startup,
}


def main() -> int:
    """Measure, print, and, if it was a whole run, write it down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(FIGURES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="smaller, once each: to see that it works")
    options = parser.parse_args()
    if unknown := sorted(set(options.figures) - set(FIGURES)):
        parser.error(f"no figure is called {unknown[0]!r}: choose from {', '.join(FIGURES)}")
    measured = {}
    for name in options.figures or FIGURES:
        title = (FIGURES[name].__doc__ or "").split("\n", 1)[0].removesuffix(".")
        print(f"\n{title}\n", flush=True)
        try:
            measured[title] = FIGURES[name].measure(options.quick)
        except BenchmarkError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        print(results.table(measured[title]), flush=True)
    if not options.figures and not options.quick:
        results.write(
            results.Results(results.today(), "python -m benchmarks", results.machine(*_versions()), measured)
        )
    return 0


def _versions() -> tuple[str, str]:
    with open_stand() as stand:
        redis = Redis(unix_socket_path=str(stand.settings.run_dir / "redis.sock"))
        return str(stand.scalar("SHOW server_version")), str(redis.info("server")["redis_version"])


if __name__ == "__main__":
    sys.exit(main())
