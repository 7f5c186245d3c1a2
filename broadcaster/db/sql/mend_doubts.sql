WITH /* mend_doubts */
-- Doubts that met a step of the clock: back by %(back)s seconds, or %(gap)s seconds of which nobody knows whether they
-- passed. A poll that lies further ahead than its interval tells of a step back that was too short to be noticed.
-- Nothing that was seen so far counts as absence (invariant I4): the readings begin anew, and one that is under way is
-- void, since its poll is over.
-- Its request may have left that much earlier than the doubt says. It did not end earlier than the doubt says, except
-- where that lies in the future. Seconds that may never have passed are no part of its age: so a deadline grows by the
-- time in which nothing was read back, and by no more than the steps forward.
met AS (
    SELECT
        d.segment, d.campaign_id, d.seq, d.attempt,
        greatest(%(back)s, poll.ahead) AS least_back,
        greatest(%(back)s, CASE WHEN poll.ahead > 0 THEN extract(epoch FROM d.next_poll_at - now()) END) AS most_back
    FROM doubts d
    CROSS JOIN LATERAL (
        SELECT CASE d.polls WHEN 0 THEN interval '0'
            ELSE least(%(longest)s, %(first)s * power(2, least(d.polls - 1, 20))) END AS wait
    ) usual
    CROSS JOIN LATERAL (
        SELECT CASE WHEN d.next_poll_at > now() + usual.wait + interval '1 s'
            THEN extract(epoch FROM d.next_poll_at - usual.wait - now()) ELSE 0 END AS ahead
    ) poll
    WHERE d.resolved_as IS NULL AND (%(back)s > 0 OR %(gap)s > 0 OR poll.ahead > 0)
    ORDER BY d.segment, d.campaign_id, d.seq, d.attempt
    FOR UPDATE OF d
)
UPDATE doubts d
SET
    started_at = CASE
        WHEN met.most_back > 0 THEN least(d.started_at - make_interval(secs => met.most_back + %(slack)s), now())
        ELSE d.started_at
    END,
    ended_at = CASE
        WHEN met.least_back > 0 AND d.ended_at > now() + %(longest_request)s + interval '1 s'
            THEN least(d.ended_at - make_interval(secs => met.least_back), now() + %(longest_request)s)
        WHEN d.ended_at < now() THEN least(d.ended_at + make_interval(secs => %(gap)s), now())
        ELSE d.ended_at
    END,
    polls = least(d.polls + 1, 32767),
    absences = 0,
    next_poll_at = now()
FROM met
WHERE d.segment = met.segment AND d.campaign_id = met.campaign_id AND d.seq = met.seq AND d.attempt = met.attempt
