CREATE VIEW reply_report AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    n.sent,
    r.replies,
    r.answered,
    r.answered / nullif(n.sent, 0)::double precision AS reply_rate,
    r.opted_out_by_reply,
    r.opted_out_by_reply / nullif(n.sent, 0)::double precision AS opt_out_rate,
    r.near_misses,
    r.seconds_to_first_reply
FROM campaigns c
CROSS JOIN LATERAL (SELECT sum(cl.sent) AS sent FROM campaign_lanes cl WHERE cl.campaign_id = c.id) n
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(each_person.replies), 0)::bigint AS replies,
        count(*) AS answered,
        count(*) FILTER (WHERE each_person.stops) AS opted_out_by_reply,
        count(*) FILTER (WHERE each_person.may_ask AND NOT each_person.stops) AS near_misses,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY each_person.first_after) AS seconds_to_first_reply
    FROM (
        SELECT
            count(*) AS replies,
            min(seconds_after) AS first_after,
            coalesce(bool_or(meaning = 'stop'), false) AS stops,
            coalesce(bool_or(meaning = 'near_miss'), false) AS may_ask
        FROM replies
        WHERE campaign_id = c.id
        GROUP BY seq
    ) each_person
) r
WHERE c.test_of IS NULL;
COMMENT ON VIEW reply_report IS
    'One row per campaign: how many answered and how soon, and how many opted out by a word, or may have asked for it.';
