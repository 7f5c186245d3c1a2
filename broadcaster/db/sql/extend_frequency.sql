WITH /* extend_frequency */
-- What was sent in the span before claims kept it is taken from the history. One at a time: the row is locked. What was
-- being sent at that moment is kept as it was noted, and may count twice: that errs on the side of fewer messages.
kept AS MATERIALIZED (
    SELECT
        since,
        since - make_interval(secs => grace_seconds) AS noted_since,
        now() - make_interval(secs => span_seconds + grace_seconds) AS beginning
    FROM frequency_records
    WHERE since > now() - make_interval(secs => span_seconds + grace_seconds)
    FOR UPDATE
), noted AS (
    INSERT INTO messaged_phones AS p (phone, moments)
    SELECT h.phone COLLATE "C", array_agg(h.moment ORDER BY h.moment DESC)
    FROM kept
    CROSS JOIN LATERAL messaged_between(kept.beginning, kept.since) h
    GROUP BY 1
    ORDER BY 1
    ON CONFLICT (phone) DO UPDATE
    SET moments = ARRAY(
        SELECT u.moment
        FROM unnest(p.moments || excluded.moments) WITH ORDINALITY AS u (moment, place)
        WHERE u.place > cardinality(p.moments) OR u.moment >= (SELECT noted_since FROM kept)
        ORDER BY u.moment DESC
    )
)
UPDATE frequency_records f
SET since = kept.beginning
FROM kept
WHERE f.since > kept.beginning
