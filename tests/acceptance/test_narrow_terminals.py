"""Every table can be read in a terminal of 80 columns, whatever things are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from sqlalchemy import Engine

import broadcaster
from broadcaster.domain.names import LONGEST_NAME
from broadcaster.services.schedules.editing import LONGEST_SCHEDULE_NAME
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done
from tests.support.shop import Shop, open_shop

WIDTH = 80
CAMPAIGN, INSTANCE, AUDIENCE = (
    f"{what} {'of the clinic in the north ' * 4}"[: LONGEST_NAME - 1] + "." for what in ("news", "phone", "patients")
)
UNBROKEN = "x" * LONGEST_NAME
SCHEDULE = f"reminder {'x' * LONGEST_NAME}"[:LONGEST_SCHEDULE_NAME]
REASON = f"the gateway said that {'it will not, ' * 8}and that is all."
CONTENT = f"Dear {{{{ name }}}}, {'we are closed, ' * 8}and that is all."
PEOPLE = "phone,name,when\n628120000000,Ann,Monday\n628120000001,Bob,Friday\n"
TABLES = {
    "audience/keep.py": ["audience list"],
    "audit.py": ["audit"],
    "campaign/report.py": ["campaign report CAMPAIGN"],
    "campaign/report_all.py": ["campaign report --all"],
    "campaign/settle.py": ["campaign settle CAMPAIGN"],
    "campaign/show.py": ["campaign list"],
    "campaign/steer.py": ["campaign retry CAMPAIGN --dry-run"],
    "doctor.py": ["doctor"],
    "instance/listing.py": ["instance list"],
    "instance/retiring.py": ["instance retire INSTANCE --to OTHER --dry-run"],
    "limit/shared.py": ["limit list"],
    "notify/receivers.py": ["notify list"],
    "notify/delivered.py": ["notify log"],
    "moves.py": ["campaign report CAMPAIGN"],
    "phone/blocking.py": ["phone list", "phone list --ended"],
    "phone/card.py": ["phone show 628120000000", "phone show 628120000001"],
    "reply.py": ["replies list"],
    "purge.py": ["purge --older-than 1d --dry-run"],
    "schedule/month.py": ["schedule plan"],
    "schedule/show.py": ["schedule list", "schedule next SCHEDULE -n 3", "schedule report SCHEDULE"],
}
"""By module which commands draw them."""
OF_FIXED_NAMES = {"output.py", "demo/run.py", "stack.py"}
NAMES = {"CAMPAIGN": CAMPAIGN, "SCHEDULE": SCHEDULE, "INSTANCE": INSTANCE, "OTHER": UNBROKEN}
SHOWN = {
    "audience list": [AUDIENCE, UNBROKEN],
    "campaign report CAMPAIGN": [INSTANCE, REASON, CONTENT],
    "campaign report --all": [CAMPAIGN, UNBROKEN, REASON],
    "campaign settle CAMPAIGN": [REASON],
    "campaign list": [CAMPAIGN, UNBROKEN],
    "campaign retry CAMPAIGN --dry-run": [REASON],
    "instance list": [INSTANCE, UNBROKEN],
    "instance retire INSTANCE --to OTHER --dry-run": [CAMPAIGN, UNBROKEN],
    "phone list": [INSTANCE, REASON[:400]],
    "limit list": [UNBROKEN],
    "notify list": [INSTANCE, UNBROKEN],
    "notify log": [CAMPAIGN, UNBROKEN, REASON[:200]],
    "phone show 628120000000": [CAMPAIGN, AUDIENCE, "name=Ann, when=Monday"],
    "purge --older-than 1d --dry-run": [UNBROKEN],
    "replies list": [CAMPAIGN, REASON[:150]],
    "schedule list": [SCHEDULE, AUDIENCE],
    "schedule plan": [SCHEDULE],
    "schedule report SCHEDULE": [REASON],
}
"""What must be there in full."""


@pytest.fixture
def shop(run_cli: RunCli, engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.add("b")
        opened.submit(CAMPAIGN, 5, "a")
        opened.submit(UNBROKEN, 1, "b", first=100)
        opened.sql("UPDATE campaigns SET recipients_rejected = 12345")
        for state in ("sending", "in_doubt", "unknown"):
            opened.sql(f"UPDATE messages SET state = '{state}', reason = :reason WHERE seq = 1", reason=REASON)
        opened.sql("UPDATE messages SET state = 'sending' WHERE seq = 2")
        opened.sql("UPDATE messages SET state = 'failed', reason = :reason WHERE seq = 2", reason=REASON)
        for old, new in (("a", INSTANCE), ("b", UNBROKEN)):
            opened.sql("UPDATE instances SET name = :new WHERE name = :old", old=old, new=new)
        opened.sql("UPDATE campaigns SET state = 'paused' WHERE name = :name", name=CAMPAIGN)
        assert_done(run_cli("campaign", "set", CAMPAIGN, "--text", CONTENT))
        opened.sql("UPDATE campaigns SET state = 'running' WHERE name = :name", name=CAMPAIGN)
        for audience in (AUDIENCE, UNBROKEN):
            assert_done(run_cli("audience", "import", audience, "-", stdin=PEOPLE))
        assert_done(run_cli("phone", "block", "+628120000009", "--instance", INSTANCE, "--reason", REASON[:400]))
        assert_done(run_cli("limit", "add", UNBROKEN, "1000000000/d"))
        assert_done(run_cli("notify", "add", UNBROKEN, "--whatsapp", "+628120000008", "--instance", INSTANCE))
        opened.sql(
            "INSERT INTO notices (event, subject, occurrence, document) SELECT 'campaign.finished', 'c', '',"
            " jsonb_build_object('summary', CAST(:said AS text), 'detail', CAST(:why AS text), 'advice', 'none')",
            said=f"campaign {CAMPAIGN} is finished",
            why=REASON,
        )
        opened.sql("INSERT INTO deliveries (notice_id, receiver_id, tries, answer) VALUES (1, 1, 12345, :a)", a=REASON)
        opened.sql(
            "INSERT INTO lane_moves (campaign_id, from_lane_id, to_lane_id, reason, messages, moved_by)"
            " VALUES (1, 1, 2, 'back', 123456789, 'somebody.with.a.long.name')"
        )
        daily = ("--cron", "0 9 * * mon-fri", "--timezone", "America/Argentina/Buenos_Aires")
        over = ("--audience", AUDIENCE, "--instance", INSTANCE, "--text", "Hi {{ name }}")
        assert_done(run_cli("schedule", "add", SCHEDULE, *daily, *over))
        opened.sql(
            "INSERT INTO inbound_messages (account_id, lane_id, identity, phone, body, said_at, campaign_id, meaning)"
            " SELECT 1, 1, '\\x01', '628120000000', :reason, now(), id, 'near_miss' FROM campaigns WHERE name = :name",
            reason=REASON,
            name=CAMPAIGN,
        )
        opened.sql(
            "INSERT INTO occurrences (schedule_id, due_at, state, reason)"
            " SELECT id, '2026-11-23T02:00:00Z', 'held', :reason FROM schedules",
            reason=REASON,
        )
        opened.sql("UPDATE campaigns SET state = 'finished', finished_at = now() WHERE name = :name", name=UNBROKEN)
        opened.end_long_ago(UNBROKEN)
        yield opened


def test_no_table_is_wider_than_the_terminal_and_none_leaves_anything_out(run_cli: RunCli, shop: Shop) -> None:
    for commands in TABLES.values():
        for command in commands:
            words = [NAMES.get(word, word) for word in command.split()]
            result = run_cli(*words, environ={"COLUMNS": str(WIDTH), "BROADCASTER_TIMEZONE": "America/St_Johns"})
            table = [line for line in result.stdout.splitlines() if not _is_sentence(line)]
            assert len(table) > 1, (command, result)
            assert [line for line in table if cell_len(line) > WIDTH] == [], command
            shown = [_bare(result.stdout), *_columns(result.stdout.splitlines())]
            missing = [text for text in SHOWN.get(command, ()) if not any(_bare(text) in each for each in shown)]
            assert missing == [], (command, result.stdout)


def test_no_table_is_left_out() -> None:
    cli = Path(broadcaster.__file__).parent / "cli"
    drawing = {str(path.relative_to(cli)) for path in cli.rglob("*.py") if "say_table(" in path.read_text()}
    assert drawing - OF_FIXED_NAMES == set(TABLES)


def _is_sentence(line: str) -> bool:
    """Whether the terminal may wrap it: it is no row, but a sentence, or a value behind its name."""
    said = "instances?|campaigns?|recipients|rejected|messages?|would be deleted|home|at 09:00"
    return bool(re.match(rf"({said})\b|.+ is (down|refused|due)\b|.+ waits? for you\b", line, re.IGNORECASE))


def _columns(lines: list[str]) -> Iterator[str]:
    """What stands below each header, as if it had not been wrapped."""
    for above, header in enumerate(lines):
        if re.fullmatch(r"[A-Z ]+  [A-Z ]+", header):
            for found in re.finditer(r"[A-Z]+(?: [A-Z]+)*", header):
                yield _bare("".join(line[found.start() :].partition("  ")[0] for line in lines[above + 1 :]))


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)
