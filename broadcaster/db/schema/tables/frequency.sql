CREATE TABLE caps (
    span_seconds integer PRIMARY KEY,
    most integer NOT NULL,
    CONSTRAINT caps_most_positive_check CHECK (most >= 1),
    CONSTRAINT caps_span_positive_check CHECK (span_seconds >= 1)
);
COMMENT ON TABLE caps IS 'How many messages a person gets in any span, whatever the campaigns: all of these hold.';
COMMENT ON COLUMN caps.span_seconds IS 'The span; there is one cap for each.';
COMMENT ON COLUMN caps.most IS 'So many messages to one phone in any span, at most.';

CREATE TABLE frequency_records (
    is_kept boolean PRIMARY KEY DEFAULT true,
    since timestamptz NOT NULL,
    span_seconds integer NOT NULL,
    grace_seconds double precision NOT NULL,
    CONSTRAINT frequency_records_alone_check CHECK (is_kept),
    CONSTRAINT frequency_records_grace_not_negative_check CHECK (grace_seconds >= 0),
    CONSTRAINT frequency_records_span_positive_check CHECK (span_seconds >= 1)
);
COMMENT ON TABLE frequency_records IS
    'Whether claims keep messaged_phones: they do while this row is there, from the first cap or cooldown on.';
COMMENT ON COLUMN frequency_records.is_kept IS 'There is one row, or none.';
COMMENT ON COLUMN frequency_records.since IS 'Of what was claimed since then nothing is missing,';
COMMENT ON COLUMN frequency_records.span_seconds IS 'as far as it is no older than this and the grace.';
COMMENT ON COLUMN frequency_records.grace_seconds IS
    'The gateway may accept a message so long after its claim: as the settings have it, which a tick keeps.';

CREATE TABLE messaged_phones (
    phone text COLLATE "C" PRIMARY KEY,
    moments timestamptz[] NOT NULL,
    cooldown_seconds integer,
    is_capped boolean NOT NULL DEFAULT true,
    free_at timestamptz
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE messaged_phones IS
    'When each person was messaged lately, by whatever campaign: when it was claimed, unless it provably was not accepted.';
COMMENT ON COLUMN messaged_phones.phone IS 'E.164 digits without the plus.';
COMMENT ON COLUMN messaged_phones.moments IS 'Those moments, the latest first.';
COMMENT ON COLUMN messaged_phones.cooldown_seconds IS
    'What the campaign asks for that claimed for this person last, so that one statement decides on the row as it is.';
COMMENT ON COLUMN messaged_phones.is_capped IS 'The same: whether caps hold for it.';
COMMENT ON COLUMN messaged_phones.free_at IS 'What that claim was told: so long the person gets nothing of it; null: it could.';
