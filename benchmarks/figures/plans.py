"""Plans: seconds of `campaign plan`, of a million recipients over thirty days.

They are in fourteen countries and are sent to by their own clocks, through five instances, each with a pace and limits
an hour and a day. Once the campaign runs, a tenth of its messages wait until its cooldown is over. The time is that of
the whole command, as a process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from benchmarks.processes import BenchmarkError
from benchmarks.results import Row
from benchmarks.stand import Stand, open_stand
from broadcaster.domain.span_limits import SpanLimit
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.services.openings import move_openings
from broadcaster.services.stored_limits import LaneLimits

_DAYS = 30
_INSTANCES = ("north", "south", "east", "west", "middle")
_BEGINNINGS = {
    "62812": 8,
    "49151": 8,
    "551191": 7,
    "9198": 8,
    "121255": 5,
    "5255": 8,
    "2782": 7,
    "346": 8,
    "336": 8,
    "44791": 7,
    "234803": 7,
    "614": 8,
    "8190": 8,
    "97150": 7,
}
"""Of numbers in so many countries, with how many digits follow."""
_WINDOW = ("--window", "09:00-20:00", "--window-zone", "recipient", "--cooldown", "24h")
_CAMPAIGN = "campaign"
_WAIT = """
UPDATE messages
SET reason = 'cooldown', next_attempt_at = now() + make_interval(secs => 86400.0 * seq / :messages)
WHERE state = 'pending' AND seq % 10 = 0
"""


def measure(quick: bool) -> Sequence[Row]:
    """Of a start to an end of the process."""
    messages = 20_000 if quick else 1_000_000
    with open_stand() as stand:
        a_day = -(-messages // (_DAYS * len(_INSTANCES)))
        for name in _INSTANCES:
            limits = LaneLimits(75.0, (SpanLimit(a_day // 4, 3600), SpanLimit(a_day, 86_400)))
            add_instance(stand.engine, stand.vault, name, f"key-{name}", rate_per_second=1 / 3, limits=limits)
        _submit(stand, messages)
        rows = [Row("a campaign that is to start", _seconds(stand, quick), "s")]
        start_due_campaigns(stand.engine)
        move_openings(stand.engine)
        stand.execute(_WAIT, messages=messages)
        stand.vacuum()
        rows.append(Row("one that runs, and waits for people", _seconds(stand, quick), "s"))
    return [row.at_most(5) for row in rows]


def _submit(stand: Stand, messages: int) -> None:
    file = stand.directory / "recipients.csv"
    _write(file, messages)
    through = [option for name in _INSTANCES for option in ("--instance", name)]
    sent = ["--recipients", str(file), "--accept-countries", "--text", "Hi"]
    with stand.broadcaster("campaign", "submit", _CAMPAIGN, *through, *sent, *_WINDOW) as program:
        program.wait()
    stored = stand.scalar("SELECT sum(total) FROM campaign_lanes")
    if stored != messages:
        raise BenchmarkError(f"{stored:,} of {messages:,} messages were stored")


def _write(file: Path, messages: int) -> None:
    with file.open("w", encoding="ascii") as lines:
        lines.write("phone\n")
        lines.writelines(f"{phone}\n" for phone in islice(_phones(), messages))


def _phones() -> Iterator[str]:
    for number, (beginning, digits) in enumerate(cycle(_BEGINNINGS.items())):
        yield f"{beginning}{20_000 + number // len(_BEGINNINGS):5>{digits}}"


def _seconds(stand: Stand, quick: bool) -> list[float]:
    return [_plan(stand) for _ in range(1 if quick else 3)]


def _plan(stand: Stand) -> float:
    with stand.broadcaster("campaign", "plan", _CAMPAIGN, "--json") as program:
        return program.wait().seconds
