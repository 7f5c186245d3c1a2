"""`broadcaster instance rules`, through the real command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.errors import ConflictError
from broadcaster.gateway.rules_file import LONGEST_RULES
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.instance_rules import narrow_rules
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from broadcaster.simulator import Simulator
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.shop import Shop, drain

UNKNOWN = '{"success": false, "message": "Plonk ufandelo 17"}'


@pytest.fixture(autouse=True)
def instance(settings: Settings, engine: Engine, simulator: Simulator) -> None:
    """One instance called `main`."""
    add_instance(engine, open_vault(settings), "main", "key-a", base_url=simulator.base_url, rate_per_second=None)


def stored(engine: Engine) -> object:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT reply_rules FROM instances"))


def test_rules_are_set_from_a_file_shown_and_reset(run_cli: RunCli, engine: Engine, tmp_path: Path) -> None:
    assert "default rules" in assert_done(run_cli("instance", "rules", "main")).stdout
    (tmp_path / "rules.json").write_text('{"yes_words": ["success"], "statuses": {"430": {"outcome": "throttled"}}}')
    told = assert_done(run_cli("instance", "rules", "main", "set", "rules.json")).stdout
    assert told == "instance main is read by the rules of rules.json: workers follow within 20 seconds\n"
    kept = {"yes_words": ["success"], "statuses": {"430": {"outcome": "throttled"}}}
    assert stored(engine) == kept
    shown = assert_done(run_cli("instance", "rules", "main", "show")).stdout
    assert shown == "statuses:\n  430  throttled\nyes_words:\n  success\n"
    programs = assert_done(run_cli("instance", "rules", "main", "show", "--all", "--json")).json
    assert programs["differences"] == kept
    assert (programs["rules"]["yes_words"], programs["rules"]["statuses"]["5xx"]["outcome"]) == (
        ["success"],
        "unknown",
    )
    everything = assert_done(run_cli("instance", "rules", "main", "show", "--all")).stdout
    assert "error_fields:\n  error, " in everything
    assert_done(run_cli("instance", "rules", "main", "reset"))
    assert stored(engine) is None


def test_rules_with_a_fault_are_refused_in_one_line_and_leave_those_before(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("instance", "rules", "main", "set", "-", stdin='{"yes_words": ["success"]}'))
    refused = run_cli("instance", "rules", "main", "set", "-", stdin='{"yes_words": ["ok"],\n"texts": [}')
    assert_refused(refused, "standard input, line 2, column 11: not JSON")
    refused = run_cli(
        "instance", "rules", "main", "set", "-", stdin='{"yes_words": ["ok"], "texts": [{"pattern": "x"}]}'
    )
    assert_refused(refused, "texts, entry 1: outcome is missing: add what", "nothing was changed")
    assert_refused(run_cli("instance", "rules", "main", "set", "nowhere.json"), "cannot read nowhere.json")
    assert_refused(run_cli("instance", "rules", "other", "reset"), "no instance is called 'other'")
    assert stored(engine) == {"yes_words": ["success"]}


def test_what_is_learned_keeps_the_rules_within_their_limit(run_cli: RunCli, engine: Engine) -> None:
    rules = {"yes_words": ["x" * (LONGEST_RULES - 50)]}
    assert run_cli("instance", "rules", "main", "set", "-", stdin=json.dumps(rules)).code == 0
    learned = run_cli("instance", "rules", "main", "learn", "never heard of them", "--about", "recipient")
    assert_refused(learned, "the rules would have more than 262,144 bytes")
    assert stored(engine) == rules


def test_what_show_writes_for_programs_can_be_set_as_it_is(run_cli: RunCli, engine: Engine) -> None:
    kept = {"texts": [{"pattern": "zimt", "outcome": "rejected"}], "yes_words": ["success"]}
    rules = ("instance", "rules", "main")
    assert_done(run_cli(*rules, "set", "-", stdin=json.dumps(kept)))
    for options in ((), ("--all",)):
        shown = assert_done(run_cli(*rules, "show", "--json", *options)).stdout
        assert_done(run_cli(*rules, "reset"))
        assert_done(run_cli(*rules, "set", "-", stdin=shown))
        assert stored(engine) == kept
    assert_done(run_cli(*rules, "reset"))
    assert_done(run_cli(*rules, "set", "-", stdin=run_cli(*rules, "show", "--json").stdout))
    assert stored(engine) is None


def test_rules_that_count_more_as_accepted_are_named_in_one_warning(run_cli: RunCli, engine: Engine) -> None:
    wider = {"yes_words": ["put by"], "texts": [{"pattern": "all is well", "outcome": "accepted"}]}
    done = run_cli("instance", "rules", "main", "set", "-", stdin=json.dumps(wider))
    assert (done.code, done.stderr.count("\n"), stored(engine)) == (0, 1, wider)
    assert done.stderr.startswith(
        "warning: more replies may count as accepted than before, by yes_words with put by; "
        "texts with 'all is well', which is accepted: "
    )
    assert done.stderr.endswith("`broadcaster instance rules main reset`\n")


def test_a_reply_is_tried_without_sending_anything(run_cli: RunCli, simulator: Simulator, tmp_path: Path) -> None:
    (tmp_path / "reply").write_text("<html>Bad gateway</html>")
    learned = ("instance", "rules", "main", "learn", "(a+b) plonk", "--about", "recipient")
    assert_done(run_cli(*learned))
    for words, said in (("(A+B) plonk", "'(a+b) plonk'"), ("invalid key", "words for a refused key")):
        tried = run_cli("instance", "rules", "main", "test", json.dumps({"success": False, "message": words}))
        assert f"by the rules  texts: {said}, " in assert_done(tried).stdout
    people = assert_done(run_cli("instance", "rules", "main", "test", "@reply", "--status", "502")).stdout
    assert people.startswith("read as       nobody knows: the message is in doubt, and is looked for in its chat\n")
    assert "by the rules  statuses: 5xx\n" in people
    taken = assert_done(run_cli("instance", "rules", "main", "test", "-", "--json", stdin='{"sent": true, "id": "x"}'))
    assert taken.json == {
        "name": "main",
        "outcome": "accepted",
        "reason": "accepted",
        "health": "ok",
        "http_status": 200,
        "gateway_id": "x",
        "is_recognised": True,
        "rules": ["verdict_fields: sent"],
    }
    assert simulator.ledger.entries == []


@pytest.mark.parametrize(
    ("about", "outcome", "health"),
    [("recipient", "rejected", "ok"), ("account", "not_sent", "refused"), ("gateway", "not_sent", "down")],
)
def test_a_text_is_learned_as_being_about_somebody(
    run_cli: RunCli, engine: Engine, about: str, outcome: str, health: str
) -> None:
    rules = ("instance", "rules", "main")
    assert_done(run_cli(*rules, "set", "-", stdin='{"texts": [{"pattern": "foo", "outcome": "unknown"}]}'))
    learned = assert_done(run_cli(*rules, "learn", "UFANDELO  17", "--about", about)).stdout
    assert "workers follow within 20 seconds" in learned
    again = assert_done(run_cli(*rules, "learn", "ufandelo_17", "--about", about)).stdout
    assert "already: nothing was changed" in again
    assert_done(run_cli(*rules, "learn", "ufandelo 17", "--about", "gateway" if about == "account" else "account"))
    assert_done(run_cli(*rules, "learn", "ufandelo 17", "--about", about))
    assert stored(engine) == {
        "texts": [
            {"pattern": "ufandelo 17", "outcome": outcome, "health": health},
            {"pattern": "foo", "outcome": "unknown"},
        ]
    }
    read = assert_done(run_cli(*rules, "test", UNKNOWN, "--json")).json
    assert (read["outcome"], read["health"], read["is_recognised"]) == (outcome, health, True)


@pytest.mark.parametrize("learned", ["success", "Request timed out"])
def test_what_may_be_said_of_a_message_that_was_taken_is_not_learned(
    run_cli: RunCli, engine: Engine, learned: str
) -> None:
    refused = run_cli("instance", "rules", "main", "learn", learned, "--about", "account")
    assert_refused(refused, "could be sent twice", "give words that only a refusal has")
    assert stored(engine) is None


def test_a_status_without_words_is_learned_beside_what_is_known(run_cli: RunCli, engine: Engine) -> None:
    rules = ("instance", "rules", "main")
    assert_done(run_cli(*rules, "learn", "ufandelo", "--about", "recipient"))
    learned = assert_done(run_cli(*rules, "learn", "HTTP 499", "--about", "account")).stdout
    assert "has learned that this is about the account" in learned
    assert "nothing was changed" in assert_done(run_cli(*rules, "learn", "http 499:", "--about", "account")).stdout

    def read(reply: str, status: str) -> tuple[str, str, bool]:
        found = assert_done(run_cli(*rules, "test", reply, "--status", status, "--json")).json
        return found["outcome"], found["health"], found["is_recognised"]

    assert read("", "499") == ("not_sent", "refused", True)
    assert read('{"error": "Ufandelo"}', "499") == ("rejected", "ok", True)
    assert read("", "498") == ("rejected", "ok", False)
    assert_done(run_cli(*rules, "learn", "HTTP 499", "--about", "gateway"))
    assert read("", "499") == ("not_sent", "down", True)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (500, "the gateway may send HTTP 500 for a message that it took"),
        (200, "the gateway may send HTTP 200 for a message that it took"),
        (402, "that changes nothing: HTTP 402 has a rule already"),
    ],
)
def test_a_status_that_may_be_of_a_message_that_was_taken_or_is_known_is_not_learned(
    run_cli: RunCli, engine: Engine, status: int, told: str
) -> None:
    refused = run_cli("instance", "rules", "main", "learn", f"HTTP {status}", "--about", "account")
    assert_refused(refused, told, "`broadcaster instance rules main set --help`")
    assert stored(engine) is None


@pytest.mark.parametrize("placeholder", ["WORDS", "TEXT"])
def test_a_placeholder_is_no_text(run_cli: RunCli, placeholder: str) -> None:
    refused = run_cli("instance", "rules", "main", "learn", placeholder, "--about", "recipient")
    assert_refused(refused, "stands for the words of the reply", code=2)


def test_rules_by_which_nothing_says_yes_are_warned_of(run_cli: RunCli) -> None:
    result = run_cli("instance", "rules", "main", "set", "-", stdin='{"yes_words": []}')
    assert result.code == 0
    assert result.stderr.startswith("warning: yes_words is empty: fewer replies count as accepted")


def test_the_examples_of_rules_for_a_status_can_be_run(run_cli: RunCli, engine: Engine) -> None:
    told = assert_done(run_cli("instance", "rules", "main", "set", "--help")).stdout
    assert '{"statuses": {"499"' in " ".join(told.split())
    rules = '{"statuses": {"499": {"outcome": "not_sent", "health": "down"}}}'
    assert_done(run_cli("instance", "rules", "main", "set", "-", stdin=rules))


def test_a_text_that_is_in_too_many_others_is_not_learned(run_cli: RunCli) -> None:
    refused = run_cli("instance", "rules", "main", "learn", "a.b", "--about", "recipient")
    assert_refused(refused, "'a.b' is too short", code=2)


@pytest.mark.parametrize(
    ("status", "words", "told"),
    [
        (500, "Plonk ufandelo", "what decides in the latest replies with these words (HTTP 500) is their status"),
        (466, "HTTP 466: plonk ufandelo", "'HTTP 466' is the status of a reply and none of its words"),
    ],
)
def test_words_that_change_nothing_are_not_learned(
    run_cli: RunCli, engine: Engine, settings: Settings, simulator: Simulator, status: int, words: str, told: str
) -> None:
    shop = Shop(engine, settings, simulator)
    shop.submit("promo", 1, "main")
    shop.fault(f'kind=reply,endpoint=/wa/send,status={status},body={{"error":"Plonk ufandelo"}}')
    start_due_campaigns(engine)
    drain(shop)
    refused = run_cli("instance", "rules", "main", "learn", words, "--about", "gateway")
    assert_refused(refused, f"that changes nothing: {told}", "give the status a rule in `statuses`")
    assert stored(engine) is None


def test_words_of_which_one_reply_would_be_read_otherwise_are_learned(
    run_cli: RunCli, engine: Engine, settings: Settings, simulator: Simulator
) -> None:
    shop = Shop(engine, settings, simulator)
    shop.submit("promo", 2, "main")
    body = 'body={"error":"Plonk ufandelo"}'
    shop.fault(*(f"kind=reply,endpoint=/wa/send,{each},{body}" for each in ("nth=1,status=500", "status=418")))
    start_due_campaigns(engine)
    drain(shop)
    assert shop.sql("SELECT DISTINCT http_status FROM attempts ORDER BY 1") == [(418,), (500,)]
    assert_done(run_cli("instance", "rules", "main", "learn", "plonk ufandelo", "--about", "gateway"))


def test_a_worker_reads_by_what_was_learned(
    run_cli: RunCli, engine: Engine, settings: Settings, simulator: Simulator
) -> None:
    shop = Shop(engine, settings, simulator)
    shop.submit("promo", 1, "main")
    shop.fault('kind=reply,endpoint=/wa/send,body={"sent":false,"message":"(a+b) plonk [x]"}')
    assert_done(run_cli("instance", "rules", "main", "learn", "(a+b) plonk [x]", "--about", "account"))
    start_due_campaigns(engine)
    drain(shop)
    shown = assert_done(run_cli("instance", "show", "main", "--json")).json
    assert (shown["health"], shown["health_reason"]) == ("refused", "(a+b) plonk [x]")
    assert shop.states("promo") == {"pending": 1}


def test_a_proposal_is_not_taken_over_where_it_is_stale_or_would_widen(engine: Engine) -> None:
    narrow_rules(engine, "main", {}, {"yes_words": ["true", "success"]})
    with pytest.raises(ConflictError, match="changed meanwhile"):
        narrow_rules(engine, "main", {}, {"yes_words": ["true"]})
    for wider in ({"yes_words": ["success", "ok"]}, {"yes_words": ["success"], "error_fields": []}):
        with pytest.raises(ConflictError, match="may only narrow"):
            narrow_rules(engine, "main", {"yes_words": ["true", "success"]}, wider)
    assert stored(engine) == {"yes_words": ["true", "success"]}
