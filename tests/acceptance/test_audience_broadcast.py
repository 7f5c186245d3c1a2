"""A broadcast to an audience through the real command line, a worker and a beat: tested, previewed, sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from broadcaster.simulator import Simulator
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.stack import running_stack

PEOPLE = "phone,name,city\n628123456001,Ayu,Jakarta\n628123456002,Budi,Bandung\n628123456003,Citra,jakarta\n"
LATER = "phone,name,city\n628123456004,Dewi,Jakarta\n"
OVER = ("--instance", "a", "--audience", "customers")
TEXT = ("--text", "Hi {{ name }}")


def test_an_audience_gets_what_was_previewed_and_tested(
    run_cli: RunCli, simulator: Simulator, environ: dict[str, str], tmp_path: Path, engine: Engine
) -> None:
    options = ("--key-stdin", "--base-url", simulator.base_url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", "a", *options, stdin="key-a"))
    assert_done(run_cli("audience", "import", "customers", "-", stdin=PEOPLE))
    jakarta = ("--where", "city=Jakarta")
    submitted = assert_done(run_cli("campaign", "submit", "promo", *OVER, *jakarta, *TEXT, "--draft", "--json")).json
    assert (submitted["total"], submitted["audience"], submitted["where"]) == (2, "customers", ["city=Jakarta"])
    previewed = assert_done(run_cli("campaign", "preview", "promo", "--json")).json["messages"]
    assert [each["text"] for each in previewed] == ["Hi Ayu", "Hi Citra"]
    other = run_cli("campaign", "preview", "--audience", "customers", *TEXT, "--phone", "+62 812-3456-002")
    assert assert_done(other).stdout.splitlines()[:2] == ["628123456002", "  Hi Budi"]
    nobody = run_cli("campaign", "test", "promo", "--to", "628129999999", "--timeout", "0")
    assert_refused(nobody, "cancelled, since it had not left in time: instance a is ok; is a worker running?")
    with engine.begin() as connection:
        connection.execute(text("UPDATE lanes SET health = 'down', health_reason = 'HTTP 404', health_since = now()"))
    away = run_cli("campaign", "test", "promo", "--to", "628129999999", "--timeout", "4")
    told, end = away.stderr.splitlines()
    assert re.fullmatch(
        r"warning: instance a is down \(HTTP 404\); the test is cancelled if it has not left in [12] s", told
    )
    assert end.startswith("error: the test to 628129999999 was cancelled")
    with engine.begin() as connection:
        connection.execute(text("UPDATE lanes SET health = 'ok', health_reason = NULL, health_since = now()"))
    with running_stack(tmp_path, environ) as stack:
        stack.start("worker")
        stack.start("beat")
        tested = assert_done(run_cli("campaign", "test", "promo", "--to", "628129999999", "--json")).json
        assert (tested["state"], tested["phone"]) == ("sent", "628129999999")
        assert_done(run_cli("audience", "import", "customers", "-", stdin=LATER))
        assert_done(run_cli("campaign", "start", "promo"))
        assert_done(run_cli("campaign", "watch", "promo", "--timeout", "30", "--json"))
    sent = sorted((entry.phone, entry.body) for entry in simulator.ledger.entries if entry.accepted)
    assert sent == [
        ("628123456001", "Hi Ayu"),
        ("628123456003", "Hi Citra"),
        ("628123456004", "Hi Dewi"),
        ("628129999999", "[TEST] Hi Ayu"),
    ]
    [listed] = assert_done(run_cli("campaign", "list", "--json")).json
    assert (listed["name"], listed["state"], listed["sent"], listed["total"]) == ("promo", "finished", 3, 3)


def test_submissions_that_cannot_be_are_refused_in_one_line(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "add", "a", "--key-stdin", stdin="key-a"))
    assert_done(run_cli("audience", "import", "customers", "-", stdin=PEOPLE))
    submit = ("campaign", "submit", "promo", *OVER)
    twice = run_cli(*submit, *TEXT, "--recipients", "-")
    assert_refused(twice, "exactly one of --recipients, --audience and --rest-of", code=2)
    assert_refused(run_cli(*submit, *TEXT, "--where", "age>18"), "columns are: 'name', 'city'", code=2)
    assert_refused(run_cli(*submit, *TEXT, "--where", "city=Medan"), "nobody in the audience customers where city")
    assert_refused(run_cli(*submit, "--text", "{{ occurrence_date }}"), "there is no column 'occurrence_date'")
    assert_refused(run_cli("campaign", "preview", "promo"), "no campaign is called 'promo'")
    assert_refused(run_cli("campaign", "preview", "promo", *TEXT), "has its own content", code=2)
    assert_refused(run_cli("campaign", "test", "promo", "--to", "12"), "--to '12'", code=2)


def test_members_whose_text_would_show_the_error_of_a_formula_get_nothing(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "add", "a", "--key-stdin", stdin="key-a"))
    errors = "628123456005,#N/A,Jakarta\n628123456006,#REF!,Jakarta\n628123456007,Eka,#N/A\n628123456008,#1,Jakarta\n"
    assert_done(run_cli("audience", "import", "customers", "-", stdin=PEOPLE + errors))
    submit = ("campaign", "submit", "promo", *OVER, *TEXT)
    document = assert_done(run_cli(*submit, "--at", "in 1h", "--json")).json
    assert (document["total"], document["rejected"]) == (5, 2)
    assert [reason[:4] for reason in (reject["reason"] for reject in document["rejects"])] == ["#N/A", "#REF"]
    shown = assert_done(run_cli("campaign", "preview", "promo", "--sample", "9", "--json")).json["messages"]
    texts = [message["text"] for message in shown if message["fault"] is None]
    assert texts == ["Hi Ayu", "Hi Budi", "Hi Citra", "Hi Eka", "Hi #1"]


@pytest.mark.parametrize(
    ("days", "locale", "fitting"),
    [(("11/29/2026", "12/03/2026"), "id", "en_US"), (("29/11/2026", "03/12/2026"), "en_US", "id")],
)
def test_a_day_is_the_same_in_the_conditions_and_in_the_text(
    run_cli: RunCli, days: tuple[str, str], locale: str, fitting: str
) -> None:
    assert_done(run_cli("instance", "add", "a", "--key-stdin", stdin="key-a"))
    rows = "".join(f"62812345600{n},{day}\n" for n, day in enumerate(days))
    assert_done(run_cli("audience", "import", "customers", "-", stdin=f"phone,day\n{rows}"))
    submit = (
        "campaign",
        "submit",
        "promo",
        *OVER,
        "--where",
        "day=2026-12-03",
        "--text",
        "On {{ day | date }}",
        "--json",
    )
    refused = run_cli(*submit, "--locale", locale)
    assert_refused(refused, "the conditions read column 'day' as", f"--locale {locale}", code=2)
    [sample] = assert_done(run_cli(*submit, "--locale", fitting)).json["samples"]
    assert sample["message"] in {"On 3 Desember 2026", "On December 3, 2026"}
