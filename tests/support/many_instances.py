"""More instances than anybody adds by hand, put into the tables as `instance add` would leave them."""

from __future__ import annotations

from sqlalchemy import Engine, text

from broadcaster.base_urls import DEFAULT_BASE_URL
from broadcaster.crypto import open_vault
from broadcaster.settings import Settings
from tests.support.database import as_owner

_STATEMENTS = (
    "INSERT INTO accounts (fingerprint, key_encrypted, base_url, wire)"
    " SELECT sha256(n::text::bytea), :token, :url, 'json' FROM generate_series(1, :count) n",
    "INSERT INTO instances"
    " (name, account_id, rate_per_second, burst, interval_seconds, tolerance_seconds, max_in_flight)"
    " SELECT 'shop ' || lpad(row_number() OVER (ORDER BY id)::text, 6, '0'), id, 1, 2, 1, 1, 16 FROM accounts",
    "INSERT INTO lanes (id, account_id, health, health_reason)"
    " SELECT i.id, i.account_id,"
    " (CASE WHEN row_number() OVER (ORDER BY i.id) <= :unwell THEN 'down' ELSE 'ok' END)::lane_health,"
    " CASE WHEN row_number() OVER (ORDER BY i.id) <= :unwell THEN 'HTTP 503: the phone is not connected' END"
    " FROM instances i",
    "ANALYZE",
)


def add_many_instances(engine: Engine, settings: Settings, count: int, unwell: int = 0) -> None:
    """`shop 000001` and so on; the first `unwell` of them are down. All have the same key, which instances cannot."""
    token = open_vault(settings).seal("a-key", DEFAULT_BASE_URL)
    parameters = {"token": token, "url": DEFAULT_BASE_URL, "count": count, "unwell": unwell}
    with as_owner(engine).begin() as connection:
        for statement in _STATEMENTS:
            connection.execute(text(statement), parameters)


def open_campaign_over_all(engine: Engine, messages: int) -> None:
    """A running campaign with a part on every instance, each with so many pending messages; these are not there."""
    with as_owner(engine).begin() as connection:
        content = "INSERT INTO contents (kind, digest, body) VALUES ('text', sha256('Hi'), 'Hi') RETURNING id"
        campaign = connection.scalar(
            text(
                "WITH campaign AS (INSERT INTO campaigns (name, state, max_attempts, starts_at, started_at)"
                " VALUES ('everywhere', 'running', 3, now(), now()) RETURNING id)"
                " INSERT INTO content_versions (campaign_id, version, content_id) SELECT id, 1, :content FROM campaign"
                " RETURNING campaign_id"
            ),
            {"content": connection.scalar(text(content))},
        )
        parts = (
            "INSERT INTO campaign_lanes (campaign_id, lane_id, total, pending, open)"
            " SELECT :campaign, id, :messages, :messages, true FROM lanes"
        )
        connection.execute(text(parts), {"campaign": campaign, "messages": messages})
        connection.execute(text("ANALYZE"))
