"""What docs/clinic-week.md shows, done literally."""

from __future__ import annotations

import csv
import re
import shlex
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.settings import Settings
from broadcaster.simulator import Simulator
from tests.support.cli import CliResult, RunCli, assert_done
from tests.support.reference import README
from tests.support.shop import Shop, drain
from tests.support.workbook import workbook

PAGE = README.parent / "docs" / "clinic-week.md"
PATIENTS, TOMORROW = 600, 120
FIRST_DAY_OF_SPREADSHEETS = datetime(1899, 12, 30, tzinfo=UTC).date()


def test_a_clinic_reminds_its_patients_mends_a_typo_and_sends_the_rest_on_the_next_day(
    run_cli: RunCli, engine: Engine, settings: Settings, simulator: Simulator, tmp_path: Path
) -> None:
    shop = Shop(engine, settings, simulator)
    zone = zone_where_it_is_noon()
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    (tmp_path / "patients.xlsx").write_bytes(patients_on(tomorrow.toordinal()))
    (tmp_path / "key.txt").write_text("any-key\n")
    [text] = blocks("text")
    reminder = tmp_path / "reminder.txt"
    reminder.write_text(text)
    monday, submitted, mended, closed, tuesday = (block.splitlines() for block in blocks("sh"))

    def run(line: str, *more: str) -> CliResult:
        return assert_done(run_cli(*shlex.split(line)[1:], *more, environ={"BROADCASTER_TIMEZONE": zone}))

    run(monday[0], "--base-url", simulator.base_url)
    assert f"{PATIENTS} Indonesia" in run(monday[1]).stdout
    assert f"messages: {TOMORROW}" in run(submitted[0]).stdout
    run(submitted[1])
    start_due_campaigns(engine)
    send(shop, 40)
    reminder.write_text(text.replace("tmie", "time"))
    for line in mended:
        run(line)
    send(shop, 60)
    run(closed[0])
    send(shop, 60)
    run(tuesday[0])
    start_due_campaigns(engine)
    send(shop, 60)

    bodies = {entry.phone: entry.body for entry in simulator.ledger.entries}
    assert (len(simulator.ledger.entries), len(bodies)) == (TOMORROW, TOMORROW)
    words = [next(word for word in ("tmie", "on time", "today") if word in body) for body in bodies.values()]
    assert Counter(words) == {"tmie": 40, "on time": 60, "today": 20}
    assert all(f"Patient {phone[-3:]}" in body for phone, body in bodies.items())
    run(tuesday[1])
    run(tuesday[2])
    with (tmp_path / "reminder.csv").open(newline="") as file:
        states = Counter((row["state"], row["content_version"]) for row in csv.DictReader(file))
    assert states == {("sent", "1"): 40, ("sent", "2"): 60, ("cancelled", ""): 20}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def patients_on(tomorrow: int) -> bytes:
    """A workbook of patients whose zero is lost, a fifth of whom come on that day and the others later."""
    since = FIRST_DAY_OF_SPREADSHEETS.toordinal()
    rows = [
        [81234560000.0 + n, f"Patient {n:03}", (float(tomorrow - since + n % 5),), "Sari" if n % 2 else "Budi"]
        for n in range(PATIENTS)
    ]
    return workbook([["Patients of the clinic"], [], ["HP", "Name", "Appointment", "Doctor"], *rows])


def zone_where_it_is_noon() -> str:
    """So that no day ends while the test runs."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def send(shop: Shop, count: int) -> None:
    """Send so many, as far as there are: the others are due only afterwards. Nobody waits for the limit here."""
    shop.sql("UPDATE instances SET rate_per_second = NULL, interval_seconds = 0, tolerance_seconds = 0")
    shop.sql(
        "UPDATE messages SET next_attempt_at = now() + interval '1 day' WHERE state = 'pending' AND (campaign_id, seq)"
        " NOT IN (SELECT campaign_id, seq FROM messages WHERE state = 'pending' ORDER BY 1, 2 LIMIT :count)",
        count=count,
    )
    drain(shop)
    shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    shop.sql("UPDATE campaign_lanes SET next_due_at = '-infinity'")
    shop.sql("UPDATE lanes SET woken_at = NULL")
