SELECT /* reply_figures */
-- What came back for a campaign: messages, from how many of its recipients, and how soon after its message the first of
-- each of them, in the middle of all; how many of them opted out by a word, and how many others may have asked for it. The
-- same after a purge, which takes words and numbers alone.
    coalesce(sum(r.replies), 0)::bigint AS replies,
    count(*) AS answered,
    count(*) FILTER (WHERE r.stops) AS opted_out_by_reply,
    count(*) FILTER (WHERE r.may_ask AND NOT r.stops) AS near_misses,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY r.first_after) AS seconds_to_first_reply
FROM (
    SELECT
        count(*) AS replies,
        min(seconds_after) AS first_after,
        coalesce(bool_or(meaning = 'stop'), false) AS stops,
        coalesce(bool_or(meaning = 'near_miss'), false) AS may_ask
    FROM replies
    WHERE campaign_id = %(campaign_id)s
    GROUP BY seq
) r
