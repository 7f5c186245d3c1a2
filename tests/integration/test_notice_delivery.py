"""Notices on their way: at least once under one id, signed, to public hosts alone, and nobody is held up by others."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from smtplib import SMTP

import msgspec
import pytest
from structlog.testing import capture_logs

from broadcaster.crypto import open_vault
from broadcaster.db.engine import transaction
from broadcaster.domain.notices import TOLD
from broadcaster.domain.receivers import ReceiverWay, gap_after
from broadcaster.errors import ConflictError, InputError
from broadcaster.services import dispatch
from broadcaster.services.consent.block_list import block_phones, unblock_phones
from broadcaster.services.figures import exposition
from broadcaster.services.forgetting.phone_forgetting import forget_phone
from broadcaster.services.instance_removal import remove_instance
from broadcaster.services.notices import delivering, mails
from broadcaster.services.notices.delivering import deliver_due, due_receivers, send_trial_notice
from broadcaster.services.notices.notice_log import read_deliveries
from broadcaster.services.notices.noting import note_notices
from broadcaster.services.notices.receivers import (
    Destination,
    ReceiverChange,
    add_receiver,
    change_receiver,
    show_receivers,
)
from broadcaster.services.notices.webhooks import Resolve, post_notice
from broadcaster.services.notices.whatsapp_notices import send_notice
from broadcaster.services.standstill import find_troubled_receivers
from broadcaster.settings import Settings
from broadcaster.worker import tasks
from tests.support.receivers import MailReceiver, Posted, WebReceiver, mail_receiver, talking_server, web_receiver
from tests.support.shop import Shop, drain
from tests.support.tls import Authority

OPERATOR = "6281299999999"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With which notices may go to this machine."""
    return msgspec.structs.replace(settings, allow_private_webhooks=True)


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    return shop


def add(shop: Shop, name: str, destination: Destination) -> str | None:
    return add_receiver(shop.engine, lambda: open_vault(shop.settings), name, destination, TOLD, 0.02)


def webhook(receiver: WebReceiver) -> Destination:
    return Destination(ReceiverWay.WEBHOOK, receiver.url)


def finish(shop: Shop, *names: str) -> None:
    """Campaigns that finish, and are noted."""
    for name in names:
        shop.submit(name, 1, "a", first=abs(hash(name)) % 10**6)
        drain(shop)
        dispatch.finish_campaigns(shop.engine)
        note_notices(shop.engine, shop.settings)


def deliver(shop: Shop, settings: Settings | None = None) -> list[dict[str, object]]:
    """What the tick has done for each receiver that is due."""
    done = settings or shop.settings
    return [
        deliver_due(shop.engine, done, lambda: open_vault(shop.settings), receiver)
        for receiver in due_receivers(shop.engine)
    ]


def wait_out(shop: Shop) -> None:
    """Let every gap and lease be over."""
    shop.sql("UPDATE receivers SET not_before = now() - interval '1 s' WHERE not_before IS NOT NULL")
    shop.sql("UPDATE deliveries SET next_try_at = now() - interval '1 s'")


@contextmanager
def resolving(resolve: Resolve) -> Iterator[None]:
    """Names mean what `resolve` says."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(delivering, "post_notice", partial(post_notice, resolve=resolve))
        yield


def verify(posted: Posted, secret: str) -> None:
    """As the specification says, without any of the code under test."""
    signed = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{made}" in posted.headers["webhook-signature"].split(" ")


def test_a_webhook_gets_signed_json_that_anybody_with_the_secret_can_verify(shop: Shop, web: WebReceiver) -> None:
    secret = add(shop, "ops", webhook(web))
    assert secret is not None and len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    finish(shop, "c")
    assert deliver(shop) == [{"receiver": "ops", "delivered": 1, "failed": 0}]
    [posted] = web.posted
    verify(posted, secret)
    assert abs(int(posted.headers["webhook-timestamp"]) - time.time()) < 60
    assert posted.path == "/hooks/T0SECRET"
    assert posted.headers["content-type"] == "application/json"
    document = posted.document
    assert list(document) == ["type", "timestamp", "data"]
    assert (document["type"], document["timestamp"][-1]) == ("campaign.finished", "Z")
    assert document["data"]["campaign"] == "c"
    assert document["data"]["figures"] == {"total": 1, "sent": 1}
    assert document["data"]["command"] == "broadcaster campaign report c"
    assert "628" not in posted.body.decode()
    assert deliver(shop) == []


def test_with_a_changed_body_or_another_secret_the_signature_is_wrong(shop: Shop, web: WebReceiver) -> None:
    secret = add(shop, "ops", webhook(web))
    finish(shop, "c")
    deliver(shop)
    [posted] = web.posted
    assert secret is not None
    for forged, key in (
        (Posted(posted.path, posted.headers, posted.body + b" "), secret),
        (Posted(posted.path, {**posted.headers, "webhook-timestamp": "1"}, posted.body), secret),
        (posted, "whsec_" + base64.b64encode(b"x" * 32).decode()),
    ):
        with pytest.raises(AssertionError):
            verify(forged, key)


def test_neither_the_url_nor_the_secret_is_in_the_database(shop: Shop, web: WebReceiver) -> None:
    secret = add(shop, "ops", webhook(web))
    web.status, web.said = 500, b"no such hook: /hooks/T0SECRET"
    finish(shop, "c")
    deliver(shop)
    [row] = shop.sql("SELECT r::text, (SELECT d.answer FROM deliveries d) FROM receivers r")
    assert row[1] == "HTTP 500 Internal Server Error"
    assert not [each for each in ("T0SECRET", str(secret)) if each in str(row)]


def test_what_is_sent_and_not_marked_is_sent_again_under_the_same_id(shop: Shop, web: WebReceiver) -> None:
    """Whoever tried was killed after the request arrived: its claim stands, and nothing more."""
    add(shop, "ops", webhook(web))
    finish(shop, "c")
    marked = delivering._mark_taken  # that is where it is killed

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(delivering, marked.__name__, die)
        deliver(shop)
    assert deliver(shop) == [], "the lease has not ended"
    wait_out(shop)
    deliver(shop)
    wait_out(shop)
    assert deliver(shop) == []
    first, second = web.posted
    assert first.id == second.id
    assert shop.sql("SELECT tries, delivered_at IS NOT NULL FROM deliveries") == [(2, True)]


def test_flower_shows_the_receiver_of_a_task_by_name(
    shop: Shop, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(shop, "ops", webhook(web))
    finish(shop, "c")
    published: list[object] = []
    monkeypatch.setattr(tasks, "runtime", lambda: shop)
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda *arguments, **more: published.append((*arguments, more)))
    tasks.notices()
    assert published == [((1,), {"argsrepr": "ops"})]


def test_two_workers_at_once_deliver_each_notice_once_and_in_their_order(shop: Shop, web: WebReceiver) -> None:
    add(shop, "ops", webhook(web))
    finish(shop, *(f"c{n}" for n in range(6)))
    [receiver] = due_receivers(shop.engine)

    def run(_: int) -> None:
        deliver_due(shop.engine, shop.settings, lambda: open_vault(shop.settings), receiver)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(16)))
    assert [posted.document["data"]["campaign"] for posted in web.posted] == [f"c{n}" for n in range(6)]
    assert len({posted.id for posted in web.posted}) == 6


def test_while_one_is_tried_nobody_tries_another_and_other_receivers_are_not_held_up(
    shop: Shop, web: WebReceiver
) -> None:
    with web_receiver() as other:
        add(shop, "slow", webhook(web))
        add(shop, "quick", webhook(other))
        finish(shop, "c", "d")
        web.released.clear()
        slow = threading.Thread(
            target=deliver_due, args=(shop.engine, shop.settings, lambda: open_vault(shop.settings), 1)
        )
        slow.start()
        try:
            assert web.arrived.wait(30)
            assert deliver(shop) == [{"receiver": "quick", "delivered": 2, "failed": 0}]
            assert len(web.posted) == 1
        finally:
            web.released.set()
            slow.join()
        assert len(web.posted) == 2


def test_a_receiver_that_is_down_for_long_is_tried_with_growing_gaps_and_gets_all_of_it_when_it_is_back(
    shop: Shop, web: WebReceiver
) -> None:
    add(shop, "ops", webhook(web))
    finish(shop, "c", "d")
    web.status = 503
    gaps = []
    for _ in range(8):
        assert deliver(shop) == [{"receiver": "ops", "delivered": 0, "failed": 1}]
        [(gap,)] = shop.sql("SELECT extract(epoch FROM not_before - now())::int FROM receivers")
        gaps.append(gap)
        assert deliver(shop) == [], "one try, and the receiver is left alone"
        wait_out(shop)
    assert [round(gap / 10) for gap in gaps] == [round(gap_after(n) / 10) for n in range(1, 9)]
    assert gap_after(100) == 3600
    [before] = show_receivers(shop.engine)
    assert (before.failures, before.waiting, before.answer) == (8, 2, "HTTP 503 Service Unavailable")
    web.status = 204
    assert deliver(shop) == [{"receiver": "ops", "delivered": 2, "failed": 0}]
    assert len({posted.id for posted in web.posted}) == 2
    [after] = show_receivers(shop.engine)
    assert (after.failures, after.waiting, after.delivered) == (0, 0, 2)


def test_what_one_receiver_refuses_for_ever_does_not_keep_the_others_back(shop: Shop, web: WebReceiver) -> None:
    add(shop, "ops", webhook(web))
    finish(shop, "c", "d")
    web.status = 400
    deliver(shop)
    shop.sql("UPDATE receivers SET not_before = NULL")
    web.status = 204
    assert deliver(shop) == [{"receiver": "ops", "delivered": 1, "failed": 0}]
    assert [posted.document["data"]["campaign"] for posted in web.posted] == ["c", "d"]


def test_what_a_receiver_said_is_shown_until_it_takes_something(shop: Shop, web: WebReceiver) -> None:
    add(shop, "ops", webhook(web))
    finish(shop, "c", "d")
    web.status = 404
    deliver(shop)
    wait_out(shop)
    web.status = 500
    deliver(shop)  # the other one, while the first one has what was said before
    [said] = show_receivers(shop.engine)
    [troubled] = find_troubled_receivers(shop.engine)
    assert said.answer == troubled.detail == "HTTP 500 Internal Server Error"
    web.status = 204
    assert send_trial_notice(shop.engine, shop.settings, lambda: open_vault(shop.settings), "ops").is_taken
    [well] = show_receivers(shop.engine)
    assert (well.answer, well.waiting) == (None, 2)
    web.status = 403
    send_trial_notice(shop.engine, shop.settings, lambda: open_vault(shop.settings), "ops")
    assert [each.answer for each in show_receivers(shop.engine)] == ["HTTP 403 Forbidden"]


def test_what_nobody_takes_for_three_days_is_given_up_and_told(shop: Shop, web: WebReceiver) -> None:
    add(shop, "ops", webhook(web))
    finish(shop, "c", "d")
    web.status = 503
    deliver(shop)
    shop.sql("UPDATE notices SET noted_at = now() - interval '71 hours'")
    note_notices(shop.engine, shop.settings)
    assert show_receivers(shop.engine)[0].undelivered == 0
    shop.sql("UPDATE notices SET noted_at = now() - interval '73 hours'")
    note_notices(shop.engine, shop.settings)
    assert (show_receivers(shop.engine)[0].waiting, show_receivers(shop.engine)[0].undelivered) == (0, 2)
    wait_out(shop)
    assert deliver(shop) == []


def test_what_nobody_has_tried_is_not_given_up(shop: Shop, web: WebReceiver) -> None:
    """No worker ran for days."""
    add(shop, "ops", webhook(web))
    finish(shop, "c")
    shop.sql("UPDATE notices SET noted_at = now() - interval '9 days'")
    note_notices(shop.engine, shop.settings)
    assert deliver(shop) == [{"receiver": "ops", "delivered": 1, "failed": 0}]


def test_a_clock_that_was_put_back_by_hours_holds_nothing_up(shop: Shop, web: WebReceiver) -> None:
    add(shop, "ops", webhook(web))
    finish(shop, "c")
    shop.sql("UPDATE deliveries SET next_try_at = now() + interval '5 hours'")
    shop.sql("UPDATE receivers SET not_before = now() + interval '5 hours'")
    assert deliver(shop) == [{"receiver": "ops", "delivered": 1, "failed": 0}]


def test_a_failure_that_comes_late_changes_nothing_and_a_success_counts(shop: Shop, web: WebReceiver) -> None:
    add(shop, "ops", webhook(web))
    finish(shop, "c")
    shop.sql("UPDATE deliveries SET tries = 1")
    web.status = 500
    web.released.clear()
    late = threading.Thread(target=deliver, args=(shop,))
    late.start()
    assert web.arrived.wait(30)
    shop.sql("UPDATE deliveries SET tries = tries + 1")  # another has claimed it since
    web.released.set()
    late.join()
    assert shop.sql("SELECT d.answer, failures FROM deliveries d JOIN receivers r ON r.id = receiver_id") == [
        (None, 0)
    ]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1/x", "http:// would show notices to the network"),
        ("https://127.0.0.1:1/x", "is not a public host"),
        ("https://[::ffff:10.0.0.1]/x", "is not a public host"),
        ("https://2130706433/x", "is not a public host"),
        ("https://169.254.169.254/latest", "is not a public host"),
        ("https://router.lan/x", "is not a public host"),
        ("https://hooks.example.com/x", "has the address 10.1.2.3, which is not public"),
    ],
)
def test_nothing_is_posted_to_a_host_that_is_not_public(shop: Shop, web: WebReceiver, url: str, said: str) -> None:
    """Also where it became usable since it was added, and where its name turns out to mean one's own server."""
    add(shop, "ops", Destination(ReceiverWay.WEBHOOK, url))
    finish(shop, "c")
    strict = msgspec.structs.replace(shop.settings, allow_private_webhooks=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            delivering, "post_notice", lambda *a, **k: post_notice(*a, **k, resolve=lambda _: ["10.1.2.3"])
        )
        deliver(shop, strict)
    [(answer,)] = shop.sql("SELECT answer FROM deliveries")
    assert said in str(answer)


def test_the_connection_goes_to_the_address_that_was_looked_at(shop: Shop, web: WebReceiver) -> None:
    """Nobody looks the name up again: no name server knows this one."""
    add(shop, "ops", Destination(ReceiverWay.WEBHOOK, f"http://hooks.example.invalid:{web.port}/x"))
    finish(shop, "c")
    asked = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with resolving(resolve):
        assert deliver(shop) == [{"receiver": "ops", "delivered": 1, "failed": 0}]
    assert asked == ["hooks.example.invalid"]
    assert web.posted[0].headers["host"] == f"hooks.example.invalid:{web.port}"


def test_a_redirect_is_not_followed(shop: Shop, web: WebReceiver) -> None:
    with web_receiver() as inner:
        web.status, web.location = 307, inner.url
        add(shop, "ops", webhook(web))
        finish(shop, "c")
        deliver(shop)
        assert inner.posted == []
    assert shop.sql("SELECT answer, delivered_at FROM deliveries") == [("HTTP 307 Temporary Redirect", None)]


def test_a_certificate_that_nobody_knows_is_refused_before_anything_is_sent(shop: Shop, tmp_path: Path) -> None:
    with web_receiver(Authority(tmp_path, "nobody").server_context("localhost")) as receiver:
        url = f"https://localhost:{receiver.port}/x"
        add(shop, "ops", Destination(ReceiverWay.WEBHOOK, url))
        finish(shop, "c")
        deliver(shop)
        assert receiver.posted == []
    [(answer,)] = shop.sql("SELECT answer FROM deliveries")
    assert "certificate" in str(answer)


def test_of_a_reply_without_end_nothing_is_kept(shop: Shop, web: WebReceiver) -> None:
    web.status, web.said = 500, b"x" * 10_000_000
    add(shop, "ops", webhook(web))
    finish(shop, "c")
    deliver(shop)
    assert shop.sql("SELECT answer FROM deliveries") == [("HTTP 500 Internal Server Error",)]


def test_mail_is_handed_to_the_server_with_one_id_for_all_tries(shop: Shop, mail: MailReceiver) -> None:
    settings = msgspec.structs.replace(shop.settings, smtp_url=mail.url, mail_from="bot@example.com")
    add(shop, "ops", Destination(ReceiverWay.MAIL, "ops@example.com"))
    finish(shop, "c")
    mail.refusal = "450 come back later, 62 812 345 6789"
    assert deliver(shop, settings) == [{"receiver": "ops", "delivered": 0, "failed": 1}]
    assert shop.sql("SELECT answer FROM deliveries") == [
        ("127.0.0.1: the server refused the receiver's address (450)",)
    ]
    mail.refusal = None
    wait_out(shop)
    assert deliver(shop, settings) == [{"receiver": "ops", "delivered": 1, "failed": 0}]
    [sent] = mail.mails
    assert mail.envelopes == [("bot@example.com", ["ops@example.com"])]
    assert sent["Subject"] == "[broadcaster] campaign c is finished: 1 of 1 message sent"
    assert (sent["From"], sent["To"]) == ("Broadcaster <bot@example.com>", "ops@example.com")
    [(identity,)] = shop.sql("SELECT id::text FROM deliveries")
    assert sent["Message-ID"] == f"<{identity}@example.com>"
    text = sent.get_content()
    assert "total: 1, sent: 1" in text and "`broadcaster campaign report c`" in text


DRIPPING = {
    "greeting": (),
    "EHLO": (b"220 mail.test\r\n",),
    "STARTTLS": (b"220 mail.test\r\n", b"250-mail.test\r\n250 STARTTLS\r\n", b"220 go on\r\n"),
    "MAIL": (b"220 mail.test\r\n", b"250 mail.test\r\n"),
    "DATA": (b"220 mail.test\r\n", b"250 mail.test\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"),
}
"""What a server says, one reply a command, before it says a line now and then without ever coming to an end."""


@pytest.mark.parametrize("before", DRIPPING.values(), ids=DRIPPING)
def test_a_mail_server_that_never_comes_to_an_end_is_left(
    shop: Shop, before: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mails, "_WITHIN", 1.0)  # nobody waits for 20 s here
    # In TLS it is the beginning of a long record.
    drop = b"\x16\x03\x03\x3f\xff" if b"220 go on\r\n" in before else b"220-wait\r\n"
    with talking_server(before, drop) as port:
        settings = msgspec.structs.replace(shop.settings, smtp_url=f"smtp://127.0.0.1:{port}")
        add(shop, "ops", Destination(ReceiverWay.MAIL, "ops@example.com"))
        finish(shop, "c")
        began = time.monotonic()
        assert deliver(shop, settings) == [{"receiver": "ops", "delivered": 0, "failed": 1}]
        assert time.monotonic() - began < 5
    assert shop.sql("SELECT answer FROM deliveries") == [("127.0.0.1: it was not done within 1 s",)]


def mail_to(shop: Shop, monkeypatch: pytest.MonkeyPatch, *replies: bytes) -> tuple[str, str]:
    """What is kept and what is logged of a mail to a server that says these, one reply a command, and hangs up."""
    # A password goes to a server without TLS only here: it says EHLO before and after.
    monkeypatch.setattr(SMTP, "has_extn", lambda self, name: name == "starttls" or name in self.esmtp_features)
    monkeypatch.setattr(SMTP, "starttls", lambda self, **_: setattr(self, "ehlo_resp", None))
    with (
        talking_server((b"220 mail.test\r\n", b"250 mail.test\r\n", *replies), None) as port,
        capture_logs() as logged,
    ):
        url = f"smtp://me:s3cret@127.0.0.1:{port}"
        settings = msgspec.structs.replace(shop.settings, smtp_url=url, mail_from="bot@example.com")
        add(shop, "ops", Destination(ReceiverWay.MAIL, "ops@example.com"))
        finish(shop, "c")
        assert deliver(shop, settings) == [{"receiver": "ops", "delivered": 0, "failed": 1}]
        trial = send_trial_notice(shop.engine, settings, lambda: open_vault(shop.settings), "ops")
    [(kept, failures)] = shop.sql(
        "SELECT d.answer, failures FROM deliveries d JOIN receivers r ON r.id = receiver_id WHERE given_up_at IS NULL"
    )
    assert (failures, trial.is_taken) == (1, False)
    return str(kept), str(logged)


def test_a_challenge_that_is_none_is_an_answer_as_others(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ehlo = b"250-mail.test\r\n250 AUTH CRAM-MD5\r\n"
    kept, _ = mail_to(shop, monkeypatch, ehlo, b"334 x\r\n")
    assert kept == "127.0.0.1: the server said what is not SMTP (Error)"


def test_no_word_of_a_mail_server_is_kept_or_logged(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may repeat what it was told, the password among it, or say phones."""
    argument = base64.b64encode(b"\0me\0s3cret")
    ehlo = b"250-mail.test\r\n250 AUTH PLAIN\r\n"
    kept, logged = mail_to(shop, monkeypatch, ehlo, b"535 no: AUTH PLAIN " + argument + b" 6281234567890\r\n")
    assert kept == "127.0.0.1: the server refused the sender's password (535)"
    assert kept in logged
    assert not [each for each in (argument.decode(), "s3cret", "62812") if each in logged]


def test_no_word_of_a_webhook_is_kept_or_logged(shop: Shop, web: WebReceiver) -> None:
    web.status, web.said = 403, b"no such hook: T0%53ECRET, T0S ECRET, call 6281234567890"
    add(shop, "ops", webhook(web))
    finish(shop, "c")
    with capture_logs() as logged:
        deliver(shop)
    assert shop.sql("SELECT answer FROM deliveries") == [("HTTP 403 Forbidden",)]
    assert "HTTP 403 Forbidden" in str(logged) and "hook" not in str(logged)


def test_what_is_taken_stays_taken_whatever_the_server_says_at_the_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = (*DRIPPING["DATA"], b"250 taken\r\n", b"500 what?\r\n")
    with talking_server(replies, None) as port:
        settings = msgspec.structs.replace(shop.settings, smtp_url=f"smtp://127.0.0.1:{port}")
        add(shop, "ops", Destination(ReceiverWay.MAIL, "ops@example.com"))
        finish(shop, "c")
        assert deliver(shop, settings) == [{"receiver": "ops", "delivered": 1, "failed": 0}]


def test_no_name_ends_a_header(shop: Shop, mail: MailReceiver) -> None:
    settings = msgspec.structs.replace(shop.settings, smtp_url=mail.url, mail_from="bot@example.com")
    add(shop, "ops", Destination(ReceiverWay.MAIL, "ops@example.com"))
    finish(shop, "c")
    shop.sql(
        "UPDATE notices SET document = document || jsonb_build_object('summary', CAST(:hostile AS text))",
        hostile="campaign c\r\nBcc: eve@example.com\r\n\r\nHello",
    )
    deliver(shop, settings)
    [sent] = mail.mails
    assert "Bcc" not in sent
    assert sent["Subject"] == "[broadcaster] campaign c Bcc: eve@example.com Hello"
    assert mail.envelopes[0][1] == ["ops@example.com"]


def test_no_password_and_no_mail_leaves_in_the_clear(shop: Shop, mail: MailReceiver) -> None:
    add(shop, "ops", Destination(ReceiverWay.MAIL, "ops@example.com"))
    finish(shop, "c")
    with_password = f"smtp://me:s3cret@127.0.0.1:{mail.port}?starttls=no"
    deliver(shop, msgspec.structs.replace(shop.settings, smtp_url=with_password, mail_from="bot@example.com"))
    assert mail.mails == []
    assert not [line for line in mail.heard if "AUTH" in line or "s3cret" in line]
    [(answer,)] = shop.sql("SELECT answer FROM deliveries")
    assert answer == "127.0.0.1: it offers no STARTTLS, and nothing is sent in the clear"


def test_without_a_mail_server_it_waits_and_says_so(shop: Shop) -> None:
    add(shop, "ops", Destination(ReceiverWay.MAIL, "ops@example.com"))
    finish(shop, "c")
    said = "BROADCASTER_SMTP_URL is not set where this was sent from"
    deliver(shop)
    assert shop.sql("SELECT answer FROM deliveries") == [(said,)]
    assert send_trial_notice(shop.engine, shop.settings, lambda: open_vault(shop.settings), "ops") == (
        False,
        said,
        None,
    )


def phone(shop: Shop, name: str = "ops") -> None:
    add(shop, name, Destination(ReceiverWay.WHATSAPP, OPERATOR, "a"))


def to_operator(shop: Shop) -> list[str]:
    return [str(each.body) for each in shop.gateway.ledger.entries if each.accepted and each.phone == OPERATOR]


def send(shop: Shop) -> None:
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)


def test_a_notice_by_whatsapp_goes_the_way_of_all_messages_once_and_is_counted_nowhere(shop: Shop) -> None:
    phone(shop)
    finish(shop, "c")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: deliver(shop), range(8)))
    send(shop)
    [text] = to_operator(shop)
    assert text.splitlines()[0] == "campaign c is finished: 1 of 1 message sent"
    dispatch.finish_campaigns(shop.engine)
    assert note_notices(shop.engine, shop.settings) == [], "it is no campaign that is told of"
    assert shop.sql("SELECT count(*) FROM campaign_report") == [(1,)]


def test_a_notice_that_was_handed_over_and_not_marked_is_not_handed_over_again(shop: Shop) -> None:
    phone(shop)
    finish(shop, "c")
    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(delivering, "_mark_taken", die)  # that is where it is killed
        deliver(shop)
    wait_out(shop)
    assert deliver(shop) == []
    send(shop)
    assert len(to_operator(shop)) == 1


def test_two_that_have_claimed_one_notice_by_whatsapp_hand_it_over_once(shop: Shop) -> None:
    """The first one's lease had ended, and it was only slow."""
    phone(shop)
    finish(shop, "c")
    with transaction(shop.engine) as connection:
        claimed = delivering.claim_delivery(connection, 1)
    assert claimed is not None
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: send_notice(shop.engine, lambda: open_vault(shop.settings), claimed), range(4))
        )
    assert all(answer.is_taken for answer in answers)
    send(shop)
    assert len(to_operator(shop)) == 1


def test_an_instance_in_trouble_sends_the_notice_once_it_is_well(shop: Shop) -> None:
    phone(shop)
    finish(shop, "c")
    shop.sql("UPDATE lanes SET health = 'down', health_reason = 'so'")
    deliver(shop)
    assert shop.sql("SELECT answer FROM deliveries") == [("instance a is down, and sends nothing",)]
    shop.sql("UPDATE lanes SET health = 'ok', health_reason = NULL")
    wait_out(shop)
    assert deliver(shop) == [{"receiver": "ops", "delivered": 0, "handed_over": 1, "failed": 0}]


def test_an_operator_who_has_opted_out_gets_none_and_it_shows(shop: Shop) -> None:
    phone(shop)
    finish(shop, "c")
    block_phones(shop.engine, [OPERATOR])
    [trouble] = find_troubled_receivers(shop.engine)
    assert trouble.says == "gets nothing: its phone has opted out, and 1 notice waits"
    assert deliver(shop) == [{"receiver": "ops", "delivered": 0, "failed": 1}]
    send(shop)
    assert to_operator(shop) == []
    [receiver] = show_receivers(shop.engine)
    assert (receiver.delivered, receiver.waiting, receiver.answer) == (0, 1, "its phone has opted out")
    tried = send_trial_notice(shop.engine, shop.settings, lambda: open_vault(shop.settings), "ops")
    assert tried == (False, "its phone has opted out", None)
    unblock_phones(shop.engine, [OPERATOR])
    assert find_troubled_receivers(shop.engine)[0].says == "takes no notices, and 1 waits for it"
    wait_out(shop)
    deliver(shop)
    send(shop)
    assert len(to_operator(shop)) == 1, "nothing is lost meanwhile"


def test_a_phone_that_has_opted_out_is_told_of_before_anything_happens(shop: Shop) -> None:
    phone(shop)
    block_phones(shop.engine, [OPERATOR])
    [trouble] = find_troubled_receivers(shop.engine)
    assert trouble.says == "gets nothing: its phone has opted out"
    assert trouble.remedy.command == "broadcaster notify set ops --whatsapp PHONE --instance a"


def test_a_phone_that_has_opted_out_becomes_no_receiver(shop: Shop) -> None:
    block_phones(shop.engine, [OPERATOR])
    with pytest.raises(InputError, match="this number has opted out"):
        phone(shop)
    add(shop, "ops", Destination(ReceiverWay.WHATSAPP, "6281288888888", "a"))
    elsewhere = ReceiverChange(Destination(ReceiverWay.WHATSAPP, OPERATOR, "a"))
    with pytest.raises(InputError, match="this number has opted out"):
        change_receiver(shop.engine, lambda: open_vault(shop.settings), "ops", elsewhere)


def settled(shop: Shop) -> tuple[int, int, int]:
    """After another look: how many are delivered, wait, and did not arrive."""
    note_notices(shop.engine, shop.settings)
    [receiver] = show_receivers(shop.engine)
    return receiver.delivered, receiver.waiting, receiver.undelivered


def test_a_notice_by_whatsapp_is_delivered_once_its_message_is_sent(shop: Shop) -> None:
    phone(shop)
    finish(shop, "c")
    deliver(shop)
    assert settled(shop) == (0, 1, 0)
    assert deliver(shop) == [], "it is its instance's by now"
    send(shop)
    assert settled(shop) == (1, 0, 0)
    [sent] = shop.sql("SELECT delivered_at = changed_at FROM deliveries JOIN messages USING (campaign_id)")
    assert sent == (True,)


@pytest.mark.parametrize(
    ("state", "reason", "answer"),
    [
        ("skipped", "opted_out", "its message is skipped: opted out"),
        ("failed", "no WhatsApp", "its message is failed: no WhatsApp"),
        ("expired", None, "its message is expired"),
        ("cancelled", None, "its message is cancelled"),
    ],
)
def test_a_notice_whose_message_ends_unsent_has_not_arrived(
    shop: Shop, state: str, reason: str | None, answer: str
) -> None:
    phone(shop)
    finish(shop, "c")
    deliver(shop)
    if state == "failed":
        end_message(shop, "sending", None)
    end_message(shop, state, reason)
    assert settled(shop) == (0, 0, 1)
    assert 'broadcaster_notices_given_up{receiver="ops"} 1.0' in exposition(shop.engine, shop.settings).decode()
    [trouble] = find_troubled_receivers(shop.engine)
    assert (trouble.says, trouble.detail) == ("did not get 1 notice of the last week", answer)
    [logged] = read_deliveries(shop.engine, "ops", undelivered=True, limit=9)
    assert (logged.outcome, logged.next_try_at) == (state, None)
    wait_out(shop)
    assert due_receivers(shop.engine) == {}, "it is not sent again"


def test_a_notice_that_nobody_knows_of_is_delivered_once_somebody_does(shop: Shop) -> None:
    phone(shop)
    finish(shop, "c")
    deliver(shop)
    for state in ("sending", "in_doubt", "unknown"):
        end_message(shop, state, None)
    assert settled(shop) == (0, 0, 1)
    end_message(shop, "sent", None)
    assert settled(shop) == (1, 0, 0)


def end_message(shop: Shop, state: str, reason: str | None) -> None:
    """Bring the message that brings the notice to this state."""
    shop.sql(
        "UPDATE messages m SET state = CAST(:state AS message_state), reason = :reason, changed_at = now() "
        "FROM deliveries d WHERE m.campaign_id = d.campaign_id",
        state=state,
        reason=reason,
    )


def test_with_a_person_who_is_forgotten_goes_the_receiver(shop: Shop) -> None:
    phone(shop)
    finish(shop, "c")
    forget_phone(shop.engine, open_vault(shop.settings), OPERATOR)
    assert show_receivers(shop.engine) == []
    with pytest.raises(InputError, match="forgotten"):
        phone(shop)
    assert due_receivers(shop.engine) == {}


def test_an_instance_that_sends_notices_is_not_removed(shop: Shop) -> None:
    phone(shop)
    with pytest.raises(ConflictError, match="sends notices to receiver 'ops'"):
        remove_instance(shop.engine, "a")


def test_a_test_says_what_the_receiver_answered_and_hastens_what_waits(shop: Shop, web: WebReceiver) -> None:
    add(shop, "ops", webhook(web))
    finish(shop, "c")
    web.status, web.said = 503, b"closed today"
    deliver(shop)
    refused = send_trial_notice(shop.engine, shop.settings, lambda: open_vault(shop.settings), "ops")
    assert refused[:2] == (False, "HTTP 503 Service Unavailable")
    assert deliver(shop) == []
    web.status = 204
    taken = send_trial_notice(shop.engine, shop.settings, lambda: open_vault(shop.settings), "ops")
    assert taken[:2] == (True, "HTTP 204 No Content")
    assert web.posted[-1].document["type"] == "test"
    assert "this is a test" in web.posted[-1].document["data"]["summary"]
    assert deliver(shop) == [{"receiver": "ops", "delivered": 1, "failed": 0}]


def test_a_test_that_fails_is_no_lost_notice(shop: Shop, web: WebReceiver) -> None:
    add(shop, "ops", webhook(web))
    web.status = 503
    assert not send_trial_notice(shop.engine, shop.settings, lambda: open_vault(shop.settings), "ops").is_taken
    assert (show_receivers(shop.engine)[0].undelivered, show_receivers(shop.engine)[0].waiting) == (0, 0)
    assert 'broadcaster_notices_given_up{receiver="ops"} 0.0' in exposition(shop.engine, shop.settings).decode()
    assert [each.outcome for each in read_deliveries(shop.engine, "ops", undelivered=True, limit=9)] == ["given up"]


def test_another_secret_signs_what_follows_and_the_address_stays(shop: Shop, web: WebReceiver) -> None:
    first = add(shop, "ops", webhook(web))
    second = change_receiver(shop.engine, lambda: open_vault(shop.settings), "ops", ReceiverChange(new_secret=True))
    assert second is not None and second != first
    finish(shop, "c")
    deliver(shop)
    verify(web.posted[0], second)
    with web_receiver() as other:
        change_receiver(shop.engine, lambda: open_vault(shop.settings), "ops", ReceiverChange(webhook(other)))
        finish(shop, "d")
        deliver(shop)
        verify(other.posted[0], second)
