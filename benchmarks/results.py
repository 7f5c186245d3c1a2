"""What runs found: `results.json`, and the same as tables and plots in README.md."""

from __future__ import annotations

import os
import platform
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from benchmarks import plots

_DIRECTORY = Path(__file__).parent
RESULTS = _DIRECTORY / "results.json"
_NUMBERS = re.compile(r"\[\s*([-+.,\deE\s]+?)\s*\]")
"""A list of numbers in JSON: a figure may have thousands of samples."""
PLOTS = _DIRECTORY / "plots"
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
    target: str | None = None
    met: bool | None = None
    """Whether the target was; None where there is none."""

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    def against(self, other: Row, name: str) -> Row:
        """This row with its ratio to `other`, which readers know as `name`."""
        return msgspec.structs.replace(self, ratio=self.value / other.value, baseline=name)

    def at_least(self, bound: float) -> Row:
        """This row with a lower bound for its ratio, or for its value if it has none."""
        return self._judged("≥", bound, self._judged_value >= bound)

    def at_most(self, bound: float) -> Row:
        """This row with an upper bound for its ratio, or for its value if it has none."""
        return self._judged("≤", bound, self._judged_value <= bound)

    @property
    def _judged_value(self) -> float:
        return self.value if self.ratio is None else self.ratio

    def _judged(self, relation: str, bound: float, met: bool) -> Row:
        of = self.unit if self.ratio is None else f"× {self.baseline}"
        return msgspec.structs.replace(self, target=f"{relation} {bound:g} {of}".rstrip(), met=met)


class Figure(msgspec.Struct, frozen=True):
    """What one figure's module measured."""

    title: str
    date: str
    rows: Sequence[Row]


class Machine(msgspec.Struct, frozen=True):
    """Where the run was. Nothing that names a host or a person."""

    cores: int
    memory_gib: float
    system: str
    python: str
    postgres: str
    redis: str


class Results(msgspec.Struct, frozen=True):
    """The last run of each figure, by the figure's name."""

    machine: Machine
    figures: Mapping[str, Figure]


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


def read() -> Mapping[str, Figure]:
    """What is written down so far."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Results).figures if RESULTS.exists() else {}


def write(results: Results) -> None:
    """Replace results.json, the plots, and the part of README.md between the markers."""
    written = msgspec.json.format(msgspec.json.encode(results), indent=2).decode()
    RESULTS.write_text(_NUMBERS.sub(_on_few_lines, written) + "\n", encoding="utf-8")
    PLOTS.mkdir(exist_ok=True)
    for name, figure in results.figures.items():
        if bars := _bars(figure):
            (PLOTS / f"{name}.svg").write_text(plots.bars(bars), encoding="utf-8")
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n\n{as_markdown(results)}\n{END}{after}", encoding="utf-8")


def _on_few_lines(numbers: re.Match[str]) -> str:
    rows = textwrap.wrap(" ".join(numbers[1].split()), 110, break_on_hyphens=False)
    return "[" + "\n".join(rows) + "]"


def as_markdown(results: Results) -> str:
    """The machine, all targets, and each figure with its plot."""
    where = results.machine
    lines = [
        f"{where.cores} cores, {where.memory_gib:g} GiB, {where.system}, Python {where.python}, "
        f"Postgres {where.postgres}, Redis {where.redis}",
        "",
        "### Targets",
        "",
        targets(results.figures.values()),
        "",
    ]
    for name, figure in results.figures.items():
        lines += [f"### {figure.title}", ""]
        if _bars(figure):
            lines += [f"![{figure.title}]({PLOTS.name}/{name}.svg)", ""]
        lines += [table(figure.rows), "", f"Measured on {figure.date}.", ""]
    return "\n".join(lines)


def targets(figures: Iterable[Figure]) -> str:
    """One line for each target: what was measured, what was wanted, and whether it was met."""
    lines = ["| target | of | figure | ratio | met |", "|---|---|---:|---:|---|"]
    lines += [
        f"| {row.target} | {figure.title.partition(':')[0]}: {row.what} | {_figure(row)} | {_ratio(row)} "
        f"| {'met' if row.met else '**not met**'} |"
        for figure in figures
        for row in figure.rows
        if row.target
    ]
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    """Median, range over the rounds, ratio, target."""
    lines = ["| what | figure | range | ratio | target |", "|---|---:|---:|---:|---|"]
    for row in rows:
        spread = f"{_number(min(row.values))}–{_number(max(row.values))}" if len(row.values) > 1 else ""
        target = f"{row.target}: {'met' if row.met else '**not met**'}" if row.target else ""
        lines.append(f"| {row.what} | {_figure(row)} | {spread} | {_ratio(row)} | {target} |")
    return "\n".join(lines)


def _bars(figure: Figure) -> list[plots.Bar]:
    """The rows in the unit of the first one; none where there is nothing to compare."""
    unit = figure.rows[0].unit
    rows = {row.what: row for row in figure.rows if row.unit == unit}.values()
    bars = [plots.Bar(row.what, row.value, min(row.values), max(row.values), _figure(row)) for row in rows]
    return bars if len(bars) > 1 else []


def _figure(row: Row) -> str:
    return f"{_number(row.value)} {row.unit}".rstrip()


def _ratio(row: Row) -> str:
    return "" if row.ratio is None else f"{row.ratio:.3g} × {row.baseline}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
