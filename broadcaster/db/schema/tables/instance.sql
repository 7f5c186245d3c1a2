CREATE TABLE accounts (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint bytea NOT NULL UNIQUE,
    key_encrypted bytea,
    base_url text NOT NULL,
    wire wire NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    next_read_at timestamptz NOT NULL DEFAULT '-infinity',
    reads_a_second smallint NOT NULL DEFAULT 4,
    unreadable_since timestamptz,
    next_truth_at timestamptz NOT NULL DEFAULT '-infinity',
    truth_since timestamptz NOT NULL DEFAULT '-infinity',
    truth_sample text[] NOT NULL DEFAULT '{}',
    truth_shown integer NOT NULL DEFAULT 0,
    truth_missing integer NOT NULL DEFAULT 0,
    CONSTRAINT accounts_reads_positive_check CHECK (reads_a_second >= 1)
);
COMMENT ON TABLE accounts IS
    'What instances are at the gateway. One that no instance has any more is kept for reading back.';
COMMENT ON COLUMN accounts.id IS 'Attempts and doubts carry it.';
COMMENT ON COLUMN accounts.fingerprint IS 'Keyed hash of URL and key: tells accounts apart without telling the key.';
COMMENT ON COLUMN accounts.key_encrypted IS 'Its WAChatPro key, sealed for its URL; null: erased.';
COMMENT ON COLUMN accounts.base_url IS 'Where the API answers, without a trailing slash.';
COMMENT ON COLUMN accounts.wire IS 'How requests are encoded.';
COMMENT ON COLUMN accounts.created_at IS 'When an instance first had it.';
COMMENT ON COLUMN accounts.next_read_at IS 'No chat is read back through it before: reads are paced apart from sends.';
COMMENT ON COLUMN accounts.reads_a_second IS
    'How many chats are read in a second: more while it answers, half as many where it does not.';
COMMENT ON COLUMN accounts.unreadable_since IS 'Since when its chats cannot be read; null: they can.';
COMMENT ON COLUMN accounts.next_truth_at IS 'No accepted message is looked for in its chat before.';
COMMENT ON COLUMN accounts.truth_since IS
    'Only messages that were accepted later are looked for: an operator has resumed its instance then.';
COMMENT ON COLUMN accounts.truth_sample IS
    'The messages that were looked for lately, the latest first: each counts once.';
COMMENT ON COLUMN accounts.truth_shown IS 'Of those, so many were shown lately,';
COMMENT ON COLUMN accounts.truth_missing IS 'and so many were not.';

CREATE TABLE instances (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    account_id integer NOT NULL UNIQUE REFERENCES accounts,
    rate_per_second double precision,
    burst integer NOT NULL,
    interval_seconds double precision NOT NULL,
    tolerance_seconds double precision NOT NULL,
    gaps jsonb,
    typical_rate_per_second double precision GENERATED ALWAYS AS (1 / nullif(
        interval_seconds
        + greatest(0, coalesce((gaps #>> '{gap,most}')::double precision, 0) - interval_seconds) / 2
        + coalesce(((gaps #>> '{rest,span,least}')::double precision + (gaps #>> '{rest,span,most}')::double precision)
            / 2 / (gaps #>> '{rest,after}')::double precision, 0),
        0
    )) STORED,
    max_in_flight integer NOT NULL,
    reply_rules jsonb,
    country text,
    read_replies_seconds double precision,
    confirm_opt_out text,
    hours_id integer REFERENCES opening_hours,
    stops jsonb,
    judged_since timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT instances_burst_positive_check CHECK (burst >= 1),
    CONSTRAINT instances_country_code_check CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT instances_rest_check CHECK (NOT gaps ? 'rest' OR interval_seconds > 0),
    CONSTRAINT instances_max_in_flight_positive_check CHECK (max_in_flight >= 1),
    CONSTRAINT instances_pace_not_negative_check CHECK (interval_seconds >= 0 AND tolerance_seconds >= 0),
    CONSTRAINT instances_read_replies_positive_check CHECK (read_replies_seconds > 0),
    CONSTRAINT instances_rate_positive_check CHECK (rate_per_second > 0)
);
COMMENT ON TABLE instances IS 'Names for accounts, each with its limits.';
COMMENT ON COLUMN instances.id IS 'Also the id of its lane.';
COMMENT ON COLUMN instances.name IS 'What operators call it.';
COMMENT ON COLUMN instances.account_id IS 'What it is at the gateway; no other instance is the same.';
COMMENT ON COLUMN instances.rate_per_second IS 'Messages per second; null: unlimited.';
COMMENT ON COLUMN instances.burst IS 'Accepted requests in any window W never exceed rate*W + burst.';
COMMENT ON COLUMN instances.interval_seconds IS 'Seconds between two messages, 0 when unlimited (domain/pacing.py).';
COMMENT ON COLUMN instances.tolerance_seconds IS
    'Seconds by which messages may run ahead of the even pace (domain/pacing.py).';
COMMENT ON COLUMN instances.typical_rate_per_second IS
    'Messages per second that its rate, gaps and rests come to, all in all; null: unlimited.';
COMMENT ON COLUMN instances.gaps IS
    'What chance puts between messages, and after how many it rests (domain/gaps.py); null: nothing.';
COMMENT ON COLUMN instances.max_in_flight IS 'Requests under way at once, at most.';
COMMENT ON COLUMN instances.reply_rules IS 'Differences from the default reply rules; null: none.';
COMMENT ON COLUMN instances.country IS
    'ISO 3166 code of numbers that are written without their country code; null: not known.';
COMMENT ON COLUMN instances.read_replies_seconds IS
    'How many seconds apart its chats are listed for replies; null: they are not.';
COMMENT ON COLUMN instances.confirm_opt_out IS
    'What a person gets from it, once for ever, who opts out by a word; null: nothing.';
COMMENT ON COLUMN instances.hours_id IS 'When it may send; null: always.';
COMMENT ON COLUMN instances.stops IS 'At which figures of the last day it pauses itself (domain/care.py); null: none.';
COMMENT ON COLUMN instances.judged_since IS
    'What came to pass before says nothing: the limits were set then, or an operator has let it go on.';
COMMENT ON COLUMN instances.retired_at IS
    'Since when it is closed: no new campaign names it, and what is pending goes to others; null: it is in use.';
COMMENT ON COLUMN instances.created_at IS 'When it was added.';

CREATE TABLE lanes (
    id integer PRIMARY KEY REFERENCES instances ON DELETE CASCADE,
    health lane_health NOT NULL DEFAULT 'ok',
    health_reason text,
    health_since timestamptz NOT NULL DEFAULT now(),
    failures integer NOT NULL DEFAULT 0,
    outcome_run jsonb,
    not_before timestamptz,
    rest_seconds double precision,
    lease_token uuid,
    lease_expires_at timestamptz,
    lease_holder text,
    clock timestamptz NOT NULL DEFAULT now(),
    since_rest integer NOT NULL DEFAULT 0,
    woken_at timestamptz,
    account_id integer NOT NULL REFERENCES accounts
) WITH (fillfactor = 50);
COMMENT ON TABLE lanes IS 'The outbound queue of one instance: pace, health, lease. The unit that a worker holds.';
COMMENT ON COLUMN lanes.id IS 'The instance''s id.';
COMMENT ON COLUMN lanes.health IS 'Whether it can be sent through (docs/states.md).';
COMMENT ON COLUMN lanes.health_reason IS 'Why it is not ok, in the gateway''s or the operator''s words.';
COMMENT ON COLUMN lanes.health_since IS 'When the health last changed.';
COMMENT ON COLUMN lanes.failures IS
    'Instance troubles since the last good reply: the exponent of the probe''s back-off.';
COMMENT ON COLUMN lanes.outcome_run IS
    'What its latest outcomes say together, and which refusals it has learned (domain/outcome_run.py).';
COMMENT ON COLUMN lanes.not_before IS 'No request leaves before this moment (throttled, down).';
COMMENT ON COLUMN lanes.rest_seconds IS
    'How long the rest was meant to be: not_before is never taken to lie further ahead.';
COMMENT ON COLUMN lanes.lease_token IS 'Who may send now; null: nobody. Each write of a holder is guarded by it.';
COMMENT ON COLUMN lanes.lease_expires_at IS 'From when on another worker may take the lane.';
COMMENT ON COLUMN lanes.lease_holder IS 'The worker that holds the lane, for people.';
COMMENT ON COLUMN lanes.clock IS 'The GCRA''s theoretical arrival time: when the next message is due at an even pace.';
COMMENT ON COLUMN lanes.since_rest IS 'How many messages were claimed since it last rested (instances.gaps).';
COMMENT ON COLUMN lanes.woken_at IS 'When a wake-up was last published for it.';
COMMENT ON COLUMN lanes.account_id IS
    'The account that it sends through under its lease; the instance may have another one by now.';

CREATE TABLE looks (
    account_id integer NOT NULL REFERENCES accounts ON DELETE CASCADE,
    segment bigint NOT NULL,
    campaign_id bigint NOT NULL,
    seq integer NOT NULL,
    number_class text NOT NULL,
    content_kind content_kind NOT NULL,
    accepted_at timestamptz NOT NULL,
    looked_at timestamptz NOT NULL,
    is_shown boolean NOT NULL,
    late_seconds double precision NOT NULL,
    entries integer NOT NULL,
    PRIMARY KEY (account_id, segment, campaign_id, seq)
);
COMMENT ON TABLE looks IS
    'Accepted messages that were lately looked for in their chats: what reading an account back can prove.';
COMMENT ON COLUMN looks.account_id IS 'Whose.';
COMMENT ON COLUMN looks.segment IS 'Of the message that was looked for,';
COMMENT ON COLUMN looks.campaign_id IS 'its campaign,';
COMMENT ON COLUMN looks.seq IS 'and its place in it.';
COMMENT ON COLUMN looks.number_class IS 'What its number is (domain/whatsapp_numbers.py).';
COMMENT ON COLUMN looks.content_kind IS 'What it was.';
COMMENT ON COLUMN looks.accepted_at IS 'When the gateway took it.';
COMMENT ON COLUMN looks.looked_at IS 'When it was last looked for.';
COMMENT ON COLUMN looks.is_shown IS 'Whether its chat showed it then.';
COMMENT ON COLUMN looks.late_seconds IS
    'How old it was when last looked for in vain: others of its kind may be shown as late. 0: never.';
COMMENT ON COLUMN looks.entries IS 'How long the list was that was looked through.';
