"""`python -m broadcaster.simulator`: the simulator as a process, without the rest of the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from broadcaster.errors import BroadcasterError
from broadcaster.simulator.config import SimulatorOptions, build_config
from broadcaster.simulator.dialects import SHAPES
from broadcaster.simulator.guide import guide
from broadcaster.simulator.server import serve


def parser() -> argparse.ArgumentParser:
    """The options; every destination is a field of `SimulatorOptions`."""
    options = argparse.ArgumentParser(
        prog="python -m broadcaster.simulator",
        description=__doc__,
        epilog=guide(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 picks a free one")
    add("--instance", dest="instances", action="append", default=[], metavar="NAME:KEY[,wire=…][,shape=…][,page=…]…")
    add("--instances", dest="instances_file", type=Path, metavar="FILE", help="a JSON or TOML file of instances")
    add("--any-key", action=argparse.BooleanOptionalAction, help="default: only if no instance is given")
    add("--wire", choices=("json", "form", "both"), default="both", help="the encoding that instances take")
    add("--shape", choices=SHAPES, default="sent", help="the shape of replies")
    add("--ledger", type=Path, metavar="FILE", help="append every request here; read at the start")
    add("--fsync", action="store_true", help="reply only when the ledger is on the disk")
    add("--fault", dest="faults", action="append", default=[], metavar="kind=…,probability=…,…")
    add("--faults", dest="faults_file", type=Path, metavar="FILE", help="a JSON list of fault rules")
    add("--seed", type=int, default=0, help="the seed of the faults' probabilities")
    add("--visible-after", type=float, default=0.0, metavar="S", help="seconds until /wa/messages shows a message")
    add("--listing", default="", metavar="aliases=…,texts=…,…", help="how instances without their own listing list")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; returns the exit code."""
    try:
        serve(build_config(SimulatorOptions(**vars(parser().parse_args(arguments)))))
    except BroadcasterError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
