r"""Ingest: rows a second from a CSV file to pending messages.

`submit` reads, validates, deduplicates and stores all rows in one transaction. Beside it, psql does the least that
anything could: `\copy` into a staging table and one INSERT … SELECT into a table with the same indexes, in one
transaction, with neither checks nor counters.
"""

from __future__ import annotations

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
    """Ratios are to psql, so below 1. Both times are those of whole processes."""
    rows = 200_000 if quick else 1_000_000
    ours: list[Finished] = []
    psql: list[Finished] = []
    with open_stand() as stand:
        add_instance(stand.engine, stand.vault, _INSTANCE, "benchmark-key")
        stand.execute("CREATE TABLE psql_messages (LIKE messages_0 INCLUDING ALL) WITH (fillfactor = 80)")
        file = stand.directory / "recipients.csv"
        write_recipients(file, rows)
        for turn in range(1 if quick else 3):
            stand.execute("CHECKPOINT")
            psql.append(_through_psql(stand, file))
            stand.execute("CHECKPOINT")
            ours.append(_run(stand.broadcaster(*_submit(f"campaign {turn}", file))))
            for table in ("psql_messages", "messages"):
                stand.execute(f"TRUNCATE {table}")
    baseline = Row(f"psql, {rows:,} rows", [rows / each.seconds for each in psql], "rows/s")
    row = Row(f"submit, {rows:,} rows", [rows / each.seconds for each in ours], "rows/s")
    return [
        baseline.against(baseline, "psql"),
        row.against(baseline, "psql"),
        Row("memory of submit", [each.memory / 2**20 for each in ours], "MiB"),
    ]


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
