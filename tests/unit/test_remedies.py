"""Which command helps, read from a gateway's own words."""

from __future__ import annotations

import pytest

from broadcaster.domain.instances import Wire
from broadcaster.domain.outcomes import WRONG_ADDRESS_HINT
from broadcaster.domain.remedies import address_remedy, learning_remedy
from tests.support.commands import assert_runnable

URL, FORM = "--base-url URL", "--wire form"


@pytest.mark.parametrize(
    ("reason", "command"),
    [
        (f"HTTP 404: nothing answers there as a gateway: {WRONG_ADDRESS_HINT}", URL),
        ("HTTP 404: Not Found", URL),
        ("cannot read its chats: HTTP 404: 404 not found", URL),
        ("HTTP 405: whatever", URL),
        ("HTTP 400: Cannot POST /wa/wa/send", URL),
        ("refused 5 attempts in a row with “no such endpoint”, which no rule knows", URL),
        ("The requested URL was not found on this server", URL),
        (f"HTTP 415: nothing answers there as a gateway: {WRONG_ADDRESS_HINT}", FORM),
        ("refused 5 attempts in a row with “takes the form encoding only”, which no rule knows", FORM),
        ("HTTP 400: Content-Type must be application/x-www-form-urlencoded", FORM),
        ("HTTP 404: The device is not connected", None),
        ("HTTP 400: only paid accounts may inform customers", None),
        ("HTTP 401: wrong key", None),
        ("did not say of 5 attempts in a row whether it took them: the reply is not JSON", None),
        (None, None),
    ],
)
def test_a_wrong_url_and_a_wrong_encoding_are_told_apart(reason: str | None, command: str | None) -> None:
    remedy = address_remedy("my shop", reason, Wire.JSON)
    assert (remedy and remedy.command) == (command and f"broadcaster instance set 'my shop' {command}")
    assert_runnable(str(remedy or ""))


def test_an_instance_that_sends_forms_is_told_to_send_json() -> None:
    remedy = address_remedy("main", "HTTP 415", Wire.FORM)
    assert remedy is not None
    assert remedy.command == "broadcaster instance set main --wire json"


@pytest.mark.parametrize(
    ("reason", "learned"),
    [
        ("refused 5 attempts in a row with “Nomor ditolak”, which no rule knows", "'Nomor ditolak'"),
        ("HTTP 499: Nomor ditolak", "'Nomor ditolak'"),
        ("id 7781: it's [key] that the gateway does not like…", "'that the gateway does not like'"),
        ("refused 5 attempts in a row with “HTTP 499”, which no rule knows", "'HTTP 499'"),
        ("HTTP 499: E17", "'HTTP 499'"),
        ("word " * 30, "'word word word word word word word word word word word word'"),
    ],
)
def test_a_refusal_is_learned_by_its_own_words_or_else_by_its_status(reason: str, learned: str) -> None:
    remedy = learning_remedy("my shop", reason)
    assert remedy.command == f"broadcaster instance rules 'my shop' learn {learned} --about gateway"
    assert_runnable(str(remedy))


@pytest.mark.parametrize("reason", ["“the gateway refused it without a reason”", "E17", ""])
def test_where_there_is_nothing_to_learn_the_instance_is_checked(reason: str) -> None:
    assert learning_remedy("main", reason).command == "broadcaster instance check main"
