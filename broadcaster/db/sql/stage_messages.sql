CREATE /* stage_messages */ TEMPORARY TABLE staged_messages (
    phone text NOT NULL,
    seq integer NOT NULL,
    lane_id integer NOT NULL,
    variables jsonb
) ON COMMIT DROP
