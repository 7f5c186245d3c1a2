CREATE /* stage_members */ TEMPORARY TABLE staged_members (
    seq bigint NOT NULL,
    phone text NOT NULL,
    variables jsonb NOT NULL
) ON COMMIT DROP
