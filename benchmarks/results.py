"""What a run found: `results.json`, and the same as a table in README.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

_DIRECTORY = Path(__file__).parent
RESULTS = _DIRECTORY / "results.json"
README = _DIRECTORY / "README.md"
BEGIN = "<!-- results: written by `python -m benchmarks` -->"
END = "<!-- end of results -->"


class Row(msgspec.Struct, frozen=True):
    """One measurement: its value in each round, and its median as a multiple of the baseline's."""

    what: str
    values: Sequence[float]
    unit: str
    ratio: float | None = None
    baseline: str | None = None
    """What `ratio` is a multiple of."""

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    def against(self, other: Row, name: str) -> Row:
        """This row with its ratio to `other`, which readers know as `name`."""
        return msgspec.structs.replace(self, ratio=self.value / other.value, baseline=name)


class Machine(msgspec.Struct, frozen=True):
    """Where the run was. Nothing that names a host or a person."""

    cores: int
    memory_gib: float
    system: str
    python: str
    postgres: str
    redis: str


class Results(msgspec.Struct, frozen=True):
    """A whole run."""

    date: str
    command: str
    machine: Machine
    figures: Mapping[str, Sequence[Row]]


def machine(postgres: str, redis: str) -> Machine:
    """This machine, with the servers' versions."""
    return Machine(
        cores=os.cpu_count() or 1,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        # Only the version: builds are named after whoever made them.
        system=f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        python=platform.python_version(),
        postgres=postgres,
        redis=redis,
    )


def today() -> str:
    """The date of the run."""
    return datetime.now(UTC).date().isoformat()


def write(results: Results) -> None:
    """Replace results.json, and the part of README.md between the markers."""
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n\n{as_markdown(results)}\n{END}{after}", encoding="utf-8")


def as_markdown(results: Results) -> str:
    """The machine and one table for each figure."""
    where = results.machine
    lines = [
        f"{results.date} · `{results.command}` · {where.cores} cores, {where.memory_gib:g} GiB, {where.system}, "
        f"Python {where.python}, Postgres {where.postgres}, Redis {where.redis}",
        "",
    ]
    for figure, rows in results.figures.items():
        lines += [f"### {figure}", "", table(rows), ""]
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    """Median, range over the rounds, ratio."""
    lines = ["| what | figure | range | ratio |", "|---|---:|---:|---:|"]
    for row in rows:
        spread = f"{_number(min(row.values))}–{_number(max(row.values))}" if len(row.values) > 1 else ""
        ratio = "" if row.ratio is None else f"{row.ratio:.3g} × {row.baseline}"
        lines.append(f"| {row.what} | {_number(row.value)} {row.unit} | {spread} | {ratio} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
