CREATE TABLE limits (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text UNIQUE,
    lane_id integer REFERENCES lanes ON DELETE CASCADE,
    most integer NOT NULL,
    span_seconds integer NOT NULL,
    bucket_seconds double precision NOT NULL,
    grace_seconds double precision NOT NULL,
    counts integer[] NOT NULL DEFAULT '{}',
    newest bigint NOT NULL DEFAULT 0,
    free_at timestamptz NOT NULL DEFAULT '-infinity',
    ramp integer[] NOT NULL DEFAULT '{}',
    step integer NOT NULL DEFAULT 1,
    step_since timestamptz NOT NULL DEFAULT now(),
    UNIQUE (lane_id, span_seconds, ramp),
    CONSTRAINT limits_grace_not_negative_check CHECK (grace_seconds >= 0),
    CONSTRAINT limits_most_positive_check CHECK (most >= 1),
    CONSTRAINT limits_of_one_or_named_check CHECK ((name IS NULL) = (lane_id IS NOT NULL)),
    CONSTRAINT limits_ramp_says_most_check CHECK (ramp = '{}' OR most = ramp[step]),
    CONSTRAINT limits_span_has_buckets_check CHECK (bucket_seconds > 0 AND span_seconds >= bucket_seconds)
) WITH (fillfactor = 50);
COMMENT ON TABLE limits IS
    'How many messages may leave in any span, of a lane or of all lanes or campaigns that share it: counts by bucket of time.';
COMMENT ON COLUMN limits.id IS 'Limits are locked in the order of their ids.';
COMMENT ON COLUMN limits.name IS 'What operators call one that lanes or campaigns share; null: it is one lane''s own.';
COMMENT ON COLUMN limits.lane_id IS 'Whose own it is; null: shared.';
COMMENT ON COLUMN limits.most IS 'So many messages in any span, at most.';
COMMENT ON COLUMN limits.span_seconds IS 'The span.';
COMMENT ON COLUMN limits.bucket_seconds IS 'What is claimed in one bucket of time is counted as one.';
COMMENT ON COLUMN limits.grace_seconds IS
    'The gateway may accept a message so long after its claim: as the settings have it, which a tick keeps.';
COMMENT ON COLUMN limits.counts IS 'How many were claimed in each bucket, the newest first.';
COMMENT ON COLUMN limits.newest IS 'Which bucket comes first in counts: its number since 1970.';
COMMENT ON COLUMN limits.free_at IS 'When the next place is free, as of the latest claim; -infinity: there was one.';
COMMENT ON COLUMN limits.ramp IS 'What `most` is at each step of a lane that is broken in; empty: it stays as it is.';
COMMENT ON COLUMN limits.step IS 'At which step of the ramp it is, from 1.';
COMMENT ON COLUMN limits.step_since IS 'Since when. The next step comes after a day in which the lane sent and was well.';

CREATE TABLE lane_limits (
    lane_id integer NOT NULL REFERENCES lanes ON DELETE CASCADE,
    limit_id integer NOT NULL REFERENCES limits ON DELETE CASCADE,
    PRIMARY KEY (lane_id, limit_id)
);
COMMENT ON TABLE lane_limits IS 'Which limits hold for a lane: its own, and those that it shares.';
COMMENT ON COLUMN lane_limits.lane_id IS 'The lane,';
COMMENT ON COLUMN lane_limits.limit_id IS 'and a limit that holds for it.';
CREATE INDEX lane_limits_limit_id_idx ON lane_limits (limit_id);
