-- What is dated later than this is taken as new, where it is not known yet (gateway's clock). A day is read again and
-- again: so the gateway's clock may be put back by as much, and lists may be late, and nothing is missed. What lists have
-- left out may be older, and is waited for for a week.
CREATE FUNCTION taken_from(inbox inboxes) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN greatest(
    (inbox).since,
    least(
        (inbox).listed_until - interval '1 day',
        CASE WHEN (inbox).gap_from IS NOT NULL
            THEN greatest((inbox).gap_from, (inbox).listed_until - interval '7 days')
        END
    )
);
