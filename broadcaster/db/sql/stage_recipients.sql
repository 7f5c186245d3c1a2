CREATE TEMPORARY TABLE staged_recipients (
    seq integer, -- null: rejected
    line bigint NOT NULL,
    lane_id integer,
    phone text NOT NULL,
    variables jsonb,
    reason text
) ON COMMIT DROP
