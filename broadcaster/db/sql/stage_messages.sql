CREATE /* stage_messages */ TEMPORARY TABLE staged_messages (
    phone text NOT NULL,
    seq integer NOT NULL,
    lane_id integer NOT NULL,
    ordinal smallint NOT NULL DEFAULT 1,
    recipient_group smallint NOT NULL DEFAULT 0,
    variables jsonb,
    home_lane_id integer
) ON COMMIT DROP
