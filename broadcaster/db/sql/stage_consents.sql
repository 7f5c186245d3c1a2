CREATE /* stage_consents */ TEMPORARY TABLE staged_consents (
    phone text NOT NULL,
    forms text[] NOT NULL,
    words text,
    given_on date
) ON COMMIT DROP
