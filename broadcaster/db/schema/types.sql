-- The closed sets, with the same members as the enums in broadcaster/domain (a test compares them), and the rows that
-- functions hand to each other.

CREATE TYPE wire AS ENUM ('json', 'form');
CREATE TYPE lane_health AS ENUM ('ok', 'throttled', 'down', 'refused', 'paused');
CREATE TYPE message_state AS ENUM (
    'pending', 'sending', 'sent', 'failed', 'in_doubt', 'unknown', 'skipped', 'cancelled', 'expired'
);
CREATE TYPE outcome AS ENUM ('accepted', 'rejected', 'throttled', 'not_sent', 'unknown');
CREATE TYPE resolution AS ENUM ('found', 'absent', 'unknown', 'settled');
CREATE TYPE content_kind AS ENUM ('text', 'file', 'file_url');
CREATE TYPE campaign_state AS ENUM ('draft', 'scheduled', 'running', 'paused', 'finished', 'cancelled');
CREATE TYPE schedule_state AS ENUM ('active', 'paused', 'ended');
CREATE TYPE misfire AS ENUM ('skip', 'catch-up', 'hold');
CREATE TYPE overlap AS ENUM ('queue', 'skip');
CREATE TYPE opt_out_way AS ENUM ('command', 'file', 'reply', 'import', 'readmission');
CREATE TYPE inbound_meaning AS ENUM ('stop', 'start', 'near_miss');
CREATE TYPE move_reason AS ENUM ('failover', 'back', 'replaced', 'retired', 'reshared');
CREATE TYPE receiver_way AS ENUM ('webhook', 'mail', 'whatsapp');
CREATE TYPE notice_event AS ENUM (
    'campaign.finished', 'campaign.stopped', 'campaign.stuck', 'campaign.doubts', 'campaign.optouts', 'schedule.held', 'instance.trouble',
    'instance.well', 'test'
);
CREATE TYPE occurrence_state AS ENUM ('queued', 'started', 'held', 'skipped', 'rejected', 'failed');

-- How many messages more or fewer are in a state, of one campaign and lane; `due`: when the first that came is due.
CREATE TYPE message_change AS (
    campaign_id bigint,
    lane_id integer,
    state message_state,
    due timestamptz,
    delta integer
);

-- How many messages more or fewer failed or the like for a reason; `seq`: the last of them that came.
CREATE TYPE failure_change AS (
    campaign_id bigint,
    lane_id integer,
    state message_state,
    reason text,
    seq integer,
    delta bigint
);

-- The key of a message.
CREATE TYPE message_key AS (segment bigint, campaign_id bigint, seq integer);

-- To whom a message was claimed, and when.
CREATE TYPE person_claim AS (phone text, claimed_at timestamptz);
