"""Plans of what has begun tell the rest from the whole, whichever instance has sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from broadcaster.domain.plan_remarks import said_expiry
from tests.support.plan_runs import foreseen
from tests.support.shop import Shop, drain


def test_what_one_instance_has_sent_makes_what_another_one_has_left_a_rest(shop: Shop) -> None:
    shop.add("a")
    shop.add("b", "1/min")
    expires_at = datetime.now(UTC) + timedelta(minutes=10)
    shop.submit("c", 20, "a", "b", weights={"a": 1.0, "b": 1.0}, expires_at=expires_at)
    shop.sql(
        "UPDATE lanes SET health = 'refused', health_since = now() FROM instances i"
        " WHERE i.id = lanes.id AND i.name = 'b'"
    )
    whole = foreseen(shop, "c")
    assert (whole.rest_of, whole.expire, whole.expire_stopped) == (None, 10, 10)
    drain(shop)
    assert shop.states("c") == {"pending": 10, "sent": 10}
    rest = foreseen(shop, "c")
    assert rest.rest_of == 20
    told = f"the rest of it, 10 of 20 messages, will expire at {rest.expires_at} unless 'b' is "
    assert said_expiry(rest, str) == f"{told}well again before"
