"""What `--json` writes: programs rely on its keys, in every command that has it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.domain.notices import TOLD as TOLD_OF
from broadcaster.domain.receivers import ReceiverWay
from broadcaster.domain.span_limits import parse_span_limit
from broadcaster.services.notices.receivers import Destination, add_receiver
from broadcaster.services.shared_limits import add_limit
from broadcaster.settings import Settings
from tests.support.cli import RunCli
from tests.support.reference import commands
from tests.support.shop import Shop, drain, open_shop

KEYS = json.loads(Path(__file__).with_name("json_keys.json").read_text(encoding="utf-8"))
"""By command what it writes: `[]` stands for each of a list, and what is behind a dot is within."""
FREE = (
    *("differences", "rules", "empty_values", "not_in_rest", "variables", "before", "after"),
    *("keep_theirs", "weights", "takers", "figures"),
)
"""Objects whose keys are no part of the contract."""
PEOPLE = "phone,name\n628123456001,Ann\n628123456002,Bob\nnobody,Cal\n"
WORDS = {word for each in commands() for word in each.words}
DAILY = "--cron '0 9 * * *' --timezone Asia/Jakarta --instance a --audience people --text 'Hi {{ name }}'"
WHILE_IT_RUNS = [
    "audience import people - --consent-source form",
    "audience sync contacts --instance a --chats",
    "audience list",
    "audience add-member people +628123456003 --set name=Cal",
    "audience edit-member people +628123456003 --set name=Cid",
    "audience remove-member people +628123456003",
    "audience show people --where name=Ann",
    "campaign submit dry --instance a --recipients - --text 'Hi {{ name }}' --dry-run",
    "campaign submit all --instance a --audience people --text 'Hi {{ name }}' --draft",
    "campaign preview all",
    "campaign plan all --with-instance +1 --by 'in 3d'",
    "campaign test c --to 628123456009 --timeout 0",
    "instance check a --to 628123456009 --timeout 0",
    "instance list",
    "instance show a",
    "instance retire a --to b --dry-run",
    "limit list",
    "limit show customers",
    "notify list",
    "notify show ops",
    "notify log",
    "instance rules a show --all",
    "instance rules a test {}",
    "replies list",
    "replies show 1",
    "campaign list",
    "campaign show c",
    "campaign settle c",
    "campaign retry c --dry-run",
    "campaign report c",
    "campaign report --all",
    "campaign set all --text 'Dear {{ name }}' --instance a",
    "campaign clone all again",
    "campaign remove again --yes",
    "campaign cancel all --yes",
    "campaign settle c --as failed --yes",
    "status",
    "top --once",
    "doctor",
    f"schedule add news {DAILY}",
    "schedule set news --priority 1",
    "schedule list",
    "schedule show news",
    "schedule next news",
    "schedule plan news",
    "schedule pause news",
    "schedule resume news",
    "schedule run-now news",
    "schedule approve news 2026-11-23T09:00",
    "schedule reject news 2026-11-23T10:00 --reason late",
    "schedule report news",
]
ONCE_IT_HAS_ENDED = [
    "campaign watch c",
    "campaign proof c --out c.proof",
    "verify c.proof",
    "proof key",
    "phone block 628123456001 --reason asked",
    "phone show 628123456001",
    "phone show 628120000000",
    "phone list",
    "phone unblock 628123456001",
    "phone reset",
    "schedule remove news",
    "phone show 628123456002",
    "phone forget 628123456001 --yes",
    "phone readmit 628123456001",
    "phone reset --yes",
    "purge --older-than 1d",
    "audience remove contacts",
    "audit",
]
REPLY = (
    "INSERT INTO inbound_messages (account_id, lane_id, identity, phone, said_at)"
    " VALUES (1, 1, '\\x01', '628120000000', now())"
)
TOLD = (
    "WITH noted AS (INSERT INTO notices (event, subject, occurrence, document)"
    " VALUES ('test', 'ops', '', '{\"summary\": \"s\", \"advice\": \"a\"}') RETURNING id)"
    " INSERT INTO deliveries (notice_id, receiver_id) SELECT noted.id, r.id FROM noted CROSS JOIN receivers r"
)
MOVED = (
    "WITH away AS (INSERT INTO campaign_lanes (campaign_id, lane_id) VALUES (2, 2)),"
    " begun AS (INSERT INTO failovers (campaign_id, lane_id) VALUES (2, 1))"
    " INSERT INTO lane_moves (campaign_id, from_lane_id, to_lane_id, reason, messages) VALUES (2, 1, 2, 'failover', 1)"
)
ENDS = {"628120000000": ("sending", "failed"), "628120000001": ("sending", "in_doubt", "unknown")}
HELD = (
    "INSERT INTO occurrences (schedule_id, due_at, state) SELECT id, due::timestamptz, 'held' FROM schedules,"
    " unnest(ARRAY['2026-11-23T02:00:00Z', '2026-11-23T03:00:00Z']) due"
)


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        yield opened


def test_every_command_writes_the_keys_that_it_always_has(run_cli: RunCli, shop: Shop) -> None:
    found: dict[str, str] = {}

    def note(command: str) -> None:
        result = run_cli(*shlex.split(command), "--json", stdin=PEOPLE)
        assert result.stdout, (command, result)
        is_followed = command.startswith("campaign watch")
        texts = result.stdout.splitlines() if is_followed else [result.stdout]
        words = " ".join(word for word in command.split()[:4] if word in WORDS)
        keys = [*found.get(words, "").split(), *(key for text in texts for key in _keys(json.loads(text)))]
        found[words] = " ".join(dict.fromkeys(keys))

    shop.add("a", "1000/s 100000/d")
    add_limit(shop.engine, "customers", parse_span_limit("2000/d"), grace=75.0)
    shop.submit("old", 1, "a", first=100)
    drain(shop)
    shop.submit("c", 4, "a")
    shop.sql(REPLY)
    shop.add("b")
    shop.sql(MOVED)
    ops = Destination(ReceiverWay.MAIL, "ops@example.com")
    add_receiver(shop.engine, lambda: open_vault(shop.settings), "ops", ops, TOLD_OF, 0.02)
    shop.sql(TOLD)
    for command in WHILE_IT_RUNS:
        _prepare(shop, command)
        note(command)
    drain(shop)
    shop.end_long_ago("old", 2)
    for command in ONCE_IT_HAS_ENDED:
        note(command)
    assert found == KEYS


def test_no_command_with_json_is_left_out() -> None:
    described = {each for each in commands() if any("--json" in param.opts for param in each.command.params)}
    assert {" ".join(each.words).replace(" NAME", "") for each in described} == set(KEYS)


def _prepare(shop: Shop, command: str) -> None:
    if command == "campaign settle c":
        for phone, states in ENDS.items():
            for state in states:
                shop.sql(f"UPDATE messages SET state = '{state}' WHERE phone = '{phone}'")
    if command.startswith("schedule approve"):
        shop.sql(HELD)


def _keys(document: Any, before: str = "") -> Iterator[str]:
    if isinstance(document, list):
        for each in document:
            yield from _keys(each, f"{before}[]")
    elif isinstance(document, dict):
        for key, value in document.items():
            name = f"{before}.{key}" if before else key
            yield name
            if key not in FREE:
                yield from _keys(value, name)
