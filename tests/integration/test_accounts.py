"""An instance that gets another key or URL is another account: what the old one sent is read back there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import msgspec
import pytest
from sqlalchemy import Engine

from broadcaster.base_urls import same_server_urls, usable_base_url
from broadcaster.crypto import open_vault
from broadcaster.domain.instances import Wire
from broadcaster.errors import ConflictError, UsageError
from broadcaster.services import dispatch
from broadcaster.services.accounts import erase_unused_keys
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.instance_removal import remove_instance
from broadcaster.services.instances import add_instance
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.settings import Settings
from broadcaster.simulator import InstanceConfig, SimulatorConfig, background
from tests.support.reading_back import read_back
from tests.support.shop import Shop, drain, prove

pytestmark = pytest.mark.usefixtures("quick_rounds")

PHONE = "628120000000"


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    quick = msgspec.structs.replace(settings, doubt_settle_seconds=0.05, doubt_poll_seconds=0.01, doubt_polls=2)
    accounts = tuple(InstanceConfig(name=name, key=f"key-{name}") for name in ("a", "new", "b"))
    with background(SimulatorConfig(instances=accounts)) as gateway:
        shop = Shop(engine, quick, gateway)
        shop.add("a", max_in_flight=1)
        yield shop


def change(shop: Shop, name: str, **changes: str | Wire) -> None:
    set_instance(shop.engine, open_vault(shop.settings), name, InstanceChanges(**changes))  # type: ignore[arg-type]


def reads_of(shop: Shop) -> set[str]:
    return {entry.instance for entry in shop.gateway.ledger.entries if entry.endpoint == "/wa/messages"}


def accepted_by(shop: Shop, instance: str) -> list[str]:
    return [e.phone for e in shop.gateway.ledger.entries if e.accepted and e.instance == instance]


def test_what_is_in_doubt_when_the_key_changes_is_found_in_the_old_accounts_chats(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_after_accept,count=5")
    drain(shop)
    shop.fault()
    change(shop, "a", key="key-new")
    prove(shop)
    read_back(shop)
    assert shop.states("c") == {"sent": 5}
    assert reads_of(shop) == {"a"}
    assert set(shop.accepted().values()) == {1}


def test_what_the_old_account_did_not_take_is_sent_by_the_new_one(shop: Shop) -> None:
    shop.submit("c", 3, "a")
    shop.fault("kind=drop_before_accept,nth=2,count=1")
    drain(shop)
    shop.fault()
    change(shop, "a", key="key-new")
    read_back(shop)
    assert shop.states("c") == {"sent": 2, "pending": 1}
    shop.sql("UPDATE lanes SET woken_at = NULL")
    drain(shop)
    assert shop.states("c") == {"sent": 3}
    assert (len(accepted_by(shop, "a")), len(accepted_by(shop, "new"))) == (2, 1)


def test_a_lane_that_is_held_sends_nothing_more_under_the_old_key(shop: Shop) -> None:
    shop.submit("c", 40, "a")
    shop.fault("kind=latency,seconds=0.05,endpoint=/wa/send")

    async def run() -> int:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(3)
            await asyncio.to_thread(change, shop, "a", key="key-new")
            before = len(accepted_by(shop, "a"))
            await draining
            return before

    before = asyncio.run(run())
    assert len(accepted_by(shop, "a")) <= before + 2, "what was on its way, and a claim that was being committed"
    shop.sql("UPDATE lanes SET woken_at = NULL")
    drain(shop)
    assert shop.states("c") == {"sent": 40}
    assert set(shop.accepted().values()) == {1}


def test_a_refusal_of_the_old_key_does_not_stop_the_new_one(shop: Shop) -> None:
    shop.submit("c", 3, "a")
    shop.fault("kind=latency,seconds=0.5,endpoint=/wa/send", "kind=bad_key,instance=a")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await asyncio.to_thread(lambda: [None for _ in iter(lambda: _sending(shop), True)])
            await asyncio.to_thread(change, shop, "a", key="key-new")
            await draining

    asyncio.run(run())
    assert shop.sql("SELECT health::text FROM lanes") == [("ok",)]
    shop.sql("UPDATE lanes SET woken_at = NULL")
    shop.sql("UPDATE messages SET next_attempt_at = now()")
    shop.sql("UPDATE campaign_lanes SET next_due_at = now()")
    drain(shop)
    assert shop.states("c") == {"sent": 3}
    assert len(accepted_by(shop, "new")) == 3


def _sending(shop: Shop) -> bool:
    return bool(shop.states("c").get("sending"))


def test_two_instances_with_one_account_are_refused(shop: Shop) -> None:
    shop.add("b")
    with pytest.raises(ConflictError, match="instance 'a' has this key at this URL already"):
        add_instance(
            shop.engine,
            open_vault(shop.settings),
            "c",
            " key-a\n",
            base_url=f"{shop.gateway.base_url}/",
            rate_per_second=None,
        )
    with pytest.raises(ConflictError, match="instance 'a' has this key at this URL already"):
        change(shop, "b", key="key-a")
    with pytest.raises(ConflictError, match="instance 'a'"):
        add_instance(
            shop.engine,
            open_vault(shop.settings),
            "c",
            "key-a",
            base_url=shop.gateway.base_url,
            wire=Wire.FORM,
            rate_per_second=None,
        )
    assert shop.sql("SELECT name FROM instances ORDER BY name") == [("a",), ("b",)]


@pytest.mark.parametrize(
    "spelling", ["https://127.0.0.1:{}", "http://LOCALHOST:{}/", "http://localhost.:{}", "http://[::1]:{}"]
)
def test_an_account_under_another_spelling_of_its_url_is_refused(shop: Shop, spelling: str) -> None:
    url = spelling.format(urlsplit(shop.gateway.base_url).port)
    with pytest.raises(ConflictError, match=f"'a' has this key .* already, which it has as {shop.gateway.base_url}:"):
        add_instance(shop.engine, open_vault(shop.settings), "c", "key-a", base_url=url, rate_per_second=None)
    set_instance(shop.engine, open_vault(shop.settings), "a", InstanceChanges(base_url=url))
    assert shop.sql("SELECT base_url FROM accounts JOIN instances i ON i.account_id = accounts.id") == [
        (usable_base_url(url),)
    ], "an instance may spell its own otherwise, and is sent through that"


def test_of_many_that_add_one_account_at_once_one_gets_it(shop: Shop) -> None:
    vault = open_vault(shop.settings)
    urls = same_server_urls(shop.gateway.base_url)

    def add(number: int) -> bool:
        try:
            add_instance(
                shop.engine, vault, f"n{number}", "key-b", base_url=urls[number % len(urls)], rate_per_second=None
            )
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(16))) == 1


def test_an_account_that_moves_to_another_instance_keeps_what_it_sent(shop: Shop) -> None:
    """The same text twice to one phone, through one account under two names: one entry vouches for one message."""
    shop.submit("one", 1, "a")
    drain(shop)
    change(shop, "a", key="key-new")
    shop.add("b")
    change(shop, "b", key="key-a")
    shop.submit("two", 1, "b")
    shop.fault("kind=drop_before_accept")
    drain(shop)
    shop.fault()
    prove(shop)
    read_back(shop)
    assert shop.states("two").get("sent") is None, "the entry is the first campaign's"


def test_an_old_key_is_erased_once_nothing_of_it_is_in_doubt(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_after_accept")
    drain(shop)
    shop.fault()
    change(shop, "a", key="key-new")
    assert erase_unused_keys(shop.engine) == 0
    read_back(shop, rounds=2)
    assert shop.states("c") == {"sent": 1}
    assert erase_unused_keys(shop.engine) == 1
    assert shop.sql("SELECT key_encrypted IS NULL FROM accounts ORDER BY id") == [(True,), (False,)]
    change(shop, "a", key="key-a")
    assert shop.sql("SELECT key_encrypted IS NULL FROM accounts ORDER BY id") == [(False,), (False,)]


def test_a_removed_instance_leaves_no_key_behind(shop: Shop) -> None:
    remove_instance(shop.engine, "a")
    erase_unused_keys(shop.engine)
    assert shop.sql("SELECT FROM accounts WHERE key_encrypted IS NOT NULL") == []


def test_another_wire_is_no_other_account(shop: Shop) -> None:
    change(shop, "a", wire=Wire.FORM)
    assert shop.sql("SELECT wire::text FROM accounts") == [("form",)]
    shop.submit("c", 2, "a")
    drain(shop)
    assert shop.states("c") == {"sent": 2}


def test_a_key_that_is_copied_to_another_url_opens_nothing(shop: Shop) -> None:
    shop.sql("UPDATE accounts SET base_url = 'http://127.0.0.1:9'")
    shop.submit("c", 1, "a")
    drain(shop)
    assert shop.sql("SELECT health::text FROM lanes") == [("refused",)]
    assert shop.states("c") == {"pending": 1}


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://h", "http://", "http://h?x=1", "http://h#x", "http://u:secret@h", "http://h:0", "http://h:99999"),
        *("http://a b", "http://1.2.3.999", "h", "http://h\\x", "http://h\nx", "http:///x", "", "http://h/wa/send"),
    ],
)
def test_an_unusable_url_is_refused_wherever_it_is_given_and_not_repeated(shop: Shop, url: str) -> None:
    vault = open_vault(shop.settings)
    for use in (
        lambda: add_instance(shop.engine, vault, "c", "k", base_url=url, rate_per_second=None),
        lambda: set_instance(shop.engine, vault, "a", InstanceChanges(base_url=url)),
    ):
        with pytest.raises(UsageError, match="--base-url: ") as refusal:
            use()
        assert "secret" not in str(refusal.value)


def test_a_worker_that_died_under_the_old_key_leaves_its_doubts_to_that_account(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    drain(shop)
    shop.sql("DELETE FROM attempts")
    shop.count_attempts_anew()
    shop.sql("UPDATE campaigns SET state = 'running', finished_at = NULL")
    shop.sql("UPDATE messages SET state = 'sending', gateway_id = NULL, claim_token = gen_random_uuid()")
    change(shop, "a", key="key-new")
    assert dispatch.recover_leases(shop.engine, request_timeout=0.0).in_doubt == 1
    read_back(shop, rounds=2)
    assert shop.states("c") == {"sent": 1}
    assert reads_of(shop) == {"a"}
