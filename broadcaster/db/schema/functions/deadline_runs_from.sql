-- From when on the deadline of a doubt runs. Time in which its account could not be read is no part of it. One whose chat
-- could not be read at the latest poll has ten minutes more: twice as long as two polls are apart at most, so that it is
-- read once more before it is given up, unless its chat alone cannot be read.
CREATE FUNCTION deadline_runs_from(ended_at timestamptz, unreadable_seconds double precision, is_unread boolean)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT ended_at + make_interval(secs => unreadable_seconds + CASE WHEN is_unread THEN 600 ELSE 0 END)
$$;
