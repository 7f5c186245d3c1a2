"""`campaign proof`, `proof key` and `verify` as an agency and its client meet them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from broadcaster.services import dispatch
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.shop import Shop, drain, open_shop

PEOPLE = 30


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    """A campaign that has ended, of whose messages one was refused."""
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.fault("kind=invalid_number,phone=628120000003")
        opened.submit("spring", PEOPLE, "a")
        drain(opened)
        yield opened


def test_a_proof_of_a_campaign_of_nobody_says_so(run_cli: RunCli, shop: Shop) -> None:
    assert_done(
        run_cli("audience", "import", "people", "-", "--consent-source", "form", stdin="phone\n628120000001\n")
    )
    assert run_cli("campaign", "submit", "empty", "--instance", "a", "--audience", "people", "--text", "Hi").code == 0
    assert_done(run_cli("audience", "remove-member", "people", "+628120000001"))
    dispatch.start_due_campaigns(shop.engine)
    dispatch.finish_campaigns(shop.engine)
    assert shop.state("empty") == "finished"
    assert_done(run_cli("campaign", "proof", "empty", "--out", "empty.proof"))
    lines = run_cli("verify", "empty.proof", environ=NOTHING).stdout.splitlines()
    assert lines[1:3] == [
        "right: it has no record, as its totals have no message",
        "accepted by the gateway more than once: 0",
    ]


NOTHING = dict.fromkeys(("BROADCASTER_DATABASE_URL", "BROADCASTER_SECRET_KEY", "BROADCASTER_LOG_LEVEL"), "nonsense")
"""Settings with which no other command works."""


def test_a_client_checks_what_an_agency_has_handed_over(run_cli: RunCli, shop: Shop, tmp_path: Path) -> None:
    assert "nothing was signed yet" in assert_done(run_cli("proof", "key")).stdout
    made = assert_done(run_cli("campaign", "proof", "spring", "--out", "spring.proof")).stdout
    assert made.splitlines()[0] == f"proof of campaign spring, {PEOPLE} records: spring.proof"
    [key] = assert_done(run_cli("proof", "key", "--json")).json
    assert made.splitlines()[2] == f"signed by the public key {key['public_key']}"
    for name in ("spring.proof", "spring.proof.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert "62812" not in (tmp_path / "spring.proof").read_text()

    told = assert_done(run_cli("verify", "spring.proof", "--public-key", key["public_key"], environ=NOTHING)).stdout
    lines = told.splitlines()
    assert lines[0].startswith("campaign spring, finished on 20")
    assert lines[1:] == [
        "right: 30 records follow one from the other, from the first to the last",
        "right: they add up to the 30 messages of its totals: sent 29, failed 1",
        "accepted by the gateway more than once: 0",
        f"right: signed by the public key {key['public_key']}, as was asked",
    ]
    about = ("--phone", "+62 812-0000-003", "--key-file", "spring.proof.key")
    asked = run_cli("verify", "spring.proof", *about, environ=NOTHING)
    assert (asked.code, asked.stderr.count("\n")) == (0, 1)
    assert "compare it with the one that its maker told you" in asked.stderr
    assert "record 4: failed through a on 20" in asked.stdout
    assert "  attempt 1: rejected on 20" in asked.stdout
    nobody = run_cli("verify", "spring.proof", "--phone", "+6281399999999", *about[2:]).stdout
    assert nobody.splitlines()[-1] == "no message to this phone is in it"


def test_what_was_changed_is_refused_with_its_place(run_cli: RunCli, shop: Shop, tmp_path: Path) -> None:
    assert_done(run_cli("campaign", "proof", "spring", "--out", "whole"))
    whole = (tmp_path / "whole").read_text()
    (tmp_path / "changed").write_text(whole.replace('"state":"failed"', '"state":"sent"'))
    (tmp_path / "cut").write_text(whole[: len(whole) // 2])
    (tmp_path / "other").write_text("phone,name\n")
    (tmp_path / "longer").write_text(whole + whole.splitlines(keepends=True)[-1])
    (tmp_path / "endless").write_text(whole.splitlines(keepends=True)[0])
    os.truncate(tmp_path / "endless", 64 << 20)
    assert_refused(run_cli("verify", "longer"), f"longer: line {PEOPLE + 3}: something follows the signature")
    assert_refused(run_cli("verify", "endless"), "record 1 (line 2): it has more than 16,777,216 bytes")
    assert_refused(run_cli("verify", "changed"), "changed: record 4 (line 5): it does not follow from the line before")
    assert_refused(run_cli("verify", "cut"), "the line ends in the middle")
    assert_refused(run_cli("verify", "other"), "other: line 1, the header: this is no proof")
    assert_refused(run_cli("verify", "nowhere"), "cannot read nowhere: No such file")
    assert_refused(run_cli("verify", "whole", "--public-key", "ab" * 32), "it is signed by another key")
    for key in ("ab", "no key"):
        assert_refused(
            run_cli("verify", "whole", "--public-key", key), "--public-key", "64 hexadecimal digits", code=2
        )
    assert_refused(run_cli("verify", "whole", "--phone", "+62"), "--phone", code=2)
    national = run_cli("verify", "whole", "--phone", "0812-0000-003")
    assert_refused(national, "write it with + and its country code", code=2)
    assert "--country" not in national.stderr
    assert_refused(run_cli("verify", "whole", "--phone", "+628120000003"), "hashed: give the key", "--key-file")
    assert_refused(run_cli("verify", "whole", "--key-file", "whole.key"), "it is for --phone", code=2)
    assert_done(run_cli("campaign", "proof", "spring", "--out", "again"))
    about = ("--phone", "+628120000003", "--key-file", "again.key")
    assert_refused(run_cli("verify", "whole", *about), "not the key of this proof")


def test_nothing_is_half_written(run_cli: RunCli, shop: Shop, tmp_path: Path) -> None:
    prove = ("campaign", "proof")
    (tmp_path / "kept.key").write_text("the key of another proof")
    assert_refused(run_cli(*prove, "spring", "--out", "kept"), "kept.key is there already", "--key-file")
    assert_refused(run_cli(*prove, "spring", "--out", "nowhere/a"), "cannot write nowhere/a")
    assert_refused(run_cli(*prove, "spring", "--out", "-"), "--out", code=2)
    assert_refused(run_cli(*prove, "spring", "--out", "a", "--key-file", "a"), "--key-file", code=2)
    clear = ("--phones", "clear")
    assert_refused(run_cli(*prove, "spring", "--out", "a", *clear, "--key-file", "b"), "nothing is hashed", code=2)
    assert_refused(run_cli(*prove, "nobody", "--out", "a"), "'nobody'", "campaign list")
    shop.submit("later", 1, "a", first=100)
    assert_refused(run_cli(*prove, "later", "--out", "a"), "has not ended")
    assert [path.name for path in tmp_path.iterdir()] == ["kept.key"]
    assert shop.sql("SELECT count(*) FROM signing_keys") == [(0,)]
    drain(shop)


def test_phones_in_the_clear_are_asked_for(run_cli: RunCli, shop: Shop, tmp_path: Path) -> None:
    done = run_cli("campaign", "proof", "spring", "--out", "spring.proof", "--phones", "clear", "--json")
    document = assert_done(done).json
    assert (document["key_file"], document["records"]) == (None, PEOPLE)
    assert [path.name for path in tmp_path.iterdir()] == ["spring.proof"]
    lines = (tmp_path / "spring.proof").read_text().splitlines()
    assert json.loads(lines[1])["phone"] == "628120000000"
    checked = run_cli("verify", "spring.proof", "--phone", "+628120000003", "--json").json
    assert (checked["holds"], checked["proof"]["phones"]) == (True, "clear")
    assert [each["phone"] for each in checked["found"]] == ["628120000003"]
    (tmp_path / "other.key").write_text("ab" * 32)
    told = run_cli("verify", "spring.proof", "--phone", "+628120000003", "--key-file", "other.key")
    assert told.code == 0
    assert "warning: --key-file was not needed: the phones in this proof are in the clear" in told.stderr.splitlines()


def test_the_trail_has_what_was_signed(run_cli: RunCli, shop: Shop) -> None:
    made = run_cli("campaign", "proof", "spring", "--out", "spring.proof", "--json").json
    noted = [row["after"] for row in run_cli("audit", "--json").json]
    proof = {"records": PEOPLE, "phones": "hashed", "chain": made["chain"]}
    assert noted[-2:] == [{"public_key": made["public_key"]}, {"proof": proof}]
    assert_done(run_cli("proof", "key", "--new"))
    keys = run_cli("proof", "key", "--json").json
    assert [(each["signs"], each["public_key"] == made["public_key"]) for each in keys] == [
        (True, False),
        (False, True),
    ]
