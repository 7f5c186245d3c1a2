CREATE /* stage_listed_rows */ TEMPORARY TABLE listed_rows (
    seq integer NOT NULL,
    phone text,
    variables jsonb NOT NULL
) ON COMMIT DROP
