"""Telling operators what happens, through the real command line, real workers and receivers of the tests' own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from broadcaster.settings import Settings
from broadcaster.simulator import Simulator
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.database import as_owner
from tests.support.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver
from tests.support.stack import Stack, running_stack, wait_for

ALLOWED = {"BROADCASTER_ALLOW_PRIVATE_WEBHOOKS": "true"}


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver


@pytest.fixture
def environ(environ: dict[str, str], mail: MailReceiver) -> dict[str, str]:
    mailing = {"BROADCASTER_SMTP_URL": mail.url, "BROADCASTER_MAIL_FROM": "bot@example.com"}
    return environ | ALLOWED | mailing


@pytest.fixture
def stack(tmp_path: Path, environ: dict[str, str]) -> Iterator[Stack]:
    with running_stack(tmp_path, environ) as running:
        yield running


def add_webhook(run_cli: RunCli, web: WebReceiver, *options: str) -> str:
    """Returns the secret."""
    done = run_cli("notify", "add", "ops", "--webhook", "-", *options, stdin=f"{web.url}\n")
    said = done.stdout
    assert (done.code, done.stderr) == (0, "")
    assert "T0SECRET" not in said
    [secret] = re.findall(r"^it signs with (whsec_\S+) \(shown once", said, re.MULTILINE)
    return str(secret)


def submit(run_cli: RunCli, simulator: Simulator, name: str = "spring") -> None:
    options = ("--base-url", simulator.base_url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", "main", "--key", "key-main", *options))
    to = ("--instance", "main", "--recipients", "-", "--text", "Hi")
    assert_done(run_cli("campaign", "submit", name, *to, stdin="phone\n628123456001\n628123456002\n"))


def owner_sql(engine: Engine, statement: str) -> None:
    with as_owner(engine).begin() as connection:
        connection.execute(text(statement))


def test_a_campaign_that_finishes_is_told_by_webhook_mail_and_whatsapp(
    run_cli: RunCli, simulator: Simulator, web: WebReceiver, mail: MailReceiver, stack: Stack
) -> None:
    secret = add_webhook(run_cli, web)
    assert_done(run_cli("notify", "add", "boss", "--mail", "boss@example.com", "--on", "campaign.finished"))
    submit(run_cli, simulator)
    phone = ("--whatsapp", "+6281299999999", "--instance", "main", "--on", "campaign.finished")
    assert_done(run_cli("notify", "add", "phone", *phone))
    stack.start("worker")
    stack.start("beat")
    wait_for(lambda: len(web.posted) == 1 and len(mail.mails) == 1, "the notices")
    [posted] = web.posted
    signed = f"{posted.id}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert posted.headers["webhook-signature"] == f"v1,{digest}"
    assert posted.document["data"]["figures"] == {"total": 2, "sent": 2}
    assert mail.mails[0]["Subject"] == "[broadcaster] campaign spring is finished: 2 of 2 messages sent"

    def told() -> list[str]:
        ledger = simulator.ledger.entries
        return [str(each.body) for each in ledger if each.accepted and each.phone == "6281299999999"]

    wait_for(lambda: told() != [], "the message")
    assert told()[0].startswith("campaign spring is finished: 2 of 2 messages sent\n")
    wait_for(
        lambda: {each["outcome"] for each in run_cli("notify", "log", "--json").json} == {"delivered", "sent"},
        "the log",
    )
    shown = run_cli("notify", "log", "phone").stdout
    assert "campaign spring is finished" in shown and "62812" not in shown
    listed = run_cli("notify", "list").stdout
    assert all(masked in listed for masked in ("b…@example.com", "+62…999 by main", f"http://127.0.0.1:{web.port}/…"))


def test_a_worker_that_is_killed_between_sending_and_marking_sends_again_under_the_same_id(
    run_cli: RunCli, simulator: Simulator, web: WebReceiver, stack: Stack, engine: Engine
) -> None:
    add_webhook(run_cli, web)
    submit(run_cli, simulator)
    web.released.clear()
    stack.start("beat")
    first = stack.start("worker")
    assert web.arrived.wait(60)
    first.kill()
    web.released.set()
    stack.start("worker")
    # Nobody else tries while the one that was killed might: the lease is two minutes, which pass here.
    owner_sql(engine, "UPDATE receivers SET not_before = now()")
    wait_for(lambda: len(web.posted) == 2, "the second try")
    wait_for(lambda: run_cli("notify", "show", "ops", "--json").json["delivered"] == 1, "its mark")
    assert len({posted.id for posted in web.posted}) == 1
    assert run_cli("notify", "log", "--json").json[0]["tries"] == 2


def test_a_receiver_that_is_away_is_told_of_by_doctor_and_gets_all_of_it_after_a_test(
    run_cli: RunCli, simulator: Simulator, web: WebReceiver, stack: Stack, engine: Engine
) -> None:
    add_webhook(run_cli, web)
    web.status, web.said = 503, b"closed"
    submit(run_cli, simulator)
    stack.start("worker")
    stack.start("beat")
    wait_for(lambda: run_cli("notify", "show", "ops", "--json").json["failures"] > 0, "a try")
    checks = {each["check"]: each for each in run_cli("doctor", "--json").json["checks"]}
    assert checks["workers"]["detail"].endswith(" answers")
    found = checks["notices"]
    assert (found["level"], found["command"]) == ("warn", "broadcaster notify test ops")
    assert "ops takes no notices, and 1 waits for it (HTTP 503 Service Unavailable)" in found["detail"]
    assert "receiver ops takes no notices" in run_cli("status").stdout
    assert "UNDELIVERED" not in assert_done(run_cli("notify", "log")).stdout
    assert_refused(run_cli("notify", "test", "ops"), "has not taken it: HTTP 503 Service Unavailable")
    [counted] = run_cli("notify", "list", "--json").json
    assert counted["undelivered"] == 0
    last = assert_done(run_cli("notify", "log")).stdout.splitlines()[-1]
    assert last == "tests that were not taken are not among the UNDELIVERED of `broadcaster notify list`"
    lost = "1 notice waits for receiver 'ops' and would never arrive: add --yes to remove both"
    assert_refused(run_cli("notify", "remove", "ops"), lost)
    web.status = 204
    assert "has taken it: HTTP 204" in assert_done(run_cli("notify", "test", "ops")).stdout
    wait_for(lambda: web.posted[-1].document["type"] == "campaign.finished", "what waited")
    wait_for(lambda: run_cli("notify", "show", "ops", "--json").json["waiting"] == 0, "its mark")


def test_a_test_says_in_one_line_of_its_own_whence_it_was_sent(run_cli: RunCli, web: WebReceiver) -> None:
    add_webhook(run_cli, web)
    assert assert_done(run_cli("notify", "test", "ops")).stdout == (
        "receiver ops has taken it: HTTP 204 No Content (sent from here, with this command's settings; workers have "
        "theirs from when they were started)\n"
    )


def test_nothing_secret_or_personal_is_shown_logged_or_kept_in_clear(
    run_cli: RunCli, web: WebReceiver, mail: MailReceiver, engine: Engine, settings: Settings
) -> None:
    secret = add_webhook(run_cli, web)
    assert_done(run_cli("notify", "add", "boss", "--mail", "jane.doe@example.com"))
    assert_done(run_cli("notify", "test", "boss"))
    assert_done(run_cli("notify", "test", "ops"))
    shown = "".join(
        run_cli(*words).stdout
        for words in (
            ("notify", "list"), ("notify", "list", "--json"), ("notify", "show", "ops"), ("notify", "show", "boss"),
            ("notify", "log"), ("notify", "log", "--json"), ("audit",), ("audit", "--json"), ("doctor", "--json"),
        )
    )  # fmt: skip
    assert not [each for each in (secret, secret[6:], "T0SECRET", "jane.doe") if each in shown]
    with engine.begin() as connection:
        rows = str(connection.execute(text("SELECT r::text FROM receivers r WHERE name = 'ops'")).all())
    assert not [each for each in (secret[6:], "T0SECRET") if each in rows]


def test_the_secret_key_is_rotated_with_the_instances_keys(
    run_cli: RunCli, web: WebReceiver, environ: dict[str, str]
) -> None:
    add_webhook(run_cli, web)
    new = Fernet.generate_key().decode()
    both = {"BROADCASTER_SECRET_KEY": f"{new},{environ['BROADCASTER_SECRET_KEY']}"}
    only_new = {"BROADCASTER_SECRET_KEY": new}
    assert_refused(run_cli("notify", "test", "ops", environ=only_new), "BROADCASTER_SECRET_KEY: does not open")
    assert_done(run_cli("secrets", "rotate", environ=both))
    assert_done(run_cli("notify", "test", "ops", environ=only_new))
    assert len(web.posted) == 1


def test_what_waits_is_lost_only_where_that_is_said(run_cli: RunCli, web: WebReceiver, engine: Engine) -> None:
    add_webhook(run_cli, web)
    with engine.begin() as connection:
        for number in range(3):
            note = text(
                "WITH noted AS (INSERT INTO notices (event, subject, occurrence, document)"
                " VALUES ('campaign.finished', 'spring', :number, '{}') RETURNING id)"
                " INSERT INTO deliveries (notice_id, receiver_id) SELECT noted.id, r.id FROM noted, receivers r"
            )
            connection.execute(note, {"number": str(number)})
    assert_refused(run_cli("notify", "remove", "ops"), "3 notices wait for receiver 'ops'", "--yes")
    assert run_cli("notify", "show", "ops", "--json").json["waiting"] == 3
    removed = assert_done(run_cli("notify", "remove", "ops", "--yes")).stdout
    assert removed == "removed receiver ops, and 3 notices that waited for it\n"


def test_a_receiver_is_changed_and_removed(run_cli: RunCli, web: WebReceiver) -> None:
    first = add_webhook(run_cli, web)
    assert_done(run_cli("notify", "set", "ops", "--on", "campaign.stuck", "--optouts-above", "0.5%"))
    shown = run_cli("notify", "show", "ops", "--json").json
    assert (shown["events"], shown["optouts_above"]) == (["campaign.stuck"], 0.005)
    renewed = assert_done(run_cli("notify", "set", "ops", "--new-secret")).stdout
    assert "it signs with whsec_" in renewed and first not in renewed
    assert assert_done(run_cli("notify", "remove", "ops")).stdout == "removed receiver ops\n"
    assert "nobody is told anything yet" in run_cli("notify", "list").stdout
    assert_refused(run_cli("notify", "show", "ops"), "no receiver is called 'ops'")


REFUSED = {
    "nowhere": (("x",), "say where to: --webhook URL", 2),
    "two ways": (("x", "--mail", "a@b.c", "--webhook", "https://h.example/x"), "--webhook with --mail", 2),
    "no instance": (("x", "--whatsapp", "+628123456789"), "--whatsapp and --instance go together", 2),
    "an unknown instance": (("x", "--whatsapp", "+628123456789", "--instance", "no"), "no instance is called 'no'", 1),
    "no URL": (("x", "--webhook", "hooks.example.com"), "--webhook: not an https:// URL", 2),
    "in the clear": (("x", "--webhook", "http://hooks.example.com/x"), "use https://", 2),
    "one's own server": (("x", "--webhook", "https://10.0.0.1/x"), "is not a public host", 2),
    "a password": (("x", "--webhook", "https://me:pw@h.example/x"), "a user or password in the URL", 2),
    "no address": (("x", "--mail", "ops at example"), "is not a mail address like ops@example.com", 2),
    "two addresses": (("x", "--mail", "a@b.c,d@e.f"), "is not a mail address", 2),
    "no event": (("x", "--mail", "a@b.c", "--on", "all"), "--on 'all' is no event: there are campaign.finished", 2),
    "no share": (("x", "--mail", "a@b.c", "--optouts-above", "2"), "write a share such as 2%", 2),
}


@pytest.mark.parametrize(("arguments", "said", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_receiver_is_refused_in_one_line(
    run_cli: RunCli, arguments: tuple[str, ...], said: str, code: int
) -> None:
    strict = {"BROADCASTER_ALLOW_PRIVATE_WEBHOOKS": None}
    assert_refused(run_cli("notify", "add", *arguments, environ=strict), said, code=code)
    assert run_cli("notify", "list", "--json").json == []


def test_a_name_is_given_once_and_nothing_is_changed_by_saying_nothing(run_cli: RunCli, web: WebReceiver) -> None:
    add_webhook(run_cli, web)
    assert_refused(run_cli("notify", "add", "ops", "--mail", "a@b.example"), "a receiver called 'ops' exists already")
    assert_refused(run_cli("notify", "set", "ops"), "nothing to change", code=2)
    assert_refused(run_cli("notify", "set", "ops", "--mail", "a@b.example"), "is told by webhook, which stays", code=2)
    assert_done(run_cli("notify", "add", "boss", "--mail", "a@b.example"))
    assert_refused(run_cli("notify", "set", "boss", "--new-secret"), "is no webhook", code=2)


def test_a_private_webhook_that_only_one_command_allows_is_told_of_wherever_notices_are_looked_at(
    run_cli: RunCli, settings: Settings, engine: Engine
) -> None:
    strict = {"BROADCASTER_ALLOW_PRIVATE_WEBHOOKS": None}
    added = run_cli("notify", "add", "ops", "--webhook", "http://127.0.0.1:1/x", environ=ALLOWED)
    assert (added.code, added.stderr) == (0, ""), "no worker is known to lack it"
    strange = "private webhooks are not allowed where this was sent from: http:// would show notices to the network"
    assert_refused(run_cli("notify", "test", "ops", environ=strict), strange)
    with as_owner(engine).begin() as connection:
        connection.execute(text("UPDATE deliveries SET given_up_at = NULL"))
        connection.execute(text("UPDATE receivers SET failures = 3, not_before = now()"))
    does = "set BROADCASTER_ALLOW_PRIVATE_WEBHOOKS=true for all workers, restart them, and try it with"
    for shows in (("notify", "list"), ("notify", "show", "ops"), ("status",), ("doctor",)):
        shown = " ".join(run_cli(*shows, environ=strict).stdout.split())
        assert f"{does} `broadcaster notify test ops`" in shown, shows
    another = run_cli("notify", "add", "dev", "--webhook", "http://127.0.0.1:1/y", environ=ALLOWED)
    assert "there are workers without BROADCASTER_ALLOW_PRIVATE_WEBHOOKS=true" in another.stderr
    assert run_cli("notify", "add", "far", "--webhook", "https://hooks.example.com/y").stderr == ""


def test_a_phone_that_has_opted_out_is_refused_and_wherever_receivers_are_looked_at_it_shows(run_cli: RunCli) -> None:
    phone = ("--whatsapp", "+6281299999999", "--instance", "a")
    assert_done(run_cli("instance", "add", "a", "--key", "k"))
    assert_done(run_cli("notify", "add", "wa", *phone))
    assert_done(run_cli("phone", "block", "+6281299999999", "--reason", "asked"))
    assert_refused(run_cli("notify", "test", "wa"), "receiver 'wa' has not taken it: its phone has opted out")
    assert_refused(run_cli("notify", "add", "wa2", *phone), "this number has opted out: nothing is sent to it")
    for shows in (("notify", "list"), ("notify", "show", "wa"), ("status",), ("doctor",)):
        shown = " ".join(run_cli(*shows).stdout.split())
        assert "gets nothing: its phone has opted out" in shown, shows
        assert "`broadcaster notify set wa --whatsapp PHONE --instance a`" in shown, shows


def test_without_a_mail_server_one_is_warned(run_cli: RunCli) -> None:
    done = run_cli("notify", "add", "boss", "--mail", "a@b.example", environ={"BROADCASTER_SMTP_URL": None})
    assert done.code == 0
    assert done.stderr == "warning: BROADCASTER_SMTP_URL is not set here: mail leaves only from workers that have it\n"
