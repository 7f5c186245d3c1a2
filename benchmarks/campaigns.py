"""Instances and campaigns in any number, made by SQL: what a figure needs to find, and not what it measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from benchmarks.contenders import messages as each_message
from benchmarks.stand import Stand
from broadcaster.db.engine import transaction
from broadcaster.domain.pacing import default_burst, pace

_SETTINGS = ("work_mem = '1GB'", "maintenance_work_mem = '1GB'", "max_parallel_maintenance_workers = 2")

_STRIDE = 7_368_787
"""From one number to the next in a list of no order; a prime, so that each number comes once."""
_BARE_PARTITION = """
DO $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT conname FROM pg_constraint WHERE conrelid = 'messages_0'::regclass AND contype IN ('p', 'u')
    LOOP
        EXECUTE format('ALTER TABLE messages_0 DROP CONSTRAINT %I', each.conname);
    END LOOP;
    FOR each IN SELECT indexrelid::regclass AS name FROM pg_index WHERE indrelid = 'messages_0'::regclass LOOP
        EXECUTE format('DROP INDEX %s', each.name);
    END LOOP;
END
$$
"""
_CAMPAIGN = """
WITH content AS (
    INSERT INTO contents (kind, digest, body) VALUES ('text', sha256(:body), :body)
    ON CONFLICT (kind, digest) DO UPDATE SET body = excluded.body
    RETURNING id
), campaign AS (
    INSERT INTO campaigns (name, state, priority, max_attempts, source)
    VALUES (:name, 'draft', :priority, 5, 'benchmark') RETURNING id
)
INSERT INTO content_versions (campaign_id, version, content_id)
SELECT campaign.id, 1, content.id FROM campaign CROSS JOIN content
RETURNING campaign_id
"""
# Spread evenly over the lanes, as `submit` does it.
_MESSAGES = """
INSERT INTO messages_0 (segment, campaign_id, seq, lane_id, recipient_group, phone, variables, state, reason)
SELECT
    0,
    :campaign,
    n,
    lane_id,
    (n - 1) * :groups / :total,
    '49151' || lpad((n * :stride % :total)::text, 8, '0'),
    jsonb_build_object('name', 'Customer ' || n, 'order', '10-' || n),
    CASE WHEN n > :pending THEN 'failed' ELSE 'pending' END::message_state,
    CASE WHEN n > :pending THEN 'refused for reason ' || n % 20 END
FROM (
    SELECT lane_id, row_number() OVER (ORDER BY nth / share, lane_id) AS n
    FROM unnest(CAST(:lanes AS int[]), CAST(:shares AS double precision[])) AS lane (lane_id, share)
    CROSS JOIN generate_series(1, share::int) AS nth
) numbered
"""
_COUNTERS = """
INSERT INTO campaign_lanes (campaign_id, lane_id, total, pending, failed)
SELECT
    :campaign, lane_id, count(*), count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'failed')
FROM messages_0 WHERE campaign_id = :campaign GROUP BY lane_id
"""

_FAILURES = """
INSERT INTO failure_counts (campaign_id, lane_id, state, reason, messages, example_seq)
SELECT campaign_id, lane_id, state, reason, count(*), max(seq)
FROM messages_0 WHERE campaign_id = :campaign AND state = 'failed' GROUP BY campaign_id, lane_id, state, reason
"""


def add_instances(stand: Stand, rates: Mapping[str, float | None], *, burst: int | None = None) -> list[int]:
    """One instance for each name, at so many messages a second (None: unlimited); their lane ids, in order.

    An instance's key is its name. `burst` None: the default.
    """
    rows = []
    for name, rate in rates.items():
        limit = pace(rate, burst or default_burst(rate))
        rows.append(
            {
                "name": name,
                "fingerprint": name.encode(),
                "key": stand.vault.seal(name, stand.sink.base_url),
                "url": stand.sink.base_url,
                "rate": rate,
                "burst": limit.burst,
                "interval": limit.interval,
                "tolerance": limit.tolerance,
            }
        )
    with transaction(stand.engine) as connection:
        connection.execute(
            text(
                "WITH account AS ("
                "INSERT INTO accounts (fingerprint, key_encrypted, base_url, wire)"
                " VALUES (:fingerprint, :key, :url, 'json') RETURNING id"
                ") INSERT INTO instances (name, account_id, rate_per_second, burst,"
                " interval_seconds, tolerance_seconds, max_in_flight)"
                " SELECT :name, id, :rate, :burst, :interval, :tolerance, 16 FROM account"
            ),
            rows,
        )
        connection.execute(
            text("INSERT INTO lanes (id, account_id) SELECT id, account_id FROM instances ON CONFLICT DO NOTHING")
        )
        ids: dict[str, int] = dict(connection.execute(text("SELECT name, id FROM instances")).tuples().all())
    return [ids[name] for name in rates]


def add_campaign(
    stand: Stand,
    name: str,
    shares: Mapping[int, int],
    *,
    failed: int = 0,
    priority: int = 0,
    groups: int = 1,
    in_order: bool = True,
) -> int:
    """A draft with so many messages for each lane, the last `failed` of which have failed; returns its id.

    Recipients are of so many `groups`, numbered from 0, whose clocks differ, one after the other; `in_order`:
    as their numbers are.
    The partition is filled without indexes, which are built afterwards; no worker may be running.
    """
    total = sum(shares.values())
    with transaction(stand.engine) as connection:
        for setting in _SETTINGS:
            connection.execute(text(f"SET LOCAL {setting}"))
        campaign = int(
            connection.execute(
                text(_CAMPAIGN), {"name": name, "priority": priority, "body": each_message.TEXT.encode()}
            ).scalar_one()
        )
        connection.execute(text("ALTER TABLE messages DETACH PARTITION messages_0"))
        connection.execute(text(_BARE_PARTITION))
        _fill(connection, campaign, shares, total - failed, groups, 1 if in_order else _STRIDE)
        # Builds every index that the table has and the partition lacks.
        connection.execute(text("ALTER TABLE messages ATTACH PARTITION messages_0 FOR VALUES IN (0)"))
    stand.vacuum()
    return campaign


def even(lanes: Sequence[int], messages: int) -> Mapping[int, int]:
    """The same share for each lane."""
    return dict.fromkeys(lanes, messages // len(lanes))


def _fill(
    connection: Connection, campaign: int, shares: Mapping[int, int], pending: int, groups: int, stride: int
) -> None:
    parameters = {
        "campaign": campaign,
        "lanes": list(shares),
        "shares": [float(share) for share in shares.values()],
        "pending": pending,
        "groups": groups,
        "stride": stride,
        "total": sum(shares.values()),
    }
    connection.execute(text(_MESSAGES), parameters)
    connection.execute(text(_COUNTERS), parameters)
    connection.execute(text(_FAILURES), parameters)
