"""The one message to who has opted out: that it is heard. Once to each person, and nothing else (invariant I10)."""

from __future__ import annotations

import pytest

from broadcaster.crypto import open_vault
from broadcaster.db.engine import transaction
from broadcaster.db.statements import values
from broadcaster.errors import ConflictError
from broadcaster.services import dispatch
from broadcaster.services.campaigns.confirmations import confirm_opt_out
from broadcaster.services.campaigns.lifecycle import (
    cancel_campaign,
    pause_campaign,
    resume_campaign,
    retry_campaign,
    start_campaign,
)
from broadcaster.services.consent.block_list import block_phones
from broadcaster.services.consent.opt_outs import opt_out_by_reply
from broadcaster.services.forgetting.phone_forgetting import forget_phone, readmit_phone
from broadcaster.services.inbox import inbox_reader
from broadcaster.simulator.ledger import INCOMING
from tests.support.people import listens, read_replies, write
from tests.support.shop import Shop, drain

AYU, BUDI = "628120000000", "628120000001"
HEARD = "You get no more messages. START brings them back."


@pytest.fixture
def shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Two people have got a campaign of an instance that confirms opt-outs."""
    monkeypatch.setattr(inbox_reader, "RUN_SECONDS", 0.1)
    for name in ("a", "b"):
        shop.add(name)
        shop.sql("UPDATE instances SET confirm_opt_out = :text WHERE name = :name", text=HEARD, name=name)
    shop.submit("c", 2, "a")
    drain(shop)
    listens(shop, "a", "b")
    return shop


def hear(shop: Shop, *words: str, phone: str = AYU, instance: str = "a", readers: int = 1) -> None:
    """The person writes so, a word every two seconds, and whatever follows is done."""
    for word in words:
        write(shop, phone, word, instance=instance)
        entries = shop.gateway.ledger.entries
        entries[-1].time_ns += 2 * 10**9 * sum(entry.endpoint == INCOMING for entry in entries)
        read_replies(shop, readers=readers)
    send(shop)


def send(shop: Shop) -> None:
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    dispatch.finish_campaigns(shop.engine)


def got(shop: Shop, phone: str = AYU) -> list[str]:
    """What reached the person after the campaign."""
    entries = [entry for entry in shop.gateway.ledger.entries if entry.accepted and entry.phone == phone]
    return [str(entry.body) for entry in entries if entry.body != "Hi N0" and entry.body != "Hi N1"]


def test_a_stop_is_confirmed_once_for_ever_and_a_broadcast_reaches_nobody(shop: Shop) -> None:
    hear(shop, "STOP")
    assert got(shop) == [HEARD]
    hear(shop, "stop!", "START", "STOP", "START", "Unsubscribe", readers=3)
    assert got(shop) == [HEARD]
    shop.submit("again", 2, "a")
    drain(shop)
    assert shop.states("again") == {"sent": 1, "skipped": 1}
    assert got(shop) == [HEARD]
    assert shop.sql("SELECT count(*) FROM opt_outs WHERE way = 'reply'") == [(3,)]
    # It is a message like any other, of a campaign that is over.
    [(state, phone, campaign)] = shop.sql(
        "SELECT m.state, m.phone, c.state FROM messages m JOIN campaigns c ON c.id = m.campaign_id"
        " WHERE c.confirms IS NOT NULL"
    )
    assert (state, phone, campaign) == ("sent", AYU, "finished")


def test_each_instance_confirms_what_is_written_to_it(shop: Shop) -> None:
    hear(shop, "STOP")
    hear(shop, "START", "STOP", instance="b")
    hear(shop, "START", "STOP", instance="b")
    assert got(shop) == [HEARD, HEARD]
    hear(shop, "STOP", phone=BUDI, instance="b")
    assert got(shop, BUDI) == [HEARD]


def test_by_default_nothing_is_confirmed(shop: Shop) -> None:
    shop.sql("UPDATE instances SET confirm_opt_out = NULL")
    hear(shop, "STOP")
    assert got(shop) == []
    assert shop.sql("SELECT count(*) FROM confirmed_opt_outs") == [(0,)]


def test_whoever_is_blocked_by_command_gets_none(shop: Shop) -> None:
    block_phones(shop.engine, [AYU], reason="asked")
    hear(shop, "STOP")
    assert got(shop) == []
    write(shop, BUDI, "STOP")
    read_replies(shop)
    # Also where the command comes between the word and the confirmation.
    block_phones(shop.engine, [BUDI], reason="asked", instance="a")
    send(shop)
    assert got(shop, BUDI) == []


def test_who_wants_messages_again_before_it_leaves_gets_none(shop: Shop) -> None:
    hear(shop, "STOP", "START")
    assert got(shop) == []


def test_who_is_forgotten_gets_none_and_after_coming_back_no_second_one(shop: Shop) -> None:
    vault = open_vault(shop.settings)
    write(shop, BUDI, "STOP")
    read_replies(shop)
    forget_phone(shop.engine, vault, BUDI)
    send(shop)
    assert got(shop, BUDI) == []
    hear(shop, "STOP")
    forget_phone(shop.engine, vault, AYU)
    assert AYU not in str(shop.sql("SELECT * FROM confirmed_opt_outs"))
    readmit_phone(shop.engine, vault, AYU)
    listens(shop, "a")
    hear(shop, "START", "STOP")
    assert shop.sql("SELECT count(*) FROM opt_outs WHERE way = 'reply' AND phone = :phone", phone=AYU) == [(2,)]
    assert got(shop) == [HEARD]


def test_one_is_enough_under_every_form_of_a_number(shop: Shop) -> None:
    made = []
    for phone in ("525512345678", "5215512345678"):
        with transaction(shop.engine) as connection:
            opt_out = opt_out_by_reply(connection, phone, words="STOP", inbound_id=1)
            assert opt_out is not None
            made.append(confirm_opt_out(connection, phone, opt_out_id=opt_out, lane_id=1))
    assert made[0] is not None and made[1] is None


def test_a_mark_lets_nobody_else_be_reached(shop: Shop) -> None:
    """Whatever a campaign is said to confirm, the claim looks whose opt-out that is."""
    hear(shop, "STOP", phone=BUDI)
    with transaction(shop.engine) as connection:
        opt_out = opt_out_by_reply(connection, AYU, words="STOP", inbound_id=9)
    assert opt_out is not None
    shop.submit("promo", 1, "a", first=1)
    shop.sql("UPDATE campaigns SET confirms = :id, test_of = id WHERE name = 'promo'", id=opt_out)
    drain(shop)
    assert (got(shop, BUDI), got(shop)) == ([HEARD], [])


def test_it_is_tried_again_like_any_other(shop: Shop) -> None:
    shop.fault("kind=invalid_number")
    hear(shop, "STOP")
    assert got(shop) == []
    [(name,)] = shop.sql("SELECT name FROM campaigns WHERE confirms IS NOT NULL")
    shop.fault()
    assert retry_campaign(shop.engine, str(name)).messages == 1
    send(shop)
    assert got(shop) == [HEARD]


def test_one_that_waits_for_its_turn_is_looked_up_for_what_it_is(shop: Shop) -> None:
    write(shop, AYU, "STOP")
    read_replies(shop)
    [(confirming,)] = shop.sql("SELECT id FROM campaigns WHERE confirms IS NOT NULL")

    def stopped() -> list[int]:
        """The places of a broadcast and the confirmation, of those that may not leave."""
        with transaction(shop.engine) as connection:
            return values(connection, "opted_out", phones=[AYU, AYU], lanes=[1, 1], campaigns=[1, confirming])

    assert stopped() == [1]
    block_phones(shop.engine, [AYU], reason="asked")
    assert sorted(stopped()) == [1, 2]


def test_nobody_steers_a_confirmation(shop: Shop) -> None:
    hear(shop, "STOP")
    [(name,)] = shop.sql("SELECT name FROM campaigns WHERE confirms IS NOT NULL")
    for move in (pause_campaign, resume_campaign, cancel_campaign, start_campaign):
        with pytest.raises(ConflictError, match=r"confirms an opt-out: .*--confirm-opt-out off"):
            move(shop.engine, str(name))
