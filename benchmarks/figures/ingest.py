r"""Ingest: seconds from a CSV file with two variables to messages that are ready to be sent.

`submit` reads, validates, deduplicates and stores all rows in one transaction. Beside it, psql does the least that
anything could: `\copy` into a staging table and one INSERT … SELECT into a table with the same indexes, in one
transaction, with neither checks nor counters. Once with the phones in order, which spares psql's indexes most of
their work, and once as they come.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contenders import messages as each_message
from benchmarks.contenders.ours import write_recipients
from benchmarks.processes import Finished, Program
from benchmarks.results import Row
from benchmarks.stand import Stand, open_stand
from broadcaster.embedded.postgres_install import bundled
from broadcaster.services.instances import add_instance

_PSQL = """
BEGIN;
CREATE TEMPORARY TABLE staged (seq int GENERATED ALWAYS AS IDENTITY, phone text, name text, "order" text)
    ON COMMIT DROP;
\\copy staged (phone, name, "order") FROM '{file}' WITH (FORMAT csv, HEADER)
INSERT INTO psql_messages (segment, campaign_id, seq, lane_id, phone, variables)
SELECT 0, 1, seq, 1, phone, jsonb_build_object('name', name, 'order', "order") FROM staged;
COMMIT;
"""
_INSTANCE = "ingest"


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to psql's time. All times are those of whole processes."""
    rows = 200_000 if quick else 1_000_000
    with open_stand() as stand:
        add_instance(stand.engine, stand.vault, _INSTANCE, "benchmark-key", rate_per_second=None)
        stand.execute("CREATE TABLE psql_messages (LIKE messages_0 INCLUDING ALL) WITH (fillfactor = 80)")
        ordered, mixed, large = (stand.directory / f"{name}.csv" for name in ("ordered", "mixed", "large"))
        write_recipients(ordered, rows)
        _shuffle(ordered, mixed)
        write_recipients(large, 5 * rows)
        rounds = 1 if quick else 3
        psql, ours = _take_turns(stand, ordered, rounds)
        psql_mixed, ours_mixed = _take_turns(stand, mixed, rounds)
        five = [_submit_once(stand, large) for _ in range(1 if quick else 2)]
    baseline = Row(f"psql, {rows:,} rows in order", _seconds(psql), "s")
    baseline_mixed = Row(f"psql, {rows:,} rows in no order", _seconds(psql_mixed), "s")
    one = Row(f"submit, {rows:,} rows in order", _seconds(ours), "s")
    return [
        baseline.against(baseline, "psql"),
        one.against(baseline, "psql").at_most(0.6),
        baseline_mixed.against(baseline_mixed, "psql"),
        Row(f"submit, {rows:,} rows in no order", _seconds(ours_mixed), "s")
        .against(baseline_mixed, "psql")
        .at_most(0.6),
        Row(f"submit, {5 * rows:,} rows in order", _seconds(five), "s").against(one, f"submit of {rows:,}").at_most(6),
        Row(f"memory of submit, {rows:,} rows", _mebibytes([*ours, *ours_mixed]), "MiB").at_most(200),
        Row(f"memory of submit, {5 * rows:,} rows", _mebibytes(five), "MiB").at_most(200),
    ]


def _take_turns(stand: Stand, file: Path, rounds: int) -> tuple[list[Finished], list[Finished]]:
    """What psql took, and what `submit` took."""
    psql: list[Finished] = []
    ours: list[Finished] = []
    for _ in range(rounds):
        stand.execute("CHECKPOINT")
        psql.append(_through_psql(stand, file))
        stand.execute("TRUNCATE psql_messages")
        ours.append(_submit_once(stand, file))
    return psql, ours


def _submit_once(stand: Stand, file: Path) -> Finished:
    """Submit the file as a campaign, and remove its messages again."""
    stand.execute("CHECKPOINT")
    name = f"campaign {time.monotonic_ns()}"
    finished = _run(stand.broadcaster(*_submit(name, file)))
    segment = stand.scalar("SELECT segment FROM campaigns WHERE name = :name", name=name)
    stand.execute(f"DROP TABLE messages_{segment}, attempts_{segment}")
    return finished


def _shuffle(source: Path, target: Path) -> None:
    header, *rows = source.read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(1).shuffle(rows)
    target.write_text("".join([header, *rows]), encoding="utf-8", newline="")


def _seconds(runs: Sequence[Finished]) -> list[float]:
    return [each.seconds for each in runs]


def _mebibytes(runs: Sequence[Finished]) -> list[float]:
    return [each.memory / 2**20 for each in runs]


def _submit(campaign: str, file: Path) -> list[str]:
    where = ["--instance", _INSTANCE, "--recipients", str(file)]
    return ["campaign", "submit", campaign, *where, "--text", each_message.TEXT, "--draft"]


def _through_psql(stand: Stand, file: Path) -> Finished:
    script = stand.directory / "ingest.sql"
    script.write_text(_PSQL.format(file=file))
    environment = {"PGHOST": str(stand.settings.run_dir), "PGPASSFILE": str(stand.settings.home / "pgpass")}
    command = [str(bundled().program("psql")), "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={script}"]
    login = ["--username=broadcaster", "--dbname=broadcaster"]
    return _run(Program([*command, *login], environment, stand.directory / "psql.log"))


def _run(program: Program) -> Finished:
    with program:
        return program.wait()
