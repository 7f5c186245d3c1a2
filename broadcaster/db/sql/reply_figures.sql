SELECT /* reply_figures */
-- What came back for a campaign: messages, from how many of its recipients, and how soon after its message the first of
-- each of them, in the middle of all. The same after a purge, which takes words and numbers alone.
    coalesce(sum(r.replies), 0)::bigint AS replies,
    count(*) AS answered,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY r.first_after) AS seconds_to_first_reply
FROM (
    SELECT count(*) AS replies, min(seconds_after) AS first_after
    FROM replies
    WHERE campaign_id = %(campaign_id)s
    GROUP BY seq
) r
