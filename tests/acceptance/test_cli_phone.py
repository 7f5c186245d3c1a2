"""`broadcaster phone`: forgetting a person while others are being sent to, through the real command line."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from broadcaster.simulator import Simulator
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.database import everything
from tests.support.stack import running_stack, wait_for

PHONES = [f"6281234560{n:02d}" for n in range(20)]
PEOPLE = "phone,name\n" + "".join(f"{phone},Name {phone[-2:]}\n" for phone in PHONES)
FIRST, LAST = PHONES[0], PHONES[-1]
WRITTEN = f"+{LAST[:2]} {LAST[2:5]}-{LAST[5:]}"
SUBMIT = ("campaign", "submit", "promo", "--instance", "a", "--recipients", "-", "--text", "Hi {{ name }}")


@pytest.fixture
def campaign(run_cli: RunCli, simulator: Simulator) -> RunCli:
    """A campaign that takes some seconds, and an audience of the same people."""
    address = ("--base-url", simulator.base_url, "--rate", "5/s", "--burst", "1")
    assert_done(run_cli("instance", "add", "a", "--key-stdin", *address, stdin="key-a"))
    assert_done(run_cli("audience", "import", "people", "-", stdin=PEOPLE))
    assert_done(run_cli(*SUBMIT, stdin=PEOPLE + f"{LAST[:9]},nobody\n"))
    return run_cli


def test_who_is_forgotten_while_a_campaign_runs_gets_nothing_more_and_the_books_balance(
    campaign: RunCli, simulator: Simulator, environ: dict[str, str], tmp_path: Path
) -> None:
    with running_stack(tmp_path, environ) as stack:
        stack.start("worker")
        stack.start("beat")
        wait_for(lambda: len(simulator.ledger.entries) >= 2, "the first messages")
        gone = assert_done(campaign("phone", "forget", WRITTEN, "--yes", "--json")).json
        assert (gone["forgotten"], gone["messages"], gone["members"]) == (True, {"pending": 1}, 1)
        assert_done(campaign("campaign", "watch", "promo", "--timeout", "60", "--json"))
        sent = assert_done(campaign("phone", "forget", FIRST, "--yes", "--json")).json
        assert sent["messages"] == {"sent": 1}
    shown = assert_done(campaign("campaign", "show", "promo", "--json")).json
    assert (shown["state"], shown["total"], shown["sent"], shown["skipped"]) == ("finished", 20, 19, 1)
    accepted = sorted(entry.phone for entry in simulator.ledger.entries if entry.accepted)
    assert accepted == PHONES[:-1]
    exported = list(csv.DictReader(io.StringIO(assert_done(campaign("campaign", "export", "promo")).stdout)))
    assert [row["phone"] for row in exported] == ["", *PHONES[1:-1], ""]
    assert [row["name"] for row in exported] == ["", *(f"Name {phone[-2:]}" for phone in PHONES[1:-1]), ""]
    report = assert_done(campaign("campaign", "report", "promo")).stdout
    assert "(forgotten)" in report and LAST not in report


def test_without_yes_it_shows_what_would_go_and_changes_nothing(campaign: RunCli, engine: Engine) -> None:
    before = everything(engine)
    for options in ((), ("--dry-run",)):
        shown = assert_done(campaign("phone", "forget", WRITTEN, *options)).stdout
        assert shown.splitlines() == [
            f"number: +{LAST} (Indonesia)",
            "messages: 1, one a campaign (pending: 1)",
            "audiences: 1; rejected rows of recipients files: 0",
            "consents: 0; replies: 0",
            "nothing was changed; add --yes to forget the number",
        ]
    assert assert_done(campaign("phone", "forget", WRITTEN, "--json")).json == {
        "phone": LAST, "forgotten": False, "messages": {"pending": 1}, "members": 1, "rejected": 0, "opt_outs": 0,
        "consents": 0, "replies": 0, "forgotten_at": None, "name": None,
    }  # fmt: skip
    assert everything(engine) == before
    assert "the number is forgotten" in assert_done(campaign("phone", "forget", WRITTEN, "--yes")).stdout


def test_the_trail_has_one_note_of_it_without_the_number(campaign: RunCli, engine: Engine) -> None:
    with engine.begin() as connection:
        last = connection.scalar(text("SELECT max(id) FROM audit_log"))
    done = assert_done(campaign("phone", "forget", "0812-3456-019", "--country", "ID", "--yes", "--json")).json
    with engine.begin() as connection:
        found = connection.execute(text("SELECT * FROM audit_log WHERE id > :last"), {"last": last}).mappings()
        [row] = [dict(row) for row in found]
        digest = connection.scalar(text("SELECT encode(digest, 'hex') FROM forgotten_phones"))
    assert (row["command"], row["object_kind"], row["object_name"]) == ("phone forget", "phone", done["name"])
    assert digest.startswith(done["name"])
    counts = {"members": 1, "rejected": 0, "opt_outs": 0, "consents": 0, "replies": 0}
    assert row["after"] == {"messages": {"pending": 1}, **counts}
    assert LAST[-8:] not in str(everything(engine))


def test_a_file_and_a_test_are_refused_until_the_person_agrees_again(campaign: RunCli) -> None:
    assert_done(campaign("phone", "forget", LAST, "--yes"))
    again = ("campaign", "submit", "again", *SUBMIT[3:])
    people = f"phone,name\n{WRITTEN},Ann\n{FIRST},Bob\n"
    refused = "(forgotten)': This number was forgotten: leave it out unless the person has agreed again"
    assert refused in assert_done(campaign(*again, "--dry-run", stdin=people)).stdout
    stored = assert_done(campaign(*again, stdin=people)).stdout
    assert refused in stored and "messages: 1; rejected: 1" in stored
    rejected = assert_done(campaign("campaign", "export", "again", "--rejected")).stdout
    assert rejected.splitlines()[1].startswith("2,(forgotten),This number was forgotten")
    imported = assert_done(campaign("audience", "import", "people", "-", stdin=people)).stdout
    assert refused in imported
    only = f"phone,name\n{LAST},Ann\n"
    assert_refused(campaign("campaign", "submit", "only", *SUBMIT[3:], stdin=only), "none of its 1", "was forgotten")
    assert_refused(campaign("campaign", "test", "promo", "--to", LAST), "was forgotten", "phone readmit")
    shown = assert_done(campaign("phone", "readmit", WRITTEN)).stdout
    assert re.match(r"forgotten since \w{3} 20", shown) and "nothing was changed; add --yes if the person has" in shown
    assert_refused(campaign("campaign", "test", "promo", "--to", LAST), "was forgotten")
    assert re.search(r"forgotten since \w{3} 20", assert_done(campaign("phone", "forget", WRITTEN)).stdout)
    assert re.search(r"forgotten since \w{3} 20", assert_done(campaign("phone", "show", WRITTEN)).stdout)
    assert assert_done(campaign("phone", "readmit", WRITTEN, "--yes")).stdout.startswith(
        "the number may be taken in again; "
    )
    assert "messages: 2; rejected: 0" in assert_done(campaign(*again[:2], "third", *again[3:], stdin=people)).stdout


def test_numbers_that_cannot_be_are_refused_in_one_line(run_cli: RunCli) -> None:
    for command in ("forget", "readmit"):
        assert_refused(run_cli("phone", command, "12"), "NUMBER '12'", "too few digits", code=2)
        assert_refused(run_cli("phone", command, "0812-3456-019"), "starts with 0", "add --country ID", code=2)
        short = run_cli("phone", command, "+62 812")
        assert_refused(short, "too few digits", "in quotes", code=2)
        assert "country code" not in short.stderr
        assert_refused(run_cli("phone", command, "1", "--country", "Java"), "'Java'", code=2)
    assert_refused(run_cli("phone", "forget", LAST, "--yes", "--dry-run"), "--yes with --dry-run", code=2)
    assert_refused(run_cli("phone", "readmit", LAST), "not among those that were forgotten")
    key: dict[str, str | None] = {"BROADCASTER_SECRET_KEY": None}
    assert_refused(run_cli("phone", "forget", LAST, "--yes", environ=key), "BROADCASTER_SECRET_KEY", code=2)


def test_many_are_forgotten_by_lines_that_do_not_repeat_their_numbers(campaign: RunCli) -> None:
    lines = f"{WRITTEN}\n\n12\n0812-3456-018\n"
    for options in ((), ("--yes",)):
        done = campaign("phone", "forget", "-", "--country", "ID", *options, stdin=lines)
        assert done.code == 1
        first, last = done.stdout.splitlines()
        assert first.startswith("line 1: messages: 1; audiences: 1; rejected rows: 0; ")
        assert last.startswith("line 4: messages: 1;")
        assert (
            done.stderr.startswith("warning: line 3: The number has too few digits")
            and len(done.stderr.splitlines()) == 1
        )
        assert "345" not in done.stdout + done.stderr
    again = campaign("phone", "forget", "-", "--country", "ID", "--json", stdin=lines).json
    assert [(row["line"], row.get("messages")) for row in again] == [(1, {}), (3, None), (4, {})]
    assert again[0]["forgotten_at"] is not None


def test_who_may_yet_get_a_message_is_told_with_the_moment(campaign: RunCli, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text(
            "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at)"
            " SELECT segment, campaign_id, seq, 1, 1, 1, phone, now(), now() + interval '1 hour' FROM messages"
            " WHERE phone = :phone"
        ), {"phone": LAST})  # fmt: skip
    forget = ("phone", "forget", LAST, "--yes")
    assert_refused(campaign(*forget), "may arrive until ", "nothing was forgotten", "run this again then")
    with owner.begin() as connection:
        connection.execute(text("UPDATE doubts SET ended_at = now() + interval '4 s'"))
    done = campaign(*forget)
    assert done.code == 0 and "waiting for it" in done.stderr


def test_a_lost_key_is_given_up_after_a_look(campaign: RunCli) -> None:
    assert_done(campaign("phone", "forget", LAST, "--yes"))
    lost = {"BROADCASTER_SECRET_KEY": Fernet.generate_key().decode()}
    assert_refused(campaign("phone", "forget", FIRST, "--yes", environ=lost), "does not open", code=2)
    for looked in (campaign("phone", "reset", environ=lost), campaign("phone", "reset", environ=lost)):
        assert "taken in again: 1; nothing was changed" in assert_done(looked).stdout
    done = campaign("phone", "reset", "--yes", "--json", environ=lost)
    assert assert_done(done).json == {"reset": True, "forgotten": 1}
    assert_refused(campaign("phone", "readmit", LAST, environ=lost), "not among those that were forgotten")
    gone = campaign("phone", "forget", FIRST, "--yes", "--json", environ=lost)
    assert assert_done(gone).json["messages"] == {"pending": 1}


def test_what_is_stored_of_a_person_is_shown_to_people_and_programs(campaign: RunCli) -> None:
    shown = assert_done(campaign("phone", "show", WRITTEN, "--json")).json
    assert [(row["campaign"], row["state"]) for row in shown["messages"]] == [("promo", "pending")]
    assert [row["audience"] for row in shown["audiences"]] == ["people"]
    assert (shown["rejected"], shown["forgotten_at"]) == ([], None)
    people = assert_done(campaign("phone", "show", WRITTEN)).stdout
    assert [line for line in people.splitlines() if ": " in line and "{" not in line] == [
        f"number: +{LAST} (Indonesia)",
        "consents: 0",
        "messages: 1",
        "replies: 0",
        "opt-outs: 0",
        "audiences: 1",
        "known-to: 0",
        "messaged-lately: 0",
        "rejected: 0",
    ]
    assert people.count("Name 19") == 2
    assert PHONES[0] not in people
