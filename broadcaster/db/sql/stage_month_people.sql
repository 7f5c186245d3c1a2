CREATE /* stage_month_people */ TEMPORARY TABLE month_people (
    phone text NOT NULL,
    selection integer NOT NULL
) ON COMMIT DROP
